"""Compare hand-derived VJPs with automatic differentiation."""

import functools
import inspect
import os
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.core
import numpy as np
from typing_extensions import TypeAliasType

import jaxdl.functional
from jaxdl._display import Table, labeled
from jaxdl.derivation.cotangents import (
    CaseError,
    Program,
    by_program,
    hand_cotangents,
    hand_program,
    nothing_to_compare,
)
from jaxdl.derivation.discovery import (
    VJPPair,
    as_cases,
    as_pair,
    examples as examples_of,
    is_floating,
    rounded,
    select_pairs,
)
from jaxdl.derivation.edge_cases import edge_fault
from jaxdl.derivation.mutation import mutants
from jaxdl.derivation.relative_errors import describe_largest_difference, max_magnitude, relative_error
from jaxdl.derivation.solutions import solved_examples
from jaxdl.derivation.unusual_arrays import unusual_fault

PairLike = TypeAliasType("PairLike", str | Callable | VJPPair)
PairsLike = TypeAliasType("PairsLike", PairLike | types.ModuleType | Sequence[PairLike])
FLOAT64_BOUND = 1e-12
FLOAT32_BOUND = 1e-5  # only for inputs of unit scale
FLOAT32_RATIO = 10  # to the error of jax's own float32 gradient
ROUNDING = 32 * float(np.finfo(np.float64).eps)  # relative size of a sum of terms that cancel
UNIT_SCALE = 10.0  # largest magnitude of inputs that count as unit scale


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
        unset: Settings that have their default in every example, and for which no other value was found that changes
            the gradient.
    """

    name: str
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    float64: float
    float32: float
    float32_of_jax: float
    fault: str
    unset: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """Return what is not compared: "no example sets temperature: the gradient may ignore it", or an empty text."""
        names = " or ".join(self.unset)
        return f"no example sets {names}: the gradient may ignore {'it' if len(self.unset) == 1 else 'them'}" * bool(
            names
        )

    def __repr__(self) -> str:
        """Return name, result, number of cases, errors and note on one line."""
        errors = f"float64 error {self.float64:.1e}", f"float32 error {self.float32:.1e}"
        return labeled("Proof", self.name, self.fault or "holds", f"cases {len(self.shapes)}", *errors, self.note)


class Proofs(Table):
    """Proofs of several functions: a tuple of Proof, displayed as a table.

    Example:
        >>> from jaxdl import derivation
        >>> proofs = derivation.Proofs(derivation.prove(("relu", "softmax")))
        >>> [line.split()[0] for line in repr(proofs).splitlines()]
        ['function', 'relu', 'softmax']
    """

    _right = (1, 2, 3)

    def __new__(cls, proofs: Proof | Iterable[Proof] = ()):
        """Accept a single proof too."""
        return super().__new__(cls, [proofs] if isinstance(proofs, Proof) else proofs)

    def _cells(self) -> list[tuple[str, ...]]:
        rows = (
            (proof.name, str(len(proof.shapes)), f"{proof.float64:.1e}", f"{proof.float32:.1e}", _result(proof))
            for proof in self
        )
        return [("function", "cases", "float64", "float32", ""), *rows]


def _result(proof) -> str:
    return "; ".join(filter(None, [proof.fault or "holds", proof.note]))


def prove(
    mine: PairsLike = (),
    package: types.ModuleType = jaxdl.functional,
    *,
    examples: Sequence[tuple] | None = None,
    edge_cases: bool = False,
) -> Iterator[Proof]:
    """Compare hand-derived VJPs with `jax.vjp`, several at a time: those of a package, or your own.

    The VJP of your function `f` is the function `f_vjp` defined beside it: in the same module, notebook or function.
    Pass a `VJPPair` if it is elsewhere.

    Args:
        mine: Name, function or `VJPPair`, or several of them; all functions of the package if empty. A module of your
            own stands for all its pairs.
        package: An imported package or module with pairs `f`, `f_vjp`, in which names are looked up.
        examples: Inputs to compare on, the same for all functions: tuples of arguments, or pairs (arguments, settings),
            of jax or NumPy arrays of any float dtype. By default those of `f_examples(random)` beside `f`, or random
            arrays of the annotated shapes.
        edge_cases: Whether to compare also at NaN, infinities, zeros and large numbers, with NaN settings, in bfloat16
            and with empty arrays. The functions of jaxdl are always compared there too. Ties, zeros, other numbers of
            axes for an annotation such as *batch, and combinations of settings are always tried.

    Returns:
        Iterator of one proof per function, in the order of `mine`, or in alphabetical order. `Proofs(prove())` is a
        tuple of them that is displayed as a table.

    Raises:
        TypeError: If there are no examples, and an argument of `f` has no shape annotation.
        ValueError: If a function has no hand-derived VJP, or if an example does not fit its arguments.

    Example:
        >>> from jaxdl import derivation
        >>> [(proof.name, proof.fault) for proof in derivation.prove(("tanh", "dense"))]
        [('tanh', ''), ('dense', '')]

        Your own derivation:

        >>> def cube(x): return x**3
        >>> def cube_vjp(g, x): return (3 * g * x**2,)
        >>> [proof.fault for proof in derivation.prove(cube, examples=[(jnp.array([1.0, 2.0]),)])]
        ['']
    """
    compared = []
    for pair, is_own in select_pairs(mine, package):
        cases = as_cases(pair.f, examples) if examples is not None else examples_of(pair.f) if is_own else None
        compared.append((pair, cases))
    return _compare_all(compared, edge_cases)


def _compare_all(compared: list[tuple[VJPPair, list | None]], edge_cases) -> Iterator[Proof]:
    pool = ThreadPoolExecutor(os.cpu_count())  # compilation dominates and releases Python's global lock
    try:
        yield from pool.map(functools.partial(compare, edge_cases=edge_cases), *zip(*compared, strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def compare(pair: VJPPair | Callable, cases: list | None = None, *, edge_cases: bool = False) -> Proof:
    """Compare one hand-derived VJP with `jax.vjp`, for a random cotangent in each case.

    Args:
        pair: The function and its VJP, or a function with an `f_vjp` beside it.
        cases: Pairs (arguments, settings) to compare on, as for `prove`; `examples(pair.f)` by default. Floats are
            rounded to float32 numbers, so that both precisions start from the same inputs.
        edge_cases: Whether to compare also at edge cases of the examples, as `prove` describes.

    Returns:
        The errors, and the first fault. An exception of `f` or `f_vjp` is reported as a fault.

    Example:
        The factor 2 is missing from this gradient:

        >>> from jaxdl import derivation
        >>> def square(x): return x**2
        >>> def square_vjp(g, x): return (g * x,)
        >>> pair = derivation.VJPPair("square", square, square_vjp)
        >>> derivation.compare(pair, [((np.array([0.0, 2.0]),), {})]).fault
        'case 0: float64 error 5.0e-01 is over 1e-12, largest at x[1]: 1.643 by hand, 3.286 by jax'
    """
    given, pair = cases, as_pair(pair)
    compared = examples_of(pair.f) if given is None else rounded(as_cases(pair.f, given))
    shapes = tuple(tuple(np.shape(leaf) for leaf in jax.tree.leaves(tuple(arguments))) for arguments, _ in compared)
    fault = _signature_fault(pair)
    if fault:
        return Proof(pair.name, shapes, 0.0, 0.0, 0.0, fault)
    unset: tuple[str, ...] = ()
    try:
        solved = solved_examples(pair.f, compared, given is None, edge_cases)
        errors, fault = _judged(pair.f_vjp, solved)
        unset = solved.unset
    except CaseError as failure:
        errors, fault = (np.inf, np.inf, 0.0), str(failure)
    return Proof(pair.name, shapes, *errors, fault, unset)


def _judged(f_vjp, solved) -> tuple[tuple[float, ...], str]:
    """Return the largest errors in the cases, and the first fault in the cases or in those made from them."""
    cases, varied = solved.cases, [variant.case for variant in solved.varied]
    ordinary, unusual = [*cases, *varied], [unusual.case for unusual in solved.unusual]
    in_double, in_single = (hand_program(f_vjp, each) for each in (ordinary, [*ordinary, *unusual]))
    of_single = in_single([*ordinary, *unusual], 1)
    hand = list(zip(in_double(ordinary, 0), of_single, strict=False))
    errors, fault = _largest_errors(cases, hand[: len(cases)])
    fault = fault or nothing_to_compare(cases) or _largest_errors(varied, hand[len(cases) :])[1]
    fault = fault or _first_edge_fault(solved, in_double)
    return errors, fault or _first_unusual_fault(solved.unusual, of_single[len(ordinary) :])


def surviving_mutants(pair: VJPPair | Callable, cases: list | None = None) -> tuple[int, list[str]]:
    """Mutate a VJP and return the mutants that the comparison fails to detect.

    Args:
        pair: The function and its VJP, or a function with an `f_vjp` beside it.
        cases: Pairs (arguments, settings) to compare on; `examples(pair.f)` by default.

    Returns:
        The number of mutants, and the changes of those that pass all examples, also with the other values of settings
        and the other shapes that `prove` tries. An empty list means that every mutant is detected.

    Example:
        >>> from jaxdl import derivation
        >>> pair = derivation.VJPPair("tanh", F.tanh, F.tanh_vjp)
        >>> derivation.surviving_mutants(pair)
        (11, [])
    """
    pair = as_pair(pair)
    surviving = mutated = list(mutants(pair.f_vjp))
    compared = examples_of(pair.f) if cases is None else rounded(as_cases(pair.f, cases))
    solved = solved_examples(pair.f, compared, cases is None, False)
    for ordinary in (solved.cases, [variant.case for variant in solved.varied]):
        for precision in (0, 1):  # most mutants already fail in float64
            for like in by_program(ordinary) if surviving else ():
                surviving = _surviving_in_cases(surviving, like, precision) if surviving else []
    return len(mutated), [change for change, _ in surviving]


def _surviving_in_cases(mutated, cases, precision) -> list[tuple]:
    """Return the mutants that pass in cases of one program, in float64 (precision = 0) or in float32 (1).

    All mutants are compiled into one program with the same noise: they share most of their operations, which makes
    compilation fast.
    """

    def pull(g, arguments, settings):
        pulled = {}
        for number, (_, wrong) in enumerate(mutated):
            try:
                pulled[number] = hand_cotangents(wrong, g, arguments, settings)
            except Exception as failure:  # detected
                is_traced = isinstance(jax.tree.leaves(arguments)[0], jax.core.Tracer)
                if isinstance(failure, jax.errors.JAXTypeError) and is_traced:
                    raise
        return pulled

    with jax.debug_key_reuse(False):
        computed = Program(pull, cases[:1])(cases, precision)
    passing = set(range(len(mutated)))
    for case, pulled in zip(cases, computed, strict=True):
        hand = {number: (cotangents, case.reference[1]) for number, cotangents in pulled.items()}
        if precision:
            hand = {number: (case.reference[0], cotangents) for number, cotangents in pulled.items()}
        passing &= {number for number, both in hand.items() if number in passing and not _errors(case, both)[1]}
    return [mutated[number] for number in sorted(passing)]


def _largest_errors(cases, hand) -> tuple[tuple[float, ...], str]:
    """Return the largest errors (float64, float32, jax's own in float32) up to the first fault, and that fault."""
    worst: tuple[float, ...] = (0.0, 0.0, 0.0)
    for case, pulled in zip(cases, hand, strict=True):
        errors, fault = _errors(case, pulled)
        worst = tuple(map(max, worst, errors))
        if fault:
            return worst, f"{case.title}: {fault}"
    return worst, ""


def _first_edge_fault(solved, program) -> str:
    """Return the first fault at an edge case."""
    hand = program([edge.case for edge in solved.edges], 0)
    for edge, pulled, reference in zip(solved.edges, hand, solved.edge_references, strict=True):
        near_reference = functools.partial(solved.reference, [edge.near], 0)
        if fault := edge_fault(edge, _names_of_leaves(edge.case), pulled, reference, near_reference):
            return fault
    return ""


def _first_unusual_fault(unusual, hand) -> str:
    """Return the first fault in bfloat16 or with empty arrays."""
    for each, pulled in zip(unusual, hand, strict=True):
        floating = [argument for argument in each.case.inputs[0][1] if is_floating(argument)]
        fault = _structure_fault(pulled, floating, each.case.names)
        if fault := fault or unusual_fault(each, _names_of_leaves(each.case), pulled):
            return f"{each.case.title}: {fault}"
    return ""


def _errors(case, hand) -> tuple[tuple[float, ...], str]:
    """Return the errors (float64, float32, jax's own in float32) of one case, and the fault, if any.

    Of several wrong cotangents the fault describes the one with the largest error, in float64 if possible.
    """
    for cotangents, (_, arguments, _) in zip(hand, case.inputs, strict=True):
        if fault := _structure_fault(cotangents, [a for a in arguments if is_floating(a)], case.names):
            return (np.inf, np.inf, 0.0), fault
    reference, jax_float32 = case.reference
    leaves = [jax.tree.leaves(cotangents) for cotangents in (*hand, jax_float32, reference)]
    extra = _extra_scales(leaves[-1])
    errors = [list(map(relative_error, values, leaves[-1], extra)) for values in leaves[:-1]]
    _, single, _ = case.inputs[1]
    unit = max(np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(single) if is_floating(leaf)) <= UNIT_SCALE
    faults = [
        (in_double > FLOAT64_BOUND, max(in_double, in_single), number, text)
        for number, (in_double, in_single, of_jax) in enumerate(zip(*errors, strict=True))
        if (text := _leaf_fault(in_double, in_single, of_jax, unit))
    ]
    largest = tuple(max(of_leaves, default=0.0) for of_leaves in errors)
    return largest, _described(case, leaves, faults) if faults else ""


def _extra_scales(reference) -> list[float]:
    """Return the scale of the largest cotangent for each cotangent that is 0 up to its rounding, and 0 for others."""
    scales = [max_magnitude(leaf) for leaf in reference]
    largest = max(scales, default=0.0)
    return [largest if scale <= ROUNDING * largest else 0.0 for scale in scales]


def _leaf_fault(in_double, in_single, of_jax, unit) -> str:
    """Return the fault of one cotangent from its errors; unit is whether the inputs have unit scale."""
    allowed = FLOAT32_RATIO * max(of_jax, float(np.finfo(np.float32).eps))
    allowed = min(allowed, FLOAT32_BOUND) if unit else allowed
    if not np.isfinite(of_jax):
        return "f is unstable: jax's float32 gradient has NaN or infinity where its float64 gradient is finite"
    if in_double > FLOAT64_BOUND:
        return f"float64 error {in_double:.1e} is over {FLOAT64_BOUND:.0e}"
    if in_single > allowed:
        return f"float32 error {in_single:.1e} is over {allowed:.1e} (jax's own is {of_jax:.1e})"
    return ""


def _described(case, leaves, faults) -> str:
    """Return the worst fault, with the place and the values of the largest error, and the other wrong cotangents."""
    in_double, _, number, text = max(faults)
    names = _names_of_leaves(case)
    in_double64, in_single, jax_float32, reference = leaves
    values = jax_float32 if "unstable" in text else in_double64 if in_double else in_single
    place = describe_largest_difference(names[number], values[number], reference[number])
    others = [names[other] for _, _, other, _ in sorted(faults, key=lambda fault: fault[2]) if other != number]
    return f"{text}, largest at {place}" + (f"; also wrong: {', '.join(others)}" if others else "")


def _names_of_leaves(case) -> list[str]:
    """Return the names of all arrays that get a cotangent, such as params['bias']."""
    floating = [argument for argument in case.inputs[0][1] if is_floating(argument)]
    return [
        name + jax.tree_util.keystr(path)
        for name, argument in zip(case.names, floating, strict=True)
        for path, _ in jax.tree_util.tree_leaves_with_path(argument)
    ]


def _signature_fault(pair) -> str:
    """Return a fault unless the signature of f_vjp is g followed by that of f: same names, kinds and defaults."""
    of_f, of_vjp = (list(inspect.signature(f).parameters.values()) for f in (pair.f, pair.f_vjp))
    g = inspect.Parameter("g", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if [(p.name, p.kind, p.default) for p in of_vjp] != [(p.name, p.kind, p.default) for p in (g, *of_f)]:
        return f"the VJP's signature must be g followed by that of {pair.name}, got {inspect.signature(pair.f_vjp)}"
    return ""


def _structure_fault(cotangents, arguments, names) -> str:
    """Return a fault unless there is one cotangent per floating argument, of the same structure, shapes and dtypes."""
    if not isinstance(cotangents, tuple) or len(cotangents) != len(arguments):
        got = f"{len(cotangents)}" if isinstance(cotangents, tuple) else f"a {type(cotangents).__name__}"
        return (
            f"the VJP must return a tuple of {len(arguments)} cotangents, one per floating argument "
            f"({', '.join(names)}), got {got}. An argument of integers gets none: convert it to floats if it should"
        )
    for name, *both in zip(names, cotangents, arguments, strict=True):
        got, expected = (jax.tree.map(lambda leaf: f"{leaf.dtype}{leaf.shape}", tree) for tree in both)
        if got != expected:
            return f"the cotangent of {name} must have dtype and shape {expected}, got {got}"
    return ""
