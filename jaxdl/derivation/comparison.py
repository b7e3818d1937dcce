"""Compare hand-derived VJPs with automatic differentiation."""

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
from jaxdl._display import Table, labeled
from jaxdl.derivation.discovery import VJPPair, examples, is_floating, round_to_float32, vjp_pairs
from jaxdl.derivation.mutation import mutants

FLOAT64_BOUND = 1e-12
FLOAT32_BOUND = 1e-5  # only for inputs of unit scale
FLOAT32_RATIO = 10  # to the error of jax's own float32 gradient
UNIT_SCALE = 10.0  # largest magnitude of inputs that count as unit scale
FAST_COMPILATION = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Proof(NamedTuple):
    """Result of comparing one hand-derived VJP with `jax.vjp`.

    Errors are the largest over all cases up to the first fault, relative to the largest entry of the reference.

    Attributes:
        name: Name of the function.
        shapes: Shapes of the arguments, for each case.
        float64: Error in float64, against `jax.vjp` in float64.
        float32: Error in float32, against `jax.vjp` in float64.
        float32_of_jax: Error of `jax.vjp` in float32, against `jax.vjp` in float64.
        fault: First fault; empty if the VJP is correct.
    """

    name: str
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    float64: float
    float32: float
    float32_of_jax: float
    fault: str

    def __repr__(self) -> str:
        """Return name, result, number of cases and errors on one line."""
        errors = f"float64 error {self.float64:.1e}", f"float32 error {self.float32:.1e}"
        return labeled("Proof", self.name, self.fault or "holds", f"cases {len(self.shapes)}", *errors)


class Proofs(Table):
    """Proofs of several functions: a tuple of Proof, displayed as a table.

    Example:
        >>> from jaxdl import derivation
        >>> proofs = derivation.Proofs(derivation.prove(("relu", "softmax")))
        >>> [line.split()[0] for line in repr(proofs).splitlines()]
        ['function', 'relu', 'softmax']
    """

    _right = (1, 2, 3)

    def _cells(self) -> list[tuple[str, ...]]:
        rows = (
            (proof.name, str(len(proof.shapes)), f"{proof.float64:.1e}", f"{proof.float32:.1e}", proof.fault or "holds")
            for proof in self
        )
        return [("function", "cases", "float64", "float32", ""), *rows]


class Case(NamedTuple):
    """One example of a function, in float64 and in float32, with the cotangents that jax computes.

    Attributes:
        settings: Keyword settings.
        inputs: Pairs (g, arguments), in float64 and in float32.
        reference: Cotangents by `jax.vjp`, in float64 and in float32.
    """

    settings: dict[str, Any]
    inputs: tuple[tuple[Any, tuple], ...]
    reference: tuple[tuple, ...]


def prove(names: str | tuple[str, ...] = (), package: types.ModuleType = jaxdl.functional) -> Iterator[Proof]:
    """Compare hand-derived VJPs of a package with `jax.vjp`, several at a time.

    Args:
        names: Name or names of functions; all functions of the package if empty.
        package: An imported package with pairs `f`, `f_vjp`.

    Returns:
        Iterator of one proof per function, in the order of `names`, or in alphabetical order. `Proofs(prove())` is a
        tuple of them that is displayed as a table.

    Raises:
        ValueError: If a name is not a function with a hand-derived VJP.

    Example:
        >>> from jaxdl import derivation
        >>> [(proof.name, proof.fault) for proof in derivation.prove(("tanh", "dense"))]
        [('tanh', ''), ('dense', '')]
    """
    known = {pair.name: pair for pair in vjp_pairs(package)}
    names = (names,) if isinstance(names, str) else names
    for name in names:
        if name not in known:
            raise ValueError(
                f"unknown function {name!r}. Functions with a hand-derived VJP: {', '.join(sorted(known))}."
            )
    pool = ThreadPoolExecutor(os.cpu_count())  # compilation dominates and releases Python's global lock
    try:
        yield from pool.map(compare, [known[name] for name in names or sorted(known)])
    finally:
        pool.shutdown(cancel_futures=True)


def compare(pair: VJPPair, cases: list | None = None) -> Proof:
    """Compare one hand-derived VJP with `jax.vjp`, for a random cotangent in each case.

    Args:
        pair: The function and its VJP.
        cases: Pairs (arguments, settings) to compare on; `examples(pair.f)` by default.

    Returns:
        The errors, and the first fault. An exception of `f` or `f_vjp` is reported as a fault.

    Example:
        The factor 2 is missing from this gradient:

        >>> from jaxdl import derivation
        >>> def square(x): return x**2
        >>> def square_vjp(g, x): return (g * x,)
        >>> pair = derivation.VJPPair("square", square, square_vjp)
        >>> derivation.compare(pair, [((np.array([1.0, 2.0]),), {})]).fault
        'case 0: float64 error 5.0e-01 is over 1e-12'
    """
    compared = examples(pair.f) if cases is None else cases
    shapes = tuple(tuple(np.shape(leaf) for leaf in jax.tree.leaves(arguments)) for arguments, _ in compared)
    fault = _signature_fault(pair)
    if fault:
        return Proof(pair.name, shapes, 0.0, 0.0, 0.0, fault)
    try:
        solved = _example_cases(pair.f) if cases is None else _solve(pair.f, cases)
        errors, fault = _largest_errors(solved, _hand_cotangents(pair.f_vjp, solved))
    except _CaseError as failure:
        errors, fault = (np.inf, np.inf, 0.0), str(failure)
    return Proof(pair.name, shapes, *errors, fault)


def surviving_mutants(pair: VJPPair) -> tuple[int, list[str]]:
    """Mutate a VJP and return the mutants that the comparison fails to detect.

    Args:
        pair: The function and its VJP.

    Returns:
        The number of mutants, and the changes of those that pass all examples. An empty list means that the examples
        detect every mutant.

    Example:
        >>> from jaxdl import derivation
        >>> pair = derivation.VJPPair("tanh", F.tanh, F.tanh_vjp)
        >>> derivation.surviving_mutants(pair)
        (11, [])
    """
    mutated = list(mutants(pair.f_vjp))
    surviving = mutated
    for precisions in (1, 2):  # most mutants already fail in float64
        for case in _example_cases(pair.f):
            surviving = _surviving_in_case(surviving, case, precisions) if surviving else []
    return len(mutated), [change for change, _ in surviving]


def _surviving_in_case(mutated, case, precisions) -> list[tuple]:
    """Return the mutants that pass in a case, in float64 (precisions = 1) or in float64 and float32 (2).

    All mutants are compiled into one program with the same noise: they share most of their operations, which makes
    compilation fast.
    """

    def pull(inputs):
        for number, (_, wrong) in enumerate(mutated):
            with contextlib.suppress(_CaseError):
                yield number, *_pull_each(wrong, [case._replace(inputs=inputs)])

    with jax.enable_x64(True), jax.debug_key_reuse(False):
        pulled = jax.jit(lambda inputs: dict(pull(inputs)), compiler_options=_compiler_options())(
            case.inputs[:precisions]
        )
    judged = {number: _errors(case, (*hand, *case.reference[precisions:])) for number, hand in pulled.items()}
    return [mutated[number] for number, (_, fault) in judged.items() if not fault]


class _CaseError(Exception):
    """A function raised an exception in one of the cases."""


@contextlib.contextmanager
def _in_case(number, settings):
    """Compute in full precision, and raise exceptions as _CaseError with the number of the case."""
    try:
        with jax.enable_x64(True), jax.default_matmul_precision("highest"):
            yield
    except Exception as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise _CaseError(f"{_case_name(number, settings)}: {type(error).__name__}: {first_line}") from error


def _case_name(number, settings) -> str:
    return f"case {number}{f' {settings}' if settings else ''}"


def _solve(f, cases) -> list[Case]:
    """Draw a cotangent for every case, and compute the reference cotangents in one program."""
    inputs = []
    for number, (arguments, settings) in enumerate(cases):
        with _in_case(number, settings):
            inputs.append(_inputs(f, arguments, settings))

    def pull(inputs):
        for number, (both, (_, settings)) in enumerate(zip(inputs, cases, strict=True)):
            with _in_case(number, settings):
                pulled = tuple(jax_vjp(f, g, arguments, settings) for g, arguments in both)
            yield pulled

    with jax.enable_x64(True):
        references = jax.jit(lambda inputs: list(pull(inputs)), compiler_options=_compiler_options())(inputs)
    return [Case(settings, *both) for (_, settings), *both in zip(cases, inputs, references, strict=True)]


@functools.cache
def _example_cases(f) -> list[Case]:
    """Solve the examples of f once, for its VJP and for all mutants."""
    return _solve(f, examples(f))


def _inputs(f, arguments, settings) -> tuple:
    """Return (g, arguments) in float64 and in float32, with a random cotangent g of the structure of f's output."""
    single = jax.tree.map(lambda leaf: leaf.astype(np.float32) if is_floating(leaf) else leaf, arguments)
    shapes = jax.eval_shape(lambda *a: f(*a, **settings), *arguments)
    random = np.random.default_rng(1)
    g = jax.tree.map(lambda y: round_to_float32(random.standard_normal(y.shape)), shapes)
    g_single = jax.tree.map(lambda leaf: leaf.astype(np.float32), g)
    return jax.device_put(((g, arguments), (g_single, single)))


def _pull_each(f_vjp, solved) -> Iterator[tuple]:
    """Yield, for each case, the hand-derived cotangents in float64 and in float32."""
    for number, case in enumerate(solved):
        with _in_case(number, case.settings):
            pulled = tuple(
                jax.tree.map(jnp.asarray, f_vjp(g, *arguments, **case.settings)) for g, arguments in case.inputs
            )
        yield pulled


def _hand_cotangents(f_vjp, solved) -> list[tuple]:
    """Compute the hand-derived cotangents of all cases in one program."""

    def pull(inputs):
        return list(_pull_each(f_vjp, [case._replace(inputs=both) for case, both in zip(solved, inputs, strict=True)]))

    with jax.enable_x64(True):
        return jax.jit(pull, compiler_options=_compiler_options())([case.inputs for case in solved])


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


def _largest_errors(solved, hand) -> tuple[tuple[float, ...], str]:
    """Return the largest errors (float64, float32, jax's own in float32) up to the first fault, and that fault."""
    worst: tuple[float, ...] = (0.0, 0.0, 0.0)
    fault = ""
    for number, (case, pulled) in enumerate(zip(solved, hand, strict=True)):
        errors, fault = _errors(case, pulled)
        worst = tuple(map(max, worst, errors))
        if fault:
            return worst, f"{_case_name(number, case.settings)}: {fault}"
    return worst, fault


def _errors(case, hand) -> tuple[tuple[float, ...], str]:
    """Return the errors (float64, float32, jax's own in float32) of one case, and the fault, if any."""
    for cotangents, (_, arguments) in zip(hand, case.inputs, strict=True):
        if fault := _structure_fault(cotangents, [a for a in arguments if is_floating(a)]):
            return (np.inf, np.inf, 0.0), fault
    reference, jax_float32 = case.reference
    errors = [
        [relative_error(a, b) for a, b in zip(jax.tree.leaves(cotangents), jax.tree.leaves(reference), strict=True)]
        for cotangents in (*hand, jax_float32)
    ]
    _, single = case.inputs[1]
    unit = max(np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(single) if is_floating(leaf)) <= UNIT_SCALE
    fault = ""
    for in_double, in_single, of_jax in zip(*errors, strict=True):
        allowed = FLOAT32_RATIO * max(of_jax, float(np.finfo(np.float32).eps))
        allowed = min(allowed, FLOAT32_BOUND) if unit else allowed
        if not np.isfinite(of_jax):
            fault = "f is unstable: jax's float32 gradient has NaN or infinity where its float64 gradient is finite"
        elif in_double > FLOAT64_BOUND:
            fault = f"float64 error {in_double:.1e} is over {FLOAT64_BOUND:.0e}"
        elif in_single > allowed:
            fault = fault or f"float32 error {in_single:.1e} is over {allowed:.1e} (jax's own is {of_jax:.1e})"
    return tuple(max(of_leaves, default=0.0) for of_leaves in errors), fault


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


def relative_error(values: Any, reference: Any, extra_scale: float = 0.0) -> float:
    """Compute max|a - b| / (max|b| + extra_scale), where NaN equals NaN and nothing else.

    Args:
        values: Array a.
        reference: Array b of the same shape. `max_magnitude` computes max|b|.
        extra_scale: Number added to the scale of the reference, for references that are 0 up to rounding.

    Returns:
        The relative error; infinity if NaN or infinity occurs in one of the arrays only.

    Example:
        >>> from jaxdl import derivation
        >>> round(derivation.relative_error([1.0, 3.0], [1.0, 4.0]), 3)
        0.25
        >>> derivation.relative_error([np.nan, 1.0], [np.nan, 1.0])
        0.0
    """
    values, reference = np.asarray(values, np.float64), np.asarray(reference, np.float64)
    with np.errstate(invalid="ignore"):
        same = (values == reference) | (np.isnan(values) & np.isnan(reference))
        gap = np.where(same, 0.0, np.abs(values - reference)).max(initial=0.0)
    return float("inf" if np.isnan(gap) else gap / (max_magnitude(reference) + extra_scale))


def max_magnitude(numbers: Any) -> float:
    """Compute max|b| over the finite entries, at least the smallest normal float32 number.

    Args:
        numbers: Array b.

    Returns:
        A positive number, also for zeros and empty arrays.

    Example:
        >>> from jaxdl import derivation
        >>> derivation.max_magnitude([1.0, -3.0, np.inf])
        3.0
    """
    numbers = np.asarray(numbers, np.float64)
    return float(np.abs(numbers[np.isfinite(numbers)]).max(initial=np.finfo(np.float32).tiny))


def _signature_fault(pair) -> str:
    """Return a fault unless the signature of f_vjp is g followed by that of f: same names, kinds and defaults."""
    of_f, of_vjp = (list(inspect.signature(f).parameters.values()) for f in (pair.f, pair.f_vjp))
    g = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if [(p.name, p.kind, p.default) for p in of_vjp] != [(p.name, p.kind, p.default) for p in (g, *of_f)]:
        return f"the VJP's signature must be g followed by that of {pair.name}, got {inspect.signature(pair.f_vjp)}"
    return ""


def _structure_fault(cotangents, arguments) -> str:
    """Return a fault unless there is one cotangent per floating argument, of the same structure, shapes and dtypes."""
    if not isinstance(cotangents, tuple) or len(cotangents) != len(arguments):
        got = f"{len(cotangents)}" if isinstance(cotangents, tuple) else f"a {type(cotangents).__name__}"
        return f"the VJP must return a tuple of {len(arguments)} cotangents, one per floating argument, got {got}"
    got, expected = (
        jax.tree.map(lambda leaf: f"{leaf.dtype}{leaf.shape}", list(tree)) for tree in (cotangents, arguments)
    )
    return "" if got == expected else f"the cotangents must have dtypes and shapes {expected}, got {got}"
