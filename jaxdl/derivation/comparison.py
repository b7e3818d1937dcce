"""Hold a hand derivation against automatic differentiation."""

import contextlib
import functools
import inspect
import os
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional
from jaxdl.derivation.discovery import Derivation, derivations, examples, is_floating, round_to_single
from jaxdl.derivation.forging import forgeries

FLOAT64_BOUND = 1e-12
FLOAT32_BOUND = 1e-5
FLOAT32_RATIO = 10
UNIT_SCALE = 10.0
QUICKLY = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Proof(NamedTuple):
    """What the comparison found: the largest errors over all cases, and the fault, empty where there is none.

    `shapes` holds, for each case, the shapes of its arguments.
    """

    name: str
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    float64: float
    float32: float
    float32_of_jax: float
    fault: str


class Case(NamedTuple):
    """Settings; what is given, (g, arguments), in float64 and in float32; and the cotangents jax makes of each."""

    settings: dict[str, Any]
    given: tuple[tuple[Any, tuple], ...]
    truth: tuple[tuple, ...]


def prove(names: str | tuple[str, ...] = (), package: types.ModuleType = jaxdl.functional) -> Iterator[Proof]:
    """Hold the named derivations, or all, against `jax.vjp`. Raises ValueError for a name that has none."""
    known = {pair.name: pair for pair in derivations(package)}
    names = (names,) if isinstance(names, str) else names
    for name in names:
        if name not in known:
            raise ValueError(
                f"name must be a function with a derivation ({', '.join(sorted(known))}), but was {name!r}."
            )
    pool = ThreadPoolExecutor(os.cpu_count())  # compiling takes most of the time, and holds no lock of Python
    try:
        yield from pool.map(compare, [known[name] for name in names or sorted(known)])
    finally:
        pool.shutdown(cancel_futures=True)


def compare(pair: Derivation, cases: list | None = None) -> Proof:
    """Hold one derivation against `jax.vjp` on its examples, or on the cases given as (arguments, settings)."""
    looked_at = examples(pair.f) if cases is None else cases
    shapes = tuple(tuple(np.shape(leaf) for leaf in jax.tree.leaves(arguments)) for arguments, _ in looked_at)
    fault = _signature_fault(pair)
    if fault:
        return Proof(pair.name, shapes, 0.0, 0.0, 0.0, fault)
    try:
        solved = _of_examples(pair.f) if cases is None else _solve(pair.f, cases)
        errors, fault = _judge(solved, _in_one_program(pair.f_vjp, solved))
    except _CaseError as failure:
        errors, fault = (np.inf, np.inf, 0.0), str(failure)
    return Proof(pair.name, shapes, *errors, fault)


def unnoticed(pair: Derivation) -> tuple[int, list[str]]:
    """How many forgeries there are of a derivation, and the changes of those that the comparison lets pass."""
    forged = list(forgeries(pair.f_vjp))
    passing = forged
    for precisions in (1, 2):  # in float64 alone first, which most are caught by
        for case in _of_examples(pair.f):
            passing = _passing(passing, case, precisions) if passing else []
    return len(forged), [change for change, _ in passing]


def _passing(forged, case, precisions) -> list[tuple]:
    """Those that are held to be right in a case, jax's own in place of a precision that is not looked at.

    They are one program, and draw the same noise: they share so much that it is soon compiled.
    """

    def pull(given):
        for number, (_, wrong) in enumerate(forged):
            with contextlib.suppress(_CaseError):
                yield number, *_one_by_one(wrong, [case._replace(given=given)])

    with jax.enable_x64(True), jax.debug_key_reuse(False):
        pulled = jax.jit(lambda given: dict(pull(given)), compiler_options=_quickly())(case.given[:precisions])
    judged = {number: _errors(case, (*hand, *case.truth[precisions:])) for number, hand in pulled.items()}
    return [forged[number] for number, (_, fault) in judged.items() if not fault]


class _CaseError(Exception):
    """A function raised in one of the cases."""


@contextlib.contextmanager
def _in_case(number, settings):
    try:
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            yield
    except Exception as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise _CaseError(f"{_case(number, settings)}: {type(error).__name__}: {first_line}") from error


def _case(number, settings) -> str:
    return f"case {number}{f' {settings}' if settings else ''}"


def _solve(f, cases) -> list[Case]:
    """Draw a cotangent for every case, and let jax pull it back; one program for all."""
    given = []
    for number, (arguments, settings) in enumerate(cases):
        with _in_case(number, settings):
            given.append(_given(f, arguments, settings))

    def pull(given):
        for number, (both, (_, settings)) in enumerate(zip(given, cases, strict=True)):
            with _in_case(number, settings):
                pulled = tuple(pulled_back_by_jax(f, g, arguments, settings) for g, arguments in both)
            yield pulled

    with jax.enable_x64(True):
        truths = jax.jit(lambda given: list(pull(given)), compiler_options=_quickly())(given)
    return [Case(settings, *both) for (_, settings), *both in zip(cases, given, truths, strict=True)]


@functools.cache
def _of_examples(f) -> list[Case]:
    """The same for its examples, once for the derivation and for all its forgeries."""
    return _solve(f, examples(f))


def _given(f, arguments, settings) -> tuple:
    """The arguments, and a random cotangent of the structure of f's output, in float64 and in float32."""
    single = jax.tree.map(lambda leaf: leaf.astype(np.float32) if is_floating(leaf) else leaf, arguments)
    shapes = jax.eval_shape(lambda *a: f(*a, **settings), *arguments)
    random = np.random.default_rng(1)
    g = jax.tree.map(lambda y: round_to_single(random.standard_normal(y.shape)), shapes)
    g_single = jax.tree.map(lambda leaf: leaf.astype(np.float32), g)
    return jax.device_put(((g, arguments), (g_single, single)))


def _one_by_one(f_vjp, solved) -> Iterator[tuple]:
    """What the derivation pulls back in each case, in float64 and in float32."""
    for number, case in enumerate(solved):
        with _in_case(number, case.settings):
            pulled = tuple(
                jax.tree.map(jnp.asarray, f_vjp(g, *arguments, **case.settings)) for g, arguments in case.given
            )
        yield pulled


def _in_one_program(f_vjp, solved) -> list[tuple]:
    """The same, compiled."""

    def pull(given):
        return list(_one_by_one(f_vjp, [case._replace(given=both) for case, both in zip(solved, given, strict=True)]))

    with jax.enable_x64(True):
        return jax.jit(pull, compiler_options=_quickly())([case.given for case in solved])


@functools.cache
def _quickly() -> dict[str, Any]:
    """What makes jax compile quickly, as far as its compiler knows it: every program here runs once."""

    def is_known(option):
        try:
            jax.jit(lambda: 0, compiler_options=dict([option])).lower().compile()
        except jax.errors.JaxRuntimeError:
            return False
        return True

    return dict(filter(is_known, QUICKLY.items()))


def _judge(solved, hand) -> tuple[tuple[float, ...], str]:
    """The largest errors (float64, float32, jax's own in float32) up to the first fault, and that fault."""
    worst: tuple[float, ...] = (0.0, 0.0, 0.0)
    fault = ""
    for number, (case, pulled) in enumerate(zip(solved, hand, strict=True)):
        errors, fault = _errors(case, pulled)
        worst = tuple(map(max, worst, errors))
        if fault:
            return worst, f"{_case(number, case.settings)}: {fault}"
    return worst, fault


def _errors(case, hand) -> tuple[tuple[float, ...], str]:
    """The errors of one case, and what is wrong with them, if anything is."""
    for cotangents, (_, arguments) in zip(hand, case.given, strict=True):
        if fault := _structure_fault(cotangents, [a for a in arguments if is_floating(a)]):
            return (np.inf, np.inf, 0.0), fault
    (in_double, in_single), (truth, of_jax) = hand, case.truth
    each = [
        [error(a, b) for a, b in zip(jax.tree.leaves(of), jax.tree.leaves(truth), strict=True)]
        for of in (in_double, in_single, of_jax)
    ]
    _, single = case.given[1]
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


def pulled_back_by_jax(f: Callable, g: Any, arguments: tuple, settings: dict[str, Any]) -> tuple:
    """The cotangents of all floating arguments, by `jax.vjp`."""
    places = [place for place, argument in enumerate(arguments) if is_floating(argument)]

    def of_floating(*floating):
        whole = list(arguments)
        for place, argument in zip(places, floating, strict=True):
            whole[place] = argument
        return f(*whole, **settings)

    return jax.vjp(of_floating, *(arguments[place] for place in places))[1](g)


def error(hand: Any, truth: Any, beside: float = 0.0) -> float:
    """max|a - b| / (max(max|b|, tiny) + beside). NaN equals NaN and nothing else."""
    hand, truth = np.asarray(hand, np.float64), np.asarray(truth, np.float64)
    with np.errstate(invalid="ignore"):
        same = (hand == truth) | (np.isnan(hand) & np.isnan(truth))
        gap = np.where(same, 0.0, np.abs(hand - truth)).max(initial=0.0)
    return float("inf" if np.isnan(gap) else gap / (largest(truth) + beside))


def largest(numbers: Any) -> float:
    """max|b| over what is finite, and tiny at least."""
    numbers = np.asarray(numbers, np.float64)
    return float(np.abs(numbers[np.isfinite(numbers)]).max(initial=np.finfo(np.float32).tiny))


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
