"""Hold a hand derivation against automatic differentiation."""

import inspect
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional
from jaxdl.derivation.discovery import Derivation, derivations, examples, is_floating, round_to_single

FLOAT64_BOUND = 1e-12
FLOAT32_BOUND = 1e-5
FLOAT32_RATIO = 10
UNIT_SCALE = 10.0


class Proof(NamedTuple):
    """What the comparison found: the largest errors over all cases, and the fault, empty where there is none."""

    name: str
    cases: int
    float64: float
    float32: float
    float32_of_jax: float
    fault: str


def prove(names: str | tuple[str, ...] = (), package: types.ModuleType = jaxdl.functional) -> Iterator[Proof]:
    """Hold the named derivations, or all, against `jax.vjp`. Raises ValueError for a name that has none."""
    known = {pair.name: pair for pair in derivations(package)}
    names = (names,) if isinstance(names, str) else names
    for name in names:
        if name not in known:
            raise ValueError(
                f"name must be a function with a derivation ({', '.join(sorted(known))}), but was {name!r}."
            )
    for name in names or sorted(known):
        yield compare(known[name])


def compare(pair: Derivation, cases: list | None = None) -> Proof:
    """Hold one derivation against `jax.vjp` on its examples, or on the cases given as (arguments, settings)."""
    cases = examples(pair.f) if cases is None else cases
    worst: tuple[float, ...] = (0.0, 0.0, 0.0)
    fault = _signature_fault(pair)
    for number, (arguments, settings) in enumerate(cases):
        if fault:
            break
        try:
            errors, fault = _errors(pair, arguments, settings)
            worst = tuple(map(max, worst, errors))
        except Exception as error:
            fault = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
        fault = fault and f"case {number}{f' {settings}' if settings else ''}: {fault}"
    return Proof(pair.name, len(cases), *worst, fault)


def _errors(pair, arguments, settings) -> tuple[tuple[float, ...], str]:
    """The errors of one case in float64, in float32, and of jax in float32; and what is wrong with them, if any."""
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        double = jax.tree.map(jnp.asarray, arguments)
        single = jax.tree.map(lambda leaf: leaf.astype(np.float32) if is_floating(leaf) else leaf, double)
        shapes = jax.eval_shape(lambda *a: pair.f(*a, **settings), *double)
        random = np.random.default_rng(1)
        g = jax.tree.map(lambda y: round_to_single(random.standard_normal(y.shape)), shapes)
        g_single = jax.tree.map(lambda leaf: leaf.astype(np.float32), g)
        both = jax.jit(lambda *at: [pullbacks(pair, g, arguments, settings) for g, arguments in at])
        (hand, truth), (hand_single, jax_single) = both((g, double), (g_single, single))
    for cotangents, arguments in [(hand, double), (hand_single, single)]:
        if fault := _structure_fault(cotangents, [a for a in arguments if is_floating(a)]):
            return (np.inf, np.inf, 0.0), fault
    each = [
        [error(a, b) for a, b in zip(jax.tree.leaves(of), jax.tree.leaves(truth), strict=True)]
        for of in (hand, hand_single, jax_single)
    ]
    unit = max(np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(single) if is_floating(leaf)) <= UNIT_SCALE
    fault = ""
    for in_double, in_single, of_jax in zip(*each, strict=True):
        allowed = FLOAT32_RATIO * max(of_jax, float(np.finfo(np.float32).eps))
        allowed = min(allowed, FLOAT32_BOUND) if unit else allowed
        if not np.isfinite(of_jax):
            fault = "jax's own float32 gradient has NaN or infinity where the float64 one has none: f is unstable"
        elif in_double > FLOAT64_BOUND:
            fault = f"float64 error {in_double:.1e} is over {FLOAT64_BOUND:.0e}"
        elif in_single > allowed:
            fault = fault or f"float32 error {in_single:.1e} is over {allowed:.1e} (jax's own is {of_jax:.1e})"
    return tuple(max(errors, default=0.0) for errors in each), fault


def pullbacks(pair: Derivation, g: Any, arguments: tuple, settings: dict[str, Any]) -> tuple[Any, tuple]:
    """The cotangents of all floating arguments: derived by hand, and by `jax.vjp`."""
    places = [place for place, argument in enumerate(arguments) if is_floating(argument)]

    def of_floating(*floating):
        whole = list(arguments)
        for place, argument in zip(places, floating, strict=True):
            whole[place] = argument
        return pair.f(*whole, **settings)

    hand = pair.f_vjp(g, *arguments, **settings)
    _, pull = jax.vjp(of_floating, *(arguments[place] for place in places))
    return hand, pull(g)


def error(hand: Any, truth: Any) -> float:
    """max|a - b| / max(max|b|, tiny). NaN equals NaN and nothing else."""
    hand, truth = np.asarray(hand, np.float64), np.asarray(truth, np.float64)
    with np.errstate(invalid="ignore"):
        same = (hand == truth) | (np.isnan(hand) & np.isnan(truth))
        gap = np.where(same, 0.0, np.abs(hand - truth)).max(initial=0.0)
    scale = np.abs(truth[np.isfinite(truth)]).max(initial=np.finfo(np.float32).tiny)
    return float("inf" if np.isnan(gap) else gap / scale)


def _signature_fault(pair) -> str:
    """The signature of f_vjp is g, followed by that of f: same names, same defaults."""
    of_f, of_vjp = (list(inspect.signature(f).parameters.values()) for f in (pair.f, pair.f_vjp))
    g = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if [(p.name, p.kind, p.default) for p in of_vjp] != [(p.name, p.kind, p.default) for p in (g, *of_f)]:
        return f"the signature must be g followed by that of {pair.name}, but is {inspect.signature(pair.f_vjp)}"
    return ""


def _structure_fault(cotangents, arguments) -> str:
    """One cotangent for each floating argument, of the same structure, shapes and dtypes."""
    if not isinstance(cotangents, tuple) or len(cotangents) != len(arguments):
        return f"it must return a tuple of {len(arguments)} cotangents, one for each floating argument"
    given, expected = (
        jax.tree.map(lambda leaf: f"{leaf.dtype}{leaf.shape}", list(tree)) for tree in (cotangents, arguments)
    )
    return "" if given == expected else f"the cotangents must be {expected}, but are {given}"
