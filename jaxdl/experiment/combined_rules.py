"""Rules with several parts: all of them, any of them, an order of arms, and a verdict for each declared regime."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Measured, Rule, Verdict
from jaxdl.experiment.columns import Quantity
from jaxdl.experiment.estimands import Estimand
from jaxdl.experiment.paired import DIFFERENCE, Scale, compared_arms, halved
from jaxdl.experiment.rules import Greater, StatisticalRule


class Composite(NamedTuple):
    """Rule of a claim with several parts, which counts as one statistical test.

    Attributes:
        parts: A rule for each part.
    """

    parts: tuple[Rule, ...]

    @property
    def tests(self) -> int:
        """Return 1 if a part is statistical, else 0."""
        return min(1, sum(part.tests for part in self.parts))

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        _check_rules("parts", "a tuple", self.parts)


class AllOf(Composite):
    """Rule of a claim with several parts, all of which must hold. It counts as one statistical test.

    Supported if every part is supported. Each of k parts can refute the claim, and does so at 1/k of the significance
    level. Otherwise inconclusive, or conditional if a part is.

    Attributes:
        parts: A rule for each part.

    Example:
        >>> from jaxdl.experiment import MEDIAN, AllOf, Greater
        >>> higher, lower = Greater("a", 0.0, 1.0, MEDIAN), Greater(0.0, "a", 1.0, MEDIAN)
        >>> AllOf((higher, lower)).judge({"a": np.linspace(1.9, 2.1, 8)}, 0.95).outcome
        'refuted'
    """

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Judge all parts, at the level at which they support and at that at which they refute, and combine them."""
        self.check()
        return _combined_by("refuted", "supported", self.parts, measured, confidence)

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rules of all parts."""
        return f"{_describe_parts(self.parts, name_of)} The claim is supported if every part is, refuted if a part is"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return a lower bound of the power, 1 minus the sum of what the parts lack; None if a part states none."""
        powers = [power_of(part, seeds, halved(confidence, part.tests)) for part in self.parts if part.tests]
        return _power_of_all(powers)


class AnyOf(Composite):
    """Rule of a claim with several parts, one of which must hold. It counts as one statistical test.

    Refuted if every part is refuted. Each of k parts can support the claim, and does so at 1/k of the significance
    level. Otherwise inconclusive, or conditional if a part is.

    Attributes:
        parts: A rule for each part.

    Example:
        >>> from jaxdl.experiment import MEDIAN, AnyOf, Greater
        >>> higher, lower = Greater("a", 0.0, 1.0, MEDIAN), Greater(0.0, "a", 1.0, MEDIAN)
        >>> AnyOf((higher, lower)).judge({"a": np.linspace(1.9, 2.1, 8)}, 0.95).outcome
        'supported'
    """

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Judge all parts, at the level at which they refute and at that at which they support, and combine them."""
        self.check()
        return _combined_by("supported", "refuted", self.parts, measured, confidence)

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rules of all parts."""
        return f"{_describe_parts(self.parts, name_of)} The claim is supported if a part is, refuted if every part is"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return a lower bound of the power, that of the part with the highest; None if a part states none."""
        level = halved(confidence, max(1, sum(part.tests > 0 for part in self.parts)))
        powers = [power_of(part, seeds, halved(level, part.tests)) for part in self.parts if part.tests]
        return None if None in powers else max((power for power in powers if power is not None), default=None)


class PerRegime(NamedTuple):
    """Rule of a claim that may be true in one declared regime and false in another. Each regime counts as a test.

    Supported or refuted if it is so in every regime, conditional if it is supported in one and refuted in another, else
    inconclusive.

    Attributes:
        regimes: A rule for each regime, by its name.

    Example:
        >>> from jaxdl.experiment import MEDIAN, Greater, PerRegime
        >>> small, large = (Greater(arm, 0.0, 1.0, MEDIAN) for arm in ("small", "large"))
        >>> rule = PerRegime({"small batches": small, "large batches": large})
        >>> rule.judge({"small": np.linspace(1.9, 2.1, 8), "large": np.linspace(-0.1, 0.1, 8)}, 0.95).outcome
        'conditional'
    """

    regimes: Mapping[str, Rule]

    @property
    def tests(self) -> int:
        """Number of statistical tests of all regimes."""
        return sum(rule.tests for rule in self.regimes.values())

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Judge each regime and combine them."""
        self.check()
        verdicts = [rule.judge(measured, confidence) for rule in self.regimes.values()]
        outcomes = {verdict.outcome for verdict in verdicts}
        conditional = {"supported", "refuted"} <= outcomes or "conditional" in outcomes
        outcome = outcomes.pop() if len(outcomes) == 1 else "conditional" if conditional else "inconclusive"
        return _combined(outcome, list(map(_of_regime, self.regimes, verdicts)))

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rules of all regimes."""
        regimes = " ".join(f"{regime}: {rule.describe(name_of)}." for regime, rule in self.regimes.items())
        return f"{regimes} The claim is conditional if supported in one regime and refuted in another"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return a lower bound of the power for all regimes together; None if one states none."""
        return _power_of_all([power_of(rule, seeds, confidence) for rule in self.regimes.values() if rule.tests])

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        if not isinstance(self.regimes, Mapping):
            raise TypeError(
                f"regimes must be a dictionary of rules by name, got {format_argument(self.regimes)}: name the regimes."
            )
        _check_rules("regimes", "a dictionary", list(self.regimes.values()))


def ordered(
    quantities: Sequence[Quantity],
    margin: float,
    estimand: Estimand,
    *,
    effect: float | None = None,
    expected_sd: float | None = None,
    scale: Scale = DIFFERENCE,
) -> AllOf:
    """Return the rule that each arm exceeds the one before it by more than the margin.

    Args:
        quantities: Arms or columns, from the lowest to the highest; at least two.
        margin: Smallest difference of neighbors that matters.
        estimand: MEDIAN or Mean(rarest=...).
        effect: Difference of neighbors for which the power is computed, or None.
        expected_sd: Standard deviation of the differences in drafts, or None.
        scale: DIFFERENCE or RATIO.

    Raises:
        ValueError: There are fewer than two arms.

    Example:
        >>> from jaxdl.experiment import MEDIAN, ordered
        >>> rule, base = ordered(("one", "two", "three"), 0.5, MEDIAN), np.linspace(0, 1, 8)
        >>> rule.judge({"one": base, "two": base + 1, "three": base + 2}, 0.9).outcome
        'supported'
    """
    if isinstance(quantities, str) or len(quantities) < 2:
        raise ValueError(f"quantities must be at least two arms, got {format_argument(quantities)}.")
    pairs = itertools.pairwise(quantities)
    return AllOf(tuple(Greater(high, low, margin, estimand, effect, expected_sd, scale) for low, high in pairs))


def arms_of(rule: Any) -> list[Arm]:
    """Return the arms that a rule names; those that a function of an exact rule reads are not known."""
    return [arm for test in statistical_rules(rule) for arm in compared_arms(test)]


def statistical_rules(rule: Any) -> list[Any]:
    """Return the statistical rules that a rule consists of."""
    if isinstance(rule, StatisticalRule):
        return [rule]
    return [test for part in parts_of(rule) for test in statistical_rules(part)]


def parts_of(rule: Any) -> list[Rule]:
    """Return the rules that a combined rule consists of; other rules have none."""
    if isinstance(rule, Composite):
        return list(rule.parts)
    return list(rule.regimes.values()) if isinstance(rule, PerRegime) else []


def power_of(rule: Any, seeds: int, confidence: float) -> float | None:
    """Return the power that a rule is planned with, or None if it states none."""
    power = getattr(rule, "power", None)
    return power(seeds, confidence) if callable(power) else None


def _power_of_all(powers: list[float | None]) -> float | None:
    """Return 1 minus the sum of what the powers lack; None if one is not stated."""
    return None if None in powers else max(0.0, 1 - math.fsum(1 - power for power in powers if power is not None))


def strictest_levels(rule: Any, confidence: float) -> list[tuple[Any, float]]:
    """Return each statistical rule with the strictest confidence level at which it must be able to decide."""
    if isinstance(rule, StatisticalRule):
        return [(rule, halved(confidence) if getattr(rule, "max_share", None) is not None else confidence)]
    k = 1 if isinstance(rule, PerRegime) else max(1, sum(part.tests > 0 for part in parts_of(rule)))
    level = halved(confidence, k)
    per_test = [level if isinstance(rule, PerRegime) else halved(level, max(1, part.tests)) for part in parts_of(rule)]
    return [found for part, own in zip(parts_of(rule), per_test, strict=True) for found in strictest_levels(part, own)]


def _combined_by(by_one, by_all, parts, measured, confidence) -> Verdict:
    """Combine parts: one decides at a part of the significance level, all together at the whole level."""
    strict = halved(confidence, max(1, sum(part.tests > 0 for part in parts)))
    plain, decisive = (
        [part.judge(measured, halved(level, max(1, part.tests))) for part in parts] for level in (confidence, strict)
    )
    if by_one in [verdict.outcome for verdict in decisive]:
        return _combined(by_one, decisive)
    outcomes = [verdict.outcome for verdict in plain]
    if all(outcome == by_all for outcome in outcomes):
        return _combined(by_all, plain)
    is_open = "inconclusive" in outcomes or by_one in outcomes
    return _combined("inconclusive" if is_open else "conditional", plain)


def _of_regime(regime, verdict) -> Verdict:
    """Return a verdict whose finding and comparisons name the regime."""
    parts = [f"{regime}, {each.part}" if each.part else regime for each in verdict.comparisons]
    comparisons = [each._replace(part=part) for each, part in zip(verdict.comparisons, parts, strict=True)]
    finding = f"{regime}: {verdict.finding}" if verdict.finding else ""
    return verdict._replace(finding=finding, comparisons=tuple(comparisons))


def _combined(outcome: str, verdicts: list[Verdict]) -> Verdict:
    finding = " ".join(verdict.finding for verdict in verdicts if verdict.finding)
    return Verdict(outcome, finding, tuple(comparison for verdict in verdicts for comparison in verdict.comparisons))


def _describe_parts(parts, name_of) -> str:
    return " ".join(f"Part {number}: {part.describe(name_of)}." for number, part in enumerate(parts, 1))


def _check_rules(name: str, kind: str, rules: Any) -> None:
    """Raise TypeError unless every part of a combined rule is a rule, and ValueError if there are no parts."""
    is_list = isinstance(rules, tuple | list) and not hasattr(rules, "_fields")
    if is_list and not rules:
        raise ValueError(f"{name} must be {kind} of at least one rule, got none.")
    for rule in rules if is_list else [rules]:
        if not is_list or isinstance(rule, type) or not callable(getattr(rule, "judge", None)):
            raise TypeError(
                f"{name} must be {kind} of rules, such as (Greater(...),), got {format_argument(rule)}: a single rule "
                "needs no combination."
            )
        check_rule(rule)


def check_rule(rule: Any) -> None:
    """Raise TypeError or ValueError if a rule cannot be right."""
    if isinstance(rule, type) or not callable(getattr(rule, "judge", None)):
        raise TypeError(f"rule must be a rule, such as Greater(...), got {format_argument(rule)}.")
    if callable(getattr(rule, "check", None)):
        rule.check()
