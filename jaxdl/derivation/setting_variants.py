"""Settings that no example tries: combinations of those that occur, and other values of those that none sets."""

import inspect
import itertools
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.derivation.cotangents import Case, cases_of, traced_settings

COMBINATIONS = 4  # added at most
ATTEMPTS = 12  # at combinations, of which f does not accept every one
MOST = 500  # combinations to choose from

Example = tuple[tuple, dict[str, Any]]


class Variant(NamedTuple):
    """An example with other settings.

    Attributes:
        case: The case.
        origin: Number of the example whose arguments it has.
        drawn: Name of the setting that no example sets; empty if settings of examples are combined.
    """

    case: Case
    origin: int
    drawn: str


def settings_of(f: Callable) -> dict[str, inspect.Parameter]:
    """Return the parameters of f that have a default, by name."""
    return {p.name: p for p in inspect.signature(f).parameters.values() if p.default is not p.empty}


def unset_settings(f: Callable, examples: Sequence[Example]) -> tuple[str, ...]:
    """Return the settings that have their default in every example."""
    signature = inspect.signature(f)
    bound = [signature.bind(*arguments, **settings).arguments for arguments, settings in examples]
    return tuple(
        name
        for name, p in settings_of(f).items()
        if all(_is_same(of_case.get(name, p.default), p.default) for of_case in bound)
    )


def variants_of(f: Callable, examples: Sequence[Example], combinations: int = COMBINATIONS) -> list[Variant]:
    """Make examples with combinations of settings that no example has, and with values for those that none sets.

    A setting that is not an array is combined with each other setting and with the arguments of each example, as far
    as f accepts the combination. A setting that none sets becomes a number near its default, the other truth value, or
    another of the texts in its annotation.
    """
    variants = list(itertools.islice(_combinations(f, examples), combinations))
    for name in unset_settings(f, examples):
        for value in _other_values(settings_of(f)[name]):
            arguments, settings = examples[0]
            known = inspect.signature(f).bind(*arguments).arguments
            accepted = [] if name in known else _accepted(f, examples, 0, {**settings, name: value}, name)
            if accepted:
                variants += accepted
                break
    return variants


def _accepted(f, examples, number, settings, drawn) -> list[Variant]:
    """Return the example with other settings as a list of one variant; of none if f does not accept them."""
    try:
        (case,) = cases_of(f, [(examples[number][0], settings)])
    except Exception:
        return []
    return [Variant(case._replace(title=f"case {number} with {settings}"), number, drawn)]


def _combinations(f, examples) -> Iterator[Variant]:
    """Yield combinations that f accepts: first those with most pairs and triples that did not occur before."""
    arrays = traced_settings(f, {})
    defaults = {name: p.default for name, p in settings_of(f).items() if name not in arrays}
    given = [{**defaults, **{n: v for n, v in settings.items() if n in defaults}} for _, settings in examples]
    values: dict[str, list] = {name: [] for name in defaults}
    for settings, name in itertools.product(given, defaults):
        if not any(_is_same(settings[name], known) for known in values[name]):
            values[name].append(settings[name])
    chosen = {name: range(len(of_name)) for name, of_name in values.items() if len(of_name) > 1}
    if not chosen:
        return

    def index(settings):
        return tuple(next(i for i in chosen[n] if _is_same(values[n][i], settings[n])) for n in chosen)

    covered = {group for number, settings in enumerate(given) for group in _groups((number, *index(settings)))}
    every = itertools.islice(itertools.product(range(len(examples)), *chosen.values()), MOST)
    candidates = {candidate: _groups(candidate) for candidate in every}
    for _ in range(ATTEMPTS):
        best = max(candidates, key=lambda candidate: len(candidates[candidate] - covered), default=None)
        if best is None or not candidates[best] - covered:
            return
        number, *places = best
        settings = {name: values[name][place] for name, place in zip(chosen, places, strict=True)}
        del candidates[best]
        variants = _accepted(f, examples, number, {**examples[number][1], **settings}, "")
        if variants:
            covered |= _groups(best)
            yield from variants


def _groups(candidate) -> set:
    """Return the pairs of the example or a setting with another setting, and the triples of settings."""
    numbered = list(enumerate(candidate))
    return {*itertools.combinations(numbered, 2), *itertools.combinations(numbered[1:], 3)}


def _other_values(parameter) -> list[Any]:
    """Return values to try instead of the default."""
    default, choices = parameter.default, typing.get_args(parameter.annotation)
    if typing.get_origin(parameter.annotation) is typing.Literal:
        return [choice for choice in choices if choice != default]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [default + 1, default - 1] if default >= 0 else [default - 1, default + 1]
    return [0.75 * default + 0.1, 1.5 * default] if isinstance(default, float) else []


def _is_same(value, default) -> bool:
    """Return whether two settings are equal, numbers and arrays by value."""
    if value is default:
        return True
    try:
        return isinstance(value, bool) == isinstance(default, bool) and bool(np.all(value == default))
    except (TypeError, ValueError):
        return False


def has_no_effect(variant: Variant, cases: Sequence[Case]) -> bool:
    """Return whether jax's cotangents of a variant equal those of its example."""
    both = [jax.tree.leaves(case.reference[0]) for case in (variant.case, cases[variant.origin])]
    return all(np.array_equal(new, old, equal_nan=True) for new, old in zip(*both, strict=True))
