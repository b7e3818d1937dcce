"""Compute the cotangents of examples in float64 and in float32, by hand and by `jax.vjp`."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.derivation.discovery import is_floating, plain_function, round_to_float32
from jaxdl.system.keys import is_key

FAST_COMPILATION = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Case(NamedTuple):
    """One example of a function, in float64 and in float32, with the cotangents that jax computes.

    Attributes:
        settings: Keyword settings.
        names: Names of the floating arguments, which get a cotangent.
        inputs: Pairs (g, arguments), in float64 and in float32.
        reference: Cotangents by `jax.vjp`, in float64 and in float32.
    """

    settings: dict[str, Any]
    names: tuple[str, ...]
    inputs: tuple[tuple[Any, tuple], ...]
    reference: tuple[tuple, ...] = ()


class CaseError(ValueError):
    """A function raised an exception in one of the cases."""


@contextlib.contextmanager
def _in_case(number, settings):
    """Raise exceptions as CaseError with the number of the case."""
    try:
        yield
    except Exception as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise CaseError(f"{case_name(number, settings)}: {type(error).__name__}: {first_line}") from error


def case_name(number, settings) -> str:
    """Return the number of a case and its settings, for messages."""
    return f"case {number}{f' {settings}' if settings else ''}"


def in_each_precision(pull, inputs) -> list:
    """Compute pull(inputs[0]) in float64, and pull(inputs[1]) in float32 as users do, each in one program.

    A function that needs the numbers themselves, because it calls NumPy or tests a value, runs without compilation.
    """
    pulled = []
    for in_double, recorded in zip((True, False), inputs, strict=False):
        given = jax.tree.map(lambda leaf: jax.random.clone(leaf) if is_key(leaf) else leaf, recorded)
        with jax.enable_x64(in_double), jax.default_matmul_precision("highest"):
            try:
                pulled.append(jax.jit(pull, compiler_options=_compiler_options())(given))
            except CaseError as failure:
                if not needs_numbers(failure):
                    raise
                pulled.append(pull(jax.device_put(given)))
    return pulled


def needs_numbers(failure) -> bool:
    """Return whether a function failed only because it was compiled."""
    return isinstance(failure.__cause__, jax.errors.JAXTypeError)


def solve(f, cases) -> list[Case]:
    """Draw a cotangent for every case, and compute the reference cotangents in one program per precision."""
    drawn = []
    for number, (arguments, settings) in enumerate(cases):
        with _in_case(number, settings):
            drawn.append(Case(settings, _floating_names(f, arguments), _inputs(f, arguments, settings)))

    def pull(inputs):
        for number, (case, (g, arguments)) in enumerate(zip(drawn, inputs, strict=True)):
            with _in_case(number, case.settings):
                pulled = jax_vjp(plain_function(f), g, arguments, case.settings)
            yield pulled

    references = in_each_precision(lambda inputs: list(pull(inputs)), _by_precision(drawn))
    return [case._replace(reference=both) for case, both in zip(drawn, zip(*references, strict=True), strict=True)]


def _by_precision(cases) -> tuple[list, list]:
    """Return the inputs of all cases in float64, and those in float32."""
    return [case.inputs[0] for case in cases], [case.inputs[1] for case in cases]


def _inputs(f, arguments, settings) -> tuple:
    """Return (g, arguments) in float64 and in float32, with a random cotangent g of the structure of f's output."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        outputs = jax.eval_shape(lambda *a: f(*a, **settings), *arguments)
    if wrong := [str(leaf.dtype) for leaf in jax.tree.leaves(outputs) if leaf.dtype != np.float64]:
        raise TypeError(
            f"f must return float64 arrays for float64 arguments, got {', '.join(wrong)}; remove conversions to a dtype"
        )
    random = np.random.default_rng(1)
    g = jax.tree.map(lambda y: round_to_float32(random.standard_normal(y.shape)), outputs)
    return (g, arguments), jax.tree.map(_to_single, (g, arguments))


def _to_single(leaf):
    return leaf.astype(np.float32) if is_floating(leaf) else leaf


def pull_each(f_vjp, cases, inputs) -> Iterator[tuple]:
    """Yield the hand-derived cotangents of each case."""
    for number, (case, (g, arguments)) in enumerate(zip(cases, inputs, strict=True)):
        with _in_case(number, case.settings):
            pulled = jax.tree.map(jnp.asarray, f_vjp(g, *arguments, **case.settings))
        yield pulled


def hand_cotangents(f_vjp, solved) -> Iterator[tuple]:
    """Compute the hand-derived cotangents of all cases in one program per precision."""
    pulled = in_each_precision(lambda inputs: list(pull_each(f_vjp, solved, inputs)), _by_precision(solved))
    return zip(*pulled, strict=True)


@functools.cache
def _compiler_options() -> dict[str, Any]:
    """Return the options for fast compilation that this jaxlib knows; every program here runs only once."""

    def is_known(option):
        try:
            jax.jit(lambda: 0, compiler_options=dict([option])).lower().compile()
        except jax.errors.JaxRuntimeError:
            return False
        return True

    return dict(filter(is_known, FAST_COMPILATION.items()))


def jax_vjp(f: Callable, g: Any, arguments: tuple, settings: dict[str, Any]) -> tuple:
    """Compute the cotangents of all floating arguments with `jax.vjp`.

    Args:
        f: The function, called as `f(*arguments, **settings)`.
        g: Cotangent of its output, of the same structure, shapes and dtypes.
        arguments: Positional arguments: arrays, keys or trees.
        settings: Keyword settings.

    Returns:
        One cotangent per argument whose leaves are all floating.

    Example:
        >>> from jaxdl import derivation
        >>> logits, labels = jnp.array([[0.0, 0.0]]), jnp.array([1])
        >>> (cotangent,) = derivation.jax_vjp(F.cross_entropy, jnp.ones(1), (logits, labels), {})
        >>> cotangent.tolist()
        [[0.5, -0.5]]
    """
    places = [place for place, argument in enumerate(arguments) if is_floating(argument)]

    def of_floating(*floating):
        whole = list(arguments)
        for place, argument in zip(places, floating, strict=True):
            whole[place] = argument
        return f(*whole, **settings)

    return jax.vjp(of_floating, *(arguments[place] for place in places))[1](g)


def _floating_names(f, arguments) -> tuple[str, ...]:
    """Return the names of the arguments that get a cotangent; those of `*rest` are rest[0] and so on."""
    names: list[str] = []
    for parameter in inspect.signature(f).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{number}]" for number in range(len(arguments) - len(names))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return tuple(name for name, argument in zip(names, arguments, strict=False) if is_floating(argument))
