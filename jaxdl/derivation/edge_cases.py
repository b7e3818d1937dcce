"""Edge cases of examples: NaN, infinities, ties, zeros, large numbers, other labels and settings, in the same shapes.

People err in rare branches, which ordinary inputs do not reach. Each edge case is made from an example by changing
numbers only, so that the program of the example computes it without another compilation:

- in one argument, each row in turn gets a NaN, an infinity or stays; or one entry is infinite; or all are scaled by 0,
  30 or -1000; or all are shifted by -30, -12, 9 or 12; infinities are also in all arguments at once;
- in one argument, there are ties: neighbors are equal along the last or the first axis, all entries are equal, every
  second one is 0, or the argument equals another one of the same shape;
- the cotangent is scaled by 1e9 or 1e-9, or some of its entries are NaN or infinite;
- integers, such as labels, and settings that are arrays are exchanged for others that occur among the examples, which
  crosses all of them; a setting may also become NaN or 0.

At an edge case the hand-derived cotangents must equal those of jax, NaN and infinities included, with two exceptions:

- Where jax's cotangent is NaN only because it multiplies 0 by an infinity, the hand-derived one may be the limit. It
  must agree with jax's cotangent for 1e8 instead of the infinity (in the sign, if it is infinite), and for the number
  of the example instead of the NaN.
- Where the cotangent of the output has a NaN or an infinity, or several arguments have infinities, the hand-derived
  cotangent may be NaN if jax's is 0, and both may be NaN or infinite.

If two arguments are equal, and for the functions of others (`ties_of`), only cotangents that are finite by jax count.
"""

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.derivation.cotangents import Case, by_program
from jaxdl.derivation.discovery import is_floating
from jaxdl.derivation.relative_errors import describe_largest_difference, max_magnitude
from jaxdl.system.keys import is_key

SPECIAL = (np.nan, np.inf, -np.inf, None)  # None leaves the row as it is
INFINITE = (np.inf, -np.inf, None)
SHIFTS = (-30, -12, 9, 12)
EXAMPLES = 3  # in which NaN, infinities and scales are tried, at most
LARGE = 1e8  # stands for an infinity, to find the limit
BOUND = 1e-12  # relative to the largest cotangent of the example and of the edge case
TAIL_BOUND = 1e-6  # in a tail, relative to the largest cotangent of the edge case alone
TAIL_ROUNDING = 1e-14  # and to that of the example
TIE_BOUND = 1e-9  # if arguments are equal, their difference is 0 up to rounding
LIMIT_BOUND = 1e-6


class EdgeCase(NamedTuple):
    """One edge case of a function.

    Attributes:
        case: The inputs and jax's cotangents, in float64 only.
        near: The same with large numbers in place of infinities, and without NaN.
        scale: Largest magnitude among the cotangents of the example; 0 if only that of the edge case counts.
        kind: "tail" if an argument is shifted, "cotangent" if g is not finite, "several" if several arguments are not,
            "scaled" if g is scaled, "tie" if only finite cotangents are compared; else empty.
    """

    case: Case
    near: Case
    scale: float
    kind: str


class _Change(NamedTuple):
    """A change of the inputs (g, arguments, settings); `near` is its version without NaN and infinities."""

    text: str
    apply: Callable
    near: Callable
    kind: str = ""
    examples: int = 1  # in which it is made, at most


def _finite(text, apply, kind="", examples=1) -> _Change:
    """Return a change that sets nothing to NaN or infinity."""
    return _Change(text, apply, apply, kind, examples)


def edge_cases_of(cases: Sequence[Case]) -> Iterator[EdgeCase]:
    """Make edge cases from cases that are solved. Each has one change, and others' integers and settings."""
    random = np.random.default_rng(2)

    def exchanged(case):
        g, arguments, settings = case.inputs[0]
        arguments = tuple(_exchanged(random, argument, cases, at) for at, argument in enumerate(arguments))
        return g, arguments, {name: _other_setting(random, name, value, cases) for name, value in settings.items()}

    for like in by_program(cases):
        changes = [*_changes_of_arguments(like[0]), *_ties(like[0]), *_changes_of_settings(like[0]), *_changes_of_g()]
        for number, change in enumerate(changes):
            for turn in range(min(len(like), change.examples)):
                case = like[(number + turn) % len(like)]
                yield _edge_case(case, exchanged(case), change)


def ties_of(cases: Sequence[Case]) -> Iterator[EdgeCase]:
    """Make the edge cases with ties and zeros only, from cases that are solved."""
    for like in by_program(cases):
        for number, change in enumerate(_ties(like[0])):
            case = like[number % len(like)]
            yield _edge_case(case, case.inputs[0], change._replace(kind="tie"))


def _places(case) -> list[tuple[int, str]]:
    """Return the places and the names of the floating arguments."""
    places = [place for place, argument in enumerate(case.inputs[0][1]) if is_floating(argument)]
    return list(zip(places, case.names, strict=True))


def _changes_of_arguments(case) -> Iterator[_Change]:
    changes = [
        ("NaN and infinities in", _setting_special(turn), _setting_special(turn, LARGE), "", EXAMPLES)
        for turn in range(len(SPECIAL))
    ]
    changes.append(("an infinity in", _setting_one(np.inf), _setting_one(LARGE), "", EXAMPLES))
    changes += [(f"{factor} times", _scaling(factor), _scaling(factor), "", EXAMPLES) for factor in (0, 30, -1000)]
    changes += [(f"{shift} added to", _shifting(shift), _shifting(shift), "tail", 1) for shift in SHIFTS]
    places = _places(case)
    for text, apply, near, kind, examples in changes:
        for place, name in places:
            yield _Change(f"{text} {name}", _in_argument(place, apply), _in_argument(place, near), kind, examples)
    for turn in range(len(INFINITE)) if len(places) > 1 else ():
        apply, near = (
            _in_turn(
                [_in_argument(at, _setting_special(turn + n, x, INFINITE, at=0)) for n, (at, _) in enumerate(places)]
            )
            for x in (np.inf, LARGE)
        )
        yield _Change("infinities in all arguments", apply, near, "several")


def _ties(case) -> Iterator[_Change]:
    """Yield changes that make entries equal: within an argument, and of two arguments of the same shape."""
    changes = [
        ("equal neighbors in", _equal_neighbors(-1)),
        ("equal neighbors along the first axis of", _equal_neighbors(0)),
        ("equal entries in", _all_equal),
        ("zeros in", _zeroing),
    ]
    arguments, places = case.inputs[0][1], _places(case)
    for text, apply in changes:
        for place, name in places:
            yield _finite(f"{text} {name}", _in_argument(place, apply))
    shapes = {place: jax.tree.map(np.shape, arguments[place]) for place, _ in places}
    for (place, name), (other, other_name) in itertools.combinations(places, 2):
        if shapes[place] == shapes[other]:
            yield _finite(f"{other_name} equal to {name}", _copying(place, other), "tie")


def _changes_of_settings(case) -> Iterator[_Change]:
    for name in [name for name, value in case.inputs[0][2].items() if is_floating(value)]:
        yield _Change(f"NaN as {name}", _in_setting(name, _all_nan), _in_setting(name, _same))
        yield _finite(f"0 in {name}", _in_setting(name, _setting_one(0.0)))


def _changes_of_g() -> Iterator[_Change]:
    for factor in (1e9, 1e-9):
        yield _finite(f"{factor:g} times g", _in_g(_scaling(factor)), "scaled", EXAMPLES)
    for turn in (0, 1):
        some_nan = _in_g(_setting_special(turn, numbers=(np.nan, None)))
        yield _Change("NaN in g", some_nan, _in_g(_same), "cotangent", EXAMPLES)
        infinite, large = (_in_g(_setting_special(turn, size, INFINITE)) for size in (np.inf, LARGE))
        yield _Change("infinities in g", infinite, large, "cotangent")


def _edge_case(case, inputs, change) -> EdgeCase:
    """Return a case with a change of its inputs."""
    shown = {**case.static, **{name: value.tolist() for name, value in inputs[2].items()}}
    title = f"{case.title.split(' {')[0]}{f' {shown}' if shown else ''} with {change.text}"
    scale = max((max_magnitude(leaf) for leaf in jax.tree.leaves(case.reference[0])), default=0.0)
    changed, near = (case._replace(title=title, inputs=(apply(inputs),)) for apply in (change.apply, change.near))
    return EdgeCase(changed, near, 0.0 if change.kind == "scaled" else scale, change.kind)


def _in_g(apply) -> Callable:
    return lambda inputs: (jax.tree.map(apply, inputs[0]), *inputs[1:])


def _in_argument(place, apply) -> Callable:
    def change(inputs):
        g, arguments, settings = inputs
        return g, (*arguments[:place], jax.tree.map(apply, arguments[place]), *arguments[place + 1 :]), settings

    return change


def _in_setting(name, apply) -> Callable:
    return lambda inputs: (*inputs[:2], {**inputs[2], name: apply(inputs[2][name])})


def _in_turn(changes) -> Callable:
    return lambda inputs: functools.reduce(lambda changed, change: change(changed), changes, inputs)


def _copying(place, other) -> Callable:
    """Return a change that replaces the argument at the other place by that at the first place."""

    def change(inputs):
        g, arguments, settings = inputs
        return g, (*arguments[:other], arguments[place], *arguments[other + 1 :]), settings

    return change


def _equal_neighbors(axis) -> Callable:
    """Return a function that copies the entries at even places of an axis to the odd places after them."""

    def change(array):
        if not np.ndim(array):
            return array
        array = np.moveaxis(np.array(array), axis, 0)
        odd = array[1::2]
        array[1::2] = array[: 2 * len(odd) : 2]
        return np.moveaxis(array, 0, axis)

    return change


def _all_equal(array):
    return np.full_like(array, np.asarray(array).reshape(-1)[np.size(array) // 2]) if np.size(array) else array


def _zeroing(array):
    """Set every second entry to 0."""
    array = np.array(array)
    array.reshape(-1)[::2] = 0
    return array


def _setting_one(number) -> Callable:
    """Return a function that sets the entry in the middle to a number."""

    def change(array):
        array = np.array(array)
        array.reshape(-1)[array.size // 2 : array.size // 2 + 1] = number
        return array

    return change


def _all_nan(array):
    return np.full_like(array, np.nan)


def _same(array):
    return array


def _setting_special(turn, large=np.inf, numbers=SPECIAL, at=None) -> Callable:
    """Return a function that sets one entry of each row to the number whose turn it is: the entry depends on `at`."""
    at = turn if at is None else at

    def change(array):
        if not array.size:
            return array
        array = np.array(array)
        rows = array.reshape(len(array) if array.ndim else 1, -1)
        for row in range(len(rows)):
            number = numbers[(row + turn) % len(numbers)]
            if large != np.inf and number is not None:  # a cotangent without NaN must not depend on the number there
                number = None if np.isnan(number) else np.clip(number, -large, large)
            if number is not None:
                rows[row, (3 * row + at) % rows.shape[1]] = number
        return array

    return change


def _scaling(factor) -> Callable:
    """Return a function that multiplies an array by a factor; NaN and infinities stay."""
    return lambda array: np.where(np.isfinite(array), factor * np.where(np.isfinite(array), array, 0), array)


def _shifting(shift) -> Callable:
    return lambda array: array + shift


def _exchanged(random, argument, cases, place) -> Any:
    """Exchange half of the integers of an argument for others that occur in this argument of any case."""
    if is_key(argument) or is_floating(argument):
        return argument

    def change(array):
        known = [
            leaf.ravel()
            for case in cases
            for leaf in jax.tree.leaves(case.inputs[0][1][place])
            if leaf.dtype == array.dtype
        ]
        others = random.choice(np.unique(np.concatenate(known)), array.shape) if array.size else array
        return np.where(random.uniform(size=array.shape) < 0.5, array, others).astype(array.dtype)

    return jax.tree.map(change, argument)


def _other_setting(random, name, value, cases) -> np.ndarray:
    """Return a setting or, in most calls, its value in another case."""
    known = [case.inputs[0][2][name] for case in cases]
    known = list({other.tobytes(): other for other in known if other.shape == value.shape}.values())
    return value if random.uniform() < 0.25 else known[random.integers(len(known))]


def edge_fault(edge: EdgeCase, names: Sequence[str], hand, reference, near_reference: Callable) -> str:
    """Return the fault of the hand-derived cotangents at an edge case, if any.

    Args:
        edge: The edge case.
        names: Names of all arrays among the cotangents.
        hand: Hand-derived cotangents.
        reference: Cotangents by jax.
        near_reference: Function that returns jax's cotangents of `edge.near`.

    Returns:
        The name of the case, the place of the largest difference and both values; empty without a fault.
    """
    hand, reference = (list(map(np.asarray, jax.tree.leaves(leaves))) for leaves in (hand, reference))
    own_scale = max(map(max_magnitude, reference), default=0.0)
    scale = max(edge.scale, own_scale)
    bound = TAIL_BOUND * own_scale + TAIL_ROUNDING * scale if edge.kind == "tail" else BOUND * scale
    if edge.kind == "tie":
        bound = TIE_BOUND * scale + BOUND * max(
            map(max_magnitude, jax.tree.leaves(edge.case.inputs[0][0])), default=0.0
        )
    wrong = [~_agrees(mine, theirs, bound) for mine, theirs in zip(hand, reference, strict=True)]
    if edge.kind == "tie":
        wrong = [bad & np.isfinite(r) for bad, r in zip(wrong, reference, strict=True)]
    if edge.kind in ("cotangent", "several"):
        wrong = [bad & ~_is_undetermined(h, r) for bad, h, r in zip(wrong, hand, reference, strict=True)]
    if any((bad & np.isnan(r) & ~np.isnan(h)).any() for bad, h, r in zip(wrong, hand, reference, strict=True)):
        limits = map(np.asarray, jax.tree.leaves(near_reference()))
        allowed = [
            np.isnan(r) & _is_limit(h, limit, scale) for h, r, limit in zip(hand, reference, limits, strict=True)
        ]
        wrong = [bad & ~good for bad, good in zip(wrong, allowed, strict=True)]
    for name, bad, mine, theirs in zip(names, wrong, hand, reference, strict=True):
        if bad.any():
            place = describe_largest_difference(name, np.where(bad, mine, 0), np.where(bad, theirs, 0))
            return f"{edge.case.title}: {place}"
    return ""


def _agrees(hand, reference, bound) -> np.ndarray:
    """Return whether both are NaN, the same infinity, or numbers that differ by at most the bound."""
    with np.errstate(invalid="ignore"):
        close = (hand == reference) | (np.isnan(hand) & np.isnan(reference)) | (np.abs(hand - reference) <= bound)
    return np.asarray(close)


def _is_undetermined(hand, reference) -> np.ndarray:
    """Return whether a cotangent is NaN instead of 0, or NaN or infinite as by jax: the sum of infinities varies."""
    return (np.isnan(hand) & (reference == 0)) | (~np.isfinite(hand) & ~np.isfinite(reference))


def _is_limit(hand, limit, scale) -> np.ndarray:
    """Return whether a cotangent agrees with the one near infinity: in its number, or in its sign if infinite."""
    with np.errstate(invalid="ignore"):
        close = np.abs(hand - limit) <= LIMIT_BOUND * np.maximum(np.abs(limit), scale)
    return np.where(np.isinf(hand), np.sign(hand) == np.sign(limit), close)
