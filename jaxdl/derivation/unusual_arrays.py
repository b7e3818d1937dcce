"""Unusual arrays: the first example of a function in bfloat16, and with each axis in turn of size 0."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.derivation.cotangents import Case, Program, random_cotangents
from jaxdl.derivation.discovery import arguments_of, is_floating
from jaxdl.derivation.relative_errors import describe_largest_difference, relative_error

BFLOAT16_BOUND = 0.1  # relative to the largest entry; bfloat16 has 8 significant bits


class UnusualCase(NamedTuple):
    """An unusual version of an example.

    Attributes:
        case: Inputs of unusual size or precision, and the correct cotangents.
        bound: Largest relative error of a correct VJP.
    """

    case: Case
    bound: float


def unusual_cases(f, case: Case, reference: Program) -> Iterator[UnusualCase]:
    """Make unusual versions of a case, with the correct cotangents of each.

    Those in bfloat16 are jax's for the rounded inputs, in float64. Those of an empty axis are zeros, if no output is
    left, because then the objective does not depend on anything.
    """
    g, arguments, settings = case.inputs[1]
    half = jax.tree.map(_to_bfloat16, (g, arguments))
    if all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(_outputs(f, case, half[1]))):
        rounded = case._replace(inputs=((*jax.tree.map(_to_double, half), case.inputs[0][2]),))
        in_half = case._replace(title="bfloat16", inputs=((*half, settings),))
        yield UnusualCase(in_half._replace(reference=(reference([rounded], 0)[0],)), BFLOAT16_BOUND)
    for axis, emptied in _with_an_empty_axis(f, arguments):
        try:
            outputs = _outputs(f, case, emptied)
        except (ArithmeticError, TypeError, ValueError):  # f does not accept this
            continue
        floating = tuple(filter(is_floating, emptied))
        if not any(leaf.size for leaf in jax.tree.leaves(outputs)) or not any(
            a.size for a in jax.tree.leaves(floating)
        ):
            zeros = jax.tree.map(np.zeros_like, floating)
            inputs = (random_cotangents(outputs, np.float32), emptied, settings)
            yield UnusualCase(case._replace(title=f"{axis} of size 0", inputs=(inputs,), reference=(zeros,)), 0.0)


def unusual_fault(unusual: UnusualCase, names: Sequence[str], hand: Any) -> str:
    """Return the fault of the hand-derived cotangents in an unusual case, if any."""
    leaves = (jax.tree.leaves(cotangents) for cotangents in (hand, unusual.case.reference[0]))
    for name, mine, theirs in zip(names, *leaves, strict=True):
        if relative_error(mine, theirs) > unusual.bound:
            return describe_largest_difference(name, mine, theirs)
    return ""


def _with_an_empty_axis(f, arguments) -> Iterator[tuple[str, tuple]]:
    """Yield each named axis of the first array, and the arguments with size 0 of this axis."""
    axes_of = [
        _axes(annotation, np.ndim(a)) for annotation, a in zip(arguments_of(f).values(), arguments, strict=False)
    ]
    for axis in dict.fromkeys(next(filter(None, axes_of), [])):
        emptied = [
            argument[tuple(slice(0, 0) if name == axis else slice(None) for name in axes)] if axis in axes else argument
            for axes, argument in zip(axes_of, arguments, strict=True)
        ]
        yield axis.lstrip("*"), tuple(emptied)


def _axes(annotation, rank) -> list[str]:
    """Return a name for each axis; a starred name stands for its first axis, and the others are called "_"."""
    names = getattr(annotation, "dim_str", "").split()
    starred = rank - len(names) + 1
    axes = [each for name in names for each in ([name, *["_"] * (starred - 1)][:starred] if name[0] == "*" else [name])]
    return axes if len(axes) == rank else ["_"] * rank


def _outputs(f, case, arguments) -> Any:
    """Return the shapes and dtypes of the outputs."""
    settings = {**case.static, **case.inputs[1][2]}
    return jax.eval_shape(lambda *a: f(*a, **settings), *arguments)


def _to_bfloat16(leaf):
    return leaf.astype(jnp.bfloat16) if is_floating(leaf) else leaf


def _to_double(leaf):
    return leaf.astype(np.float64) if is_floating(leaf) else leaf
