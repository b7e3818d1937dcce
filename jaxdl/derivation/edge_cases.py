"""Edge cases of examples: NaN, infinities, zeros, large numbers, other labels and settings, in the same shapes.

People err in rare branches, which ordinary inputs do not reach. Each edge case is made from an example by changing
numbers only, so that the program of the example computes it without another compilation:

- in one argument, each row in turn gets a NaN, an infinity or stays; or one entry is infinite; or all are scaled by 0,
  30 or -1000;
- the cotangent is scaled by 1000, or some of its entries are NaN;
- integers, such as labels, and settings that are arrays are exchanged for others that occur among the examples, which
  crosses all of them; a setting may also become NaN or 0.

At an edge case the hand-derived cotangents must equal those of jax, NaN and infinities included, with two exceptions:

- Where jax's cotangent is NaN only because it multiplies 0 by an infinity, the hand-derived one may be the limit. It
  must agree with jax's cotangent for 1e8 instead of the infinity (in the sign, if it is infinite), and for the number
  of the example instead of the NaN.
- Where jax's cotangent is 0 and the cotangent of the output has a NaN, the hand-derived one may be NaN.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.derivation.cotangents import Case, by_program
from jaxdl.derivation.discovery import is_floating
from jaxdl.derivation.relative_errors import describe_largest_difference, max_magnitude
from jaxdl.system.keys import is_key

SPECIAL = (np.nan, np.inf, -np.inf, None)  # None leaves the row as it is
EXAMPLES = 3  # in which each number is changed, at most
LARGE = 1e8  # stands for an infinity, to find the limit
BOUND = 1e-12  # relative to the largest cotangent of the example and of the edge case
LIMIT_BOUND = 1e-6


class EdgeCase(NamedTuple):
    """One edge case of a function.

    Attributes:
        case: The inputs and jax's cotangents, in float64 only.
        near: The same with large numbers in place of infinities, and without NaN.
        scale: Largest magnitude among the cotangents of the example.
        has_nan: Whether the cotangent of the output has a NaN.
    """

    case: Case
    near: Case
    scale: float
    has_nan: bool


class _Change(NamedTuple):
    """A change of the numbers of one argument, or of g; `near` is its version without NaN and infinities."""

    text: str
    apply: Callable
    near: Callable


def edge_cases_of(cases: Sequence[Case]) -> Iterator[EdgeCase]:
    """Make edge cases from cases that are solved. Each has one changed argument, and others' integers and settings."""
    random = np.random.default_rng(2)
    for like in by_program(cases):
        _, arguments, traced = like[0].inputs[0]
        floating = [place for place, argument in enumerate(arguments) if is_floating(argument)]
        changes: list[tuple[int | str | None, _Change]] = [
            (place, change) for change in _changes_of_arguments() for place in floating
        ]
        numbers = [name for name, value in traced.items() if is_floating(value)]
        changes += [(name, change) for change in _changes_of_settings() for name in numbers]
        changes += [(None, change) for change in _changes_of_g()]
        for number, (place, change) in enumerate(changes):
            for turn in range(min(len(like), EXAMPLES)):
                yield _edge_case(random, cases, like[(number + turn) % len(like)], place, change)


def _changes_of_arguments() -> list[_Change]:
    turns = range(len(SPECIAL))
    special = [
        _Change("NaN and infinities in", _setting_special(turn), _setting_special(turn, LARGE)) for turn in turns
    ]
    special.append(_Change("an infinity in", _setting_one(np.inf), _setting_one(LARGE)))
    return [*special, *(_Change(f"{factor} times", _scaling(factor), _scaling(factor)) for factor in (0, 30, -1000))]


def _changes_of_settings() -> list[_Change]:
    return [_Change("NaN as", _all_nan, _same), _Change("0 in", _setting_one(0.0), _setting_one(0.0))]


def _changes_of_g() -> list[_Change]:
    some_nan = [_Change("NaN in", _setting_special(turn, numbers=(np.nan, None)), _same) for turn in (0, 1)]
    return [_Change("1000 times", _scaling(1000), _scaling(1000)), *some_nan]


def _edge_case(random, cases, case, place, change) -> EdgeCase:
    """Return a case with a change in the argument at a place, in a setting if it is a name, or in g if it is None."""
    g, arguments, settings = case.inputs[0]
    arguments = tuple(_exchanged(random, argument, cases, at) for at, argument in enumerate(arguments))
    settings = {name: _other_setting(random, name, value, cases) for name, value in settings.items()}

    def inputs(apply):
        if place is None:
            return jax.tree.map(apply, g), arguments, settings
        if isinstance(place, str):
            return g, arguments, {**settings, place: apply(settings[place])}
        return g, (*arguments[:place], jax.tree.map(apply, arguments[place]), *arguments[place + 1 :]), settings

    name = place if isinstance(place, str) else "g" if place is None else _name_of(case, place)
    shown = {**case.static, **{name: value.tolist() for name, value in settings.items()}}
    title = f"{case.title.split(' {')[0]}{f' {shown}' if shown else ''} with {change.text} {name}"
    scale = max((max_magnitude(leaf) for leaf in jax.tree.leaves(case.reference[0])), default=0.0)
    changed, near = (case._replace(title=title, inputs=(inputs(apply),)) for apply in (change.apply, change.near))
    return EdgeCase(changed, near, scale, place is None and "NaN" in change.text)


def _name_of(case, place) -> str:
    """Return the name of the floating argument at a place."""
    return case.names[sum(map(is_floating, case.inputs[0][1][:place]))]


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


def _setting_special(turn, large=np.inf, numbers=SPECIAL) -> Callable:
    """Return a function that sets one entry of each row to the number whose turn it is."""

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
                rows[row, (3 * row + turn) % rows.shape[1]] = number
        return array

    return change


def _scaling(factor) -> Callable:
    """Return a function that multiplies an array by a factor; NaN and infinities stay."""
    return lambda array: np.where(np.isfinite(array), factor * np.where(np.isfinite(array), array, 0), array)


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
    scale = max(edge.scale, *map(max_magnitude, reference))
    wrong = [~_agrees(mine, theirs, BOUND * scale) for mine, theirs in zip(hand, reference, strict=True)]
    if edge.has_nan:
        wrong = [bad & ~(np.isnan(h) & (r == 0)) for bad, h, r in zip(wrong, hand, reference, strict=True)]
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
        return (hand == reference) | (np.isnan(hand) & np.isnan(reference)) | (np.abs(hand - reference) <= bound)


def _is_limit(hand, limit, scale) -> np.ndarray:
    """Return whether a cotangent agrees with the one near infinity: in its number, or in its sign if infinite."""
    with np.errstate(invalid="ignore"):
        close = np.abs(hand - limit) <= LIMIT_BOUND * np.maximum(np.abs(limit), scale)
    return np.where(np.isinf(hand), np.sign(hand) == np.sign(limit), close)
