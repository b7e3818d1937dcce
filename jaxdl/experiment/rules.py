"""Rules, which judge what was measured: exact ones by a falsifier, statistical ones by an interval and a margin."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxdl.experiment.claim import Arm, Comparison, Judgement, Measured, Rule
from jaxdl.statistics import Interval, mean_interval, seeds_needed


class Scale(NamedTuple):
    """How two arms are compared: numbers are turned by `to`, subtracted, and the difference turned back by `back`."""

    name: str
    to: Callable[[Any], Any]
    back: Callable[[Any], Any]


DIFFERENCE = Scale("difference", lambda numbers: numbers, lambda number: number)
RATIO = Scale("ratio of geometric means", np.log, np.exp)


NO_NUMBER = "Some of what was measured is NaN, which decides nothing."


def always(_: Measured) -> bool:
    """No control is needed."""
    return True


class Exact(NamedTuple):
    """An identity or a bound, true for every seed or refuted: no statistics.

    `holds(measured)` is the falsifier, and `condition` the same in words; where a number is NaN nothing is decided.
    `sees(measured)` is the control, `control` in words: where it fails the measurement would not see a violation.
    `found(measured)` tells the numbers.
    """

    condition: str
    holds: Callable[[Measured], Any]
    found: Callable[[Measured], str]
    sees: Callable[[Measured], Any] = always
    control: str = ""
    tests = 0

    def judge(self, measured: Measured, confidence: float) -> Judgement:  # noqa: ARG002
        """Supported if it holds, refuted if not, inconclusive if that could not be seen."""
        finding = self.found(measured)
        if _has_nan(measured):
            return Judgement("inconclusive", f"{finding} {NO_NUMBER}")
        if not np.all(self.sees(measured)):
            return Judgement("inconclusive", f"{finding} The control fails: it is not so that {self.control}.")
        return Judgement("supported" if np.all(self.holds(measured)) else "refuted", finding)

    def told(self, name: Callable[[Arm | float], str]) -> str:  # noqa: ARG002
        """In words."""
        control = f"; inconclusive unless {self.control}" if self.control else ""
        return f"supported if {self.condition}, else refuted{control}"


class EverySeed(NamedTuple):
    """What may hold for some seeds and not for others, which then are the regimes: conditional on what they draw."""

    condition: str
    holds: Callable[[Measured], Any]
    found: Callable[[Measured], str]
    tests = 0

    def judge(self, measured: Measured, confidence: float) -> Judgement:  # noqa: ARG002
        """Supported if it holds for every seed, refuted if for none."""
        if _has_nan(measured):
            return Judgement("inconclusive", f"{self.found(measured)} {NO_NUMBER}")
        held = np.asarray(self.holds(measured))
        verdict = "supported" if held.all() else "conditional" if held.any() else "refuted"
        return Judgement(verdict, self.found(measured))

    def told(self, name: Callable[[Arm | float], str]) -> str:  # noqa: ARG002
        """In words."""
        return (
            f"supported if for every seed {self.condition}, refuted if for none; conditional on what a seed draws if "
            "for some"
        )


class Compared(NamedTuple):
    """Two arms, and what `More` and `Same` decide by: the interval of their paired differences.

    With RATIO they are compared by their ratio, the margin is one, and 1 stands for 0. `expected_sd` is
    the standard deviation that differences (of logarithms, for a ratio) had for other seeds, before; it decides
    nothing, but with it margin and seeds must give a power of 80 %.
    """

    of: Arm
    against: Arm | float
    margin: float
    expected_sd: float
    scale: Scale = DIFFERENCE
    interval: Callable[..., Interval] = mean_interval


class More(Compared):
    """The mean of `of` is above that of `against`, and that the difference matters is not excluded.

    The interval of the paired differences decides: supported if it lies above 0 and reaches the margin, refuted if it
    stays below the margin, so that no difference that matters is left, and else inconclusive.
    """

    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Judgement:
        """By the interval of this confidence."""
        return _judged(self, measured, confidence, _more)

    def told(self, name: Callable[[Arm | float], str]) -> str:
        """In words."""
        return (
            f"supported if the interval of the {self.scale.name} of {name(self.of)} and {name(self.against)} lies "
            f"above {self.scale.back(0.0):g} and reaches {self.margin:g}, refuted if it stays below {self.margin:g}, "
            "else inconclusive"
        )


class Same(Compared):
    """The means of both arms differ by nothing that matters: what `More` would claim of neither.

    Supported if the interval lies within the margin on both sides, refuted if it lies on one side of 0 and reaches the
    margin there, and else inconclusive.
    """

    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Judgement:
        """By the interval of this confidence."""
        return _judged(self, measured, confidence, _same)

    def told(self, name: Callable[[Arm | float], str]) -> str:
        """In words."""
        margin = self.scale.to(self.margin)
        within = f"{self.scale.back(-margin):g} and {self.margin:g}"
        return (
            f"supported if the interval of the {self.scale.name} of {name(self.of)} and {name(self.against)} lies "
            f"between {within}, refuted if it lies on one side of {self.scale.back(0.0):g} and reaches that far, else "
            "inconclusive"
        )


class Every(NamedTuple):
    """A claim of several parts: supported if all are, refuted if any is, conditional if any is."""

    parts: tuple[Rule, ...]

    @property
    def tests(self) -> int:
        """Of all parts."""
        return sum(part.tests for part in self.parts)

    def judge(self, measured: Measured, confidence: float) -> Judgement:
        """All parts."""
        judged = [part.judge(measured, confidence) for part in self.parts]
        verdicts = [each.verdict for each in judged]
        first = next((verdict for verdict in ("refuted", "inconclusive", "conditional") if verdict in verdicts), None)
        return _together(first or "supported", judged)

    def told(self, name: Callable[[Arm | float], str]) -> str:
        """In words."""
        parts = "; and ".join(part.told(name) for part in self.parts)
        return f"{parts}; together supported if every part is, refuted if one is"


class Regimes(NamedTuple):
    """A claim that may be true in one declared regime and false in another: each has a rule of its own.

    Supported or refuted if it is in all of them, conditional if it is supported in some and refuted in others, and else
    inconclusive.
    """

    regimes: Mapping[str, Rule]

    @property
    def tests(self) -> int:
        """Of all regimes."""
        return sum(rule.tests for rule in self.regimes.values())

    def judge(self, measured: Measured, confidence: float) -> Judgement:
        """Each regime."""
        judged = [rule.judge(measured, confidence) for rule in self.regimes.values()]
        verdicts = {each.verdict for each in judged}
        conditional = {"supported", "refuted"} <= verdicts or "conditional" in verdicts
        verdict = verdicts.pop() if len(verdicts) == 1 else "conditional" if conditional else "inconclusive"
        named = [
            each._replace(finding=f"{name}: {each.finding}") if each.finding else each
            for name, each in zip(self.regimes, judged, strict=True)
        ]
        return _together(verdict, named)

    def told(self, name: Callable[[Arm | float], str]) -> str:
        """In words."""
        regimes = "; ".join(f"{regime}: {rule.told(name)}" for regime, rule in self.regimes.items())
        return f"{regimes}; conditional if supported in one and refuted in another"


def _has_nan(measured: Measured) -> bool:
    """Is there any number that is none?"""
    return any(np.isnan(values).any() for values in measured.values())


def _more(low: float, high: float, margin: float) -> str:
    if high < margin:
        return "refuted"
    return "supported" if low > 0 else "inconclusive"


def _same(low: float, high: float, margin: float) -> str:
    if -margin < low and high < margin:
        return "supported"
    differs = (low > 0 and high >= margin) or (high < 0 and low <= -margin)
    return "refuted" if differs else "inconclusive"


def _judged(rule: Compared, measured: Measured, confidence: float, decide: Callable[..., str]) -> Judgement:
    """Compare the arms of a rule, seed by seed."""
    of, against = (
        np.asarray(measured[arm] if isinstance(arm, str | tuple) else arm, np.float64)
        for arm in (rule.of, rule.against)
    )
    if not rule.scale.to(rule.margin) > 0:
        raise ValueError(
            f"margin must be more than no {rule.scale.name}, {rule.scale.back(0.0):g}, but was {rule.margin}."
        )
    with np.errstate(all="ignore"):  # what is not finite makes limits that are NaN, and decides nothing
        differences = rule.scale.to(of) - rule.scale.to(against)
        margin, spread = float(rule.scale.to(rule.margin)), float(differences.std(ddof=1))
        found = rule.interval(differences, level=confidence)
    verdict = decide(found.low, found.high, margin)
    away = abs(found.estimate) if isinstance(rule, Same) else found.estimate
    needed = seeds_needed(max(away, margin - away), spread, level=confidence) if verdict == "inconclusive" else None
    comparison = Comparison(
        of=rule.of,
        against=rule.against,
        scale=rule.scale.name,
        **{limit: float(rule.scale.back(value)) for limit, value in found._asdict().items()},
        confidence=confidence,
        margin=rule.margin,
        effect_size=found.estimate / spread if spread else None,
        verdict=verdict,
        needed=needed,
    )
    return Judgement(verdict, "", (comparison,))


def _together(verdict: str, judged: list[Judgement]) -> Judgement:
    finding = " ".join(each.finding for each in judged if each.finding)
    return Judgement(verdict, finding, tuple(each for part in judged for each in part.comparisons))
