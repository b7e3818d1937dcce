"""Unusual arrays: an example in bfloat16, with another number of batch axes, and with each axis in turn of size 0."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.derivation.cotangents import Case, random_cotangents
from jaxdl.derivation.discovery import arguments_of, is_floating
from jaxdl.derivation.relative_errors import describe_largest_difference, relative_error

BFLOAT16_BOUND = 0.1  # relative to the largest entry; bfloat16 has 8 significant bits
FLOAT32_BOUND = 1e-4  # for other batch axes: a mistake there is large
BATCH_AXES = (0, 1, 2)  # tried for an axis such as *batch


class UnusualCase(NamedTuple):
    """An unusual version of an example.

    Attributes:
        case: Inputs of unusual size or precision. Its reference has the correct cotangents once they are known.
        exact: The same inputs in float64, for jax's cotangents; None if they are known to be 0.
        bound: Largest relative error of a correct VJP.
    """

    case: Case
    exact: Case | None
    bound: float


def unusual_cases(f, cases: Sequence[Case], all_kinds: bool = True) -> Iterator[UnusualCase]:
    """Make unusual versions of the cases of a function.

    In bfloat16 it is the case with the most settings that are not arrays. Its cotangents are compared with jax's for
    the rounded inputs, in float64. Those of an empty axis are 0 if no output is left, because then the objective does
    not depend on anything. Without `all_kinds` only axes such as *batch are changed: their annotation allows any number
    of axes of any size.
    """
    first = cases[0]
    if all_kinds:
        yield from _in_bfloat16(f, max(cases, key=lambda case: len(case.static)))
    for axis, changed in _with_other_batch_axes(f, cases):
        yield from _with_arguments(f, first, f"{axis}", changed, FLOAT32_BOUND)
    for axis, emptied in _with_an_empty_axis(f, first.inputs[1][1]):
        if all_kinds or axis.startswith("*"):
            yield from _with_arguments(f, first, f"{axis.lstrip('*')} of size 0", emptied, FLOAT32_BOUND)


def unusual_fault(unusual: UnusualCase, names: Sequence[str], hand: Any) -> str:
    """Return the fault of the hand-derived cotangents in an unusual case, if any."""
    leaves = (jax.tree.leaves(cotangents) for cotangents in (hand, unusual.case.reference[0]))
    for name, mine, theirs in zip(names, *leaves, strict=True):
        if unusual.exact is not None and np.isnan(theirs).any():  # an undefined mean of no numbers
            continue
        if relative_error(mine, theirs) > unusual.bound:
            return describe_largest_difference(name, mine, theirs)
    return ""


def _in_bfloat16(f, case) -> Iterator[UnusualCase]:
    g, arguments, settings = case.inputs[1]
    half = jax.tree.map(_to_bfloat16, (g, arguments))
    if all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(_outputs(f, case, half[1]))):
        exact = case._replace(inputs=((*jax.tree.map(_to_double, half), case.inputs[0][2]),))
        title = "bfloat16" + (f" {case.static}" if case.static else "")
        yield UnusualCase(case._replace(title=title, inputs=((*half, settings),)), exact, BFLOAT16_BOUND)


def _with_arguments(f, case, title, arguments, bound) -> Iterator[UnusualCase]:
    """Yield the case with other arguments, if f accepts them."""
    try:
        outputs = _outputs(f, case, arguments)
    except Exception:  # f does not accept this
        return
    floating = tuple(filter(is_floating, arguments))
    changed = case._replace(
        title=title, inputs=((random_cotangents(outputs, np.float32), arguments, case.inputs[1][2]),)
    )
    has_outputs = any(leaf.size for leaf in jax.tree.leaves(outputs))
    if not has_outputs or not any(leaf.size for leaf in jax.tree.leaves(floating)):
        yield UnusualCase(changed._replace(reference=(jax.tree.map(np.zeros_like, floating),)), None, 0.0)
        return
    (g, arguments, _), settings = jax.tree.map(_to_double, changed.inputs[0]), case.inputs[0][2]
    yield UnusualCase(changed, changed._replace(inputs=((g, arguments, settings),)), bound)


def _with_other_batch_axes(f, cases) -> Iterator[tuple[str, tuple]]:
    """Yield numbers of axes of a starred name that no case has, and the arguments of the first case with as many."""
    annotations = list(arguments_of(f).values())
    arguments = cases[0].inputs[1][1]
    for starred in dict.fromkeys(filter(None, map(_starred, annotations))):
        counts = [_counted(annotations, case.inputs[1][1], starred) for case in cases]
        tried = {next(filter(lambda count: count is not None, of_case), None) for of_case in counts}
        for count in BATCH_AXES if None not in tried else ():
            if count not in tried:
                changed = [
                    argument if now is None else _with_axes(argument, _place(annotation, starred), now, count)
                    for annotation, argument, now in zip(annotations, arguments, counts[0], strict=False)
                ]
                yield f"{count} {'axis' if count == 1 else 'axes'} for {starred}", tuple(changed)


def _starred(annotation) -> str:
    """Return the starred name beside others in an annotation, such as *batch, if any; alone it is elementwise."""
    names = getattr(annotation, "dim_str", "").split()
    return next((name for name in names if name[0] == "*"), "") if len(names) > 1 else ""


def _place(annotation, starred) -> int:
    return annotation.dim_str.split().index(starred)


def _counted(annotations, arguments, starred) -> list[int | None]:
    """Return the number of axes that the starred name stands for in each argument, None in arguments without it."""
    return [
        np.ndim(argument) - len(annotation.dim_str.split()) + 1 if _starred(annotation) == starred else None
        for annotation, argument in zip(annotations, arguments, strict=False)
    ]


def _with_axes(array, place, now, count):
    """Return an array with another number of axes at a place: new ones have size 2."""
    for _ in range(now - count):
        array = np.take(array, 0, axis=place)
    for _ in range(count - now):
        second = array / 2 if is_floating(array) else array
        array = np.stack([array, second], axis=place).astype(array.dtype)
    return array


def _with_an_empty_axis(f, arguments) -> Iterator[tuple[str, tuple]]:
    """Yield each named axis of the first array, and the arguments with size 0 of this axis."""
    axes_of = [
        _axes(annotation, np.ndim(a)) for annotation, a in zip(arguments_of(f).values(), arguments, strict=False)
    ]
    if len(axes_of) != len(arguments):  # of *rest
        return
    for axis in dict.fromkeys(axis for axis in next(filter(None, axes_of), []) if axis != "_"):
        emptied = [
            argument[tuple(slice(0, 0) if name == axis else slice(None) for name in axes)] if axis in axes else argument
            for axes, argument in zip(axes_of, arguments, strict=True)
        ]
        yield axis, tuple(emptied)


def _axes(annotation, rank) -> list[str]:
    """Return a name for each axis; a starred name stands for its first axis, and the others are called "_"."""
    names = getattr(annotation, "dim_str", "").split()
    starred = rank - len(names) + 1
    axes = [each for name in names for each in ([name, *["_"] * (starred - 1)][:starred] if name[0] == "*" else [name])]
    axes = [axis if axis[0] == "*" else axis.rpartition("*")[2] for axis in axes]  # 4*units has the size of units
    return axes if len(axes) == rank else ["_"] * rank


def _outputs(f, case, arguments) -> Any:
    """Return the shapes and dtypes of the outputs."""
    settings = {**case.static, **case.inputs[1][2]}
    return jax.eval_shape(lambda *a: f(*a, **settings), *arguments)


def _to_bfloat16(leaf):
    return leaf.astype(jnp.bfloat16) if is_floating(leaf) else leaf


def _to_double(leaf):
    return leaf.astype(np.float64) if is_floating(leaf) else leaf
