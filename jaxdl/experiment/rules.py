"""Statistical rules: a threshold, an estimand, and the confidence interval that decides."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Comparison, Measured, Verdict, number_text
from jaxdl.experiment.columns import Quantity
from jaxdl.experiment.estimands import SHARE, Estimand, Mean, Median, normal_share
from jaxdl.experiment.paired import (
    DIFFERENCE,
    Scale,
    check_comparison,
    check_effect,
    check_finite,
    compare,
    decided,
    differences_of,
    halved,
    interval_of,
    power_above,
)
from jaxdl.statistics import equivalence_power


class Greater(NamedTuple):
    """Rule of a difference that matters: `arm` exceeds `reference` by more than the margin.

    With the confidence interval of the estimand of the paired differences: supported if its lower limit is above the
    margin, refuted if its upper limit is at most the margin, otherwise inconclusive.

    Attributes:
        arm: The arm or column that is compared.
        reference: The arm, column or number that it is compared with.
        margin: Smallest difference that matters, at least 0; with RATIO the smallest ratio, at least 1.
        estimand: MEDIAN of the paired differences (a typical run is better), or their Mean(rarest=...).
        effect: Difference (or ratio) beyond the margin for which the power is computed, or None.
        expected_sd: Standard deviation of the differences (of logarithms, for a ratio) in drafts, or None.
        scale: DIFFERENCE or RATIO.

    Example:
        >>> from jaxdl.experiment import MEDIAN, Greater
        >>> rule = Greater("mlp", "linear", 0.05, MEDIAN)
        >>> linear = np.linspace(0.78, 0.82, 8)
        >>> rule.judge({"mlp": linear + 0.1, "linear": linear}, 0.95).outcome
        'supported'
        >>> rule.judge({"mlp": linear + 0.04, "linear": linear}, 0.95).outcome  # a difference that does not matter
        'refuted'
    """

    arm: Quantity
    reference: Quantity
    margin: float
    estimand: Estimand
    effect: float | None = None
    expected_sd: float | None = None
    scale: Scale = DIFFERENCE
    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level."""
        self.check()
        margin = float(self.scale.transform(self.margin))
        return compare(self, measured, confidence, margin, lambda low, high: decided(low > margin, high <= margin))

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rule."""
        what, margin = interval_of(self, name_of), number_text(self.margin)
        return f"supported if {what} lies above {margin}, refuted if it lies at or below {margin}"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return the power at the effect, or None if effect or standard deviation are not stated."""
        return power_above(self, float(self.scale.transform(self.margin)), seeds, confidence)

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        check_comparison(self, "margin", at_least=True)
        check_effect(self, self.margin)


class AtLeast(NamedTuple):
    """Rule of a number that must be reached: `arm` is at least `threshold`.

    Supported if the lower limit of the confidence interval is at least the threshold, refuted if the upper limit is
    below it, otherwise inconclusive.

    Attributes:
        arm: The arm or column.
        threshold: The number to reach.
        estimand: MEDIAN of the seeds, their Mean(rarest=...), or SHARE of the seeds with a property.
        effect: Value above the threshold for which the power is computed, or None.
        expected_sd: Standard deviation of the numbers in drafts, or None; a share needs none.

    Example:
        >>> from jaxdl.experiment import SHARE, AtLeast
        >>> rule = AtLeast("solved", 0.8, SHARE, effect=0.97)
        >>> rule.judge({"solved": np.ones(64)}, 0.95).outcome
        'supported'
        >>> round(rule.power(64, 0.95), 3)
        0.997
    """

    arm: Quantity
    threshold: float
    estimand: Estimand
    effect: float | None = None
    expected_sd: float | None = None
    tests = 1

    @property
    def reference(self) -> None:
        """Return None: the numbers themselves are compared with the threshold."""
        return

    @property
    def margin(self) -> float:
        """Return the threshold."""
        return self.threshold

    @property
    def scale(self) -> Scale:
        """Return DIFFERENCE."""
        return DIFFERENCE

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level."""
        self.check()
        threshold = self.threshold
        return compare(
            self, measured, confidence, threshold, lambda low, high: decided(low >= threshold, high < threshold)
        )

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rule."""
        what, threshold = interval_of(self, name_of), number_text(self.threshold)
        return f"supported if {what} lies at or above {threshold}, refuted if it lies below {threshold}"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return the power at the effect, or None if it is not stated."""
        return power_above(self, self.threshold, seeds, confidence)

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        check_finite("threshold", self.threshold)
        check_comparison(self, "", at_least=True)
        check_effect(self, self.threshold)


class NonInferior(NamedTuple):
    """Rule of a method that is not worse by an amount that matters, such as a cheaper one.

    Supported if the confidence interval excludes that `arm` is worse than `reference` by the margin or more, refuted if
    it shows that it is.

    Attributes:
        arm: The arm or column that must not be worse.
        reference: The arm, column or number that it is compared with.
        margin: Smallest difference that matters, above 0; with RATIO the smallest ratio, above 1.
        estimand: MEDIAN of the paired differences (a typical run), or their Mean(rarest=...).
        larger_is_better: False for errors and losses.
        effect: Advantage of `arm`, usually 0 (with RATIO 1), for which the power is computed.
        expected_sd: Standard deviation of the differences (of logarithms, for a ratio) in drafts, or None.
        scale: DIFFERENCE or RATIO.

    Example:
        >>> from jaxdl.experiment import MEDIAN, NonInferior
        >>> rule = NonInferior("bf16_error", "f32_error", 0.01, MEDIAN, larger_is_better=False)
        >>> error = np.linspace(0.08, 0.1, 8)
        >>> rule.judge({"bf16_error": error + 0.002, "f32_error": error}, 0.95).outcome
        'supported'
    """

    arm: Quantity
    reference: Quantity
    margin: float
    estimand: Estimand
    larger_is_better: bool
    effect: float | None = None
    expected_sd: float | None = None
    scale: Scale = DIFFERENCE
    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level."""
        self.check()
        margin = float(self.scale.transform(self.margin))
        if self.larger_is_better:
            return compare(
                self, measured, confidence, -margin, lambda low, high: decided(low > -margin, high <= -margin)
            )
        return compare(self, measured, confidence, margin, lambda low, high: decided(high < margin, low >= margin))

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rule."""
        margin = number_text(
            self.scale.inverse((-1 if self.larger_is_better else 1) * self.scale.transform(self.margin))
        )
        good, bad = ("above", "at or below") if self.larger_is_better else ("below", "at or above")
        return f"supported if {interval_of(self, name_of)} lies {good} {margin}, refuted if it lies {bad} {margin}"

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return the power at the effect, or None if effect or standard deviation are not stated."""
        return power_above(self, -float(self.scale.transform(self.margin)), seeds, confidence)

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        if not isinstance(self.larger_is_better, bool):
            raise TypeError(f"larger_is_better must be True or False, got {format_argument(self.larger_is_better)}.")
        check_comparison(self, "margin", at_least=False)
        check_effect(self, self.scale.inverse(-self.scale.transform(self.margin)))


class Equivalent(NamedTuple):
    """Rule of equality up to a margin: the two arms do not differ by an amount that matters.

    Supported if the confidence interval of the estimand lies within the margin on both sides, limits included; refuted
    if it lies outside on one side. Equal medians speak of a typical run only. For medians it must therefore also be
    shown that few pairs are far apart: the upper limit of the share of seeds whose difference exceeds the tolerance
    must be below `max_share`, and the claim is refuted if the lower limit is above it. Each of the two can refute the
    claim, and does so at half the significance level.

    Attributes:
        arm: The arm or column that is compared.
        reference: The arm, column or number that it is compared with.
        margin: Smallest difference that matters, above 0; with RATIO the smallest ratio, above 1.
        estimand: MEDIAN of the paired differences, or their Mean(rarest=...).
        tolerance: Difference that few pairs may exceed, at least the margin; None for a mean.
        max_share: Share of the pairs that may exceed it; None for a mean.
        expected_sd: Standard deviation of the differences (of logarithms, for a ratio) in drafts, or None.
        scale: DIFFERENCE or RATIO.

    Example:
        >>> from jaxdl.experiment import MEDIAN, Equivalent
        >>> rule = Equivalent("fast", "slow", 0.05, MEDIAN, tolerance=0.1, max_share=0.2)
        >>> slow = np.linspace(0.8, 0.9, 20)
        >>> rule.judge({"fast": slow + 0.02, "slow": slow}, 0.95).outcome
        'supported'
        >>> rule.judge({"fast": slow + 0.06, "slow": slow}, 0.95).outcome
        'refuted'
    """

    arm: Quantity
    reference: Quantity
    margin: float
    estimand: Estimand
    tolerance: float | None = None
    max_share: float | None = None
    expected_sd: float | None = None
    scale: Scale = DIFFERENCE
    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level."""
        self.check()
        margin = float(self.scale.transform(self.margin))

        def decide(low: float, high: float) -> str:
            return decided(-margin <= low and high <= margin, low > margin or high < -margin)

        if self.tolerance is None:
            return compare(self, measured, confidence, margin, decide)
        plain, strict = (self._both(measured, level, margin, decide) for level in (confidence, halved(confidence)))
        if "refuted" in [comparison.outcome for comparison in strict]:
            return Verdict("refuted", "", strict)
        supported = all(comparison.outcome == "supported" for comparison in plain)
        return Verdict("supported" if supported else "inconclusive", "", plain)

    def _both(self, measured, confidence, margin, decide) -> tuple[Comparison, ...]:
        """Compare the typical difference, and the share of pairs that are far apart."""
        typical = compare(self, measured, confidence, margin, decide).comparisons[0]
        differences = differences_of(self, measured)
        far = ~(np.abs(differences) <= float(self.scale.transform(self.tolerance)))  # also where a run failed
        share = SHARE.interval(far.astype(float), confidence)
        most = float(self.max_share or 0.0)
        return typical, typical._replace(
            estimand=f"share of seeds that differ by more than {number_text(self.tolerance or 0.0)}",
            estimate=share.estimate,
            low=share.low,
            high=share.high,
            margin=most,
            outcome=decided(share.high < most, share.low > most),
            needed=None,
            two_sided=False,
            differences=(),
        )

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rule."""
        lowest = number_text(float(self.scale.inverse(-self.scale.transform(self.margin))))
        highest = number_text(self.margin)
        what = interval_of(self, name_of)
        if self.tolerance is None:
            return f"supported if {what} lies between {lowest} and {highest}, refuted if it lies outside"
        apart = f"the share of seeds that differ by more than {number_text(self.tolerance)}"
        return (
            f"supported if {what} lies between {lowest} and {highest} and that of {apart} below {self.max_share:.0%}, "
            "refuted if one of them lies outside"
        )

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return the power at a true difference of zero, or None if the standard deviation is not stated."""
        if self.expected_sd is None:
            return None
        margin = float(self.scale.transform(self.margin))
        if isinstance(self.estimand, Mean):
            one_side = self.estimand.power(margin, 0.0, self.expected_sd, seeds, confidence)
            return max(0.0, 2 * one_side - 1)
        outside = normal_share(-margin / self.expected_sd)
        typical = equivalence_power(outside, seeds, level=confidence)
        beyond = 2 * normal_share(-float(self.scale.transform(self.tolerance)) / self.expected_sd)
        few = SHARE.power(1 - beyond, 1 - float(self.max_share or 0.0), 0.0, seeds, confidence)
        return max(0.0, typical + few - 1)

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        check_comparison(self, "margin", at_least=False)
        is_median, given = isinstance(self.estimand, Median), (self.tolerance, self.max_share)
        if is_median != (None not in given) or (not is_median and given != (None, None)):
            raise ValueError(
                "tolerance and max_share must be given for a median, which speaks of a typical run only, and not for a "
                f"mean, got {self.tolerance} and {self.max_share}: write tolerance=0.04, max_share=0.2."
            )
        if self.tolerance is not None and self.max_share is not None:
            check_finite("tolerance", self.tolerance)
            check_finite("max_share", self.max_share)
            if self.tolerance < self.margin or not 0 < self.max_share < 1:
                raise ValueError(
                    f"tolerance must be at least the margin {self.margin} and max_share between 0 and 1, got "
                    f"{self.tolerance} and {self.max_share}."
                )


class Near(NamedTuple):
    """Rule of a predicted number: `arm` lies within `margin` of `value`, as `Equivalent` decides it.

    Attributes:
        arm: The arm or column.
        value: The number that theory or a publication predicts.
        margin: Largest difference that does not matter, above 0.
        estimand: MEDIAN of the seeds, or their Mean(rarest=...).
        tolerance: Difference that few seeds may exceed, at least the margin; None for a mean.
        max_share: Share of the seeds that may exceed it; None for a mean.
        expected_sd: Standard deviation of the numbers in drafts, or None.

    Example:
        >>> from jaxdl.experiment import Mean, Near
        >>> rule = Near("share_drawn", 1 - np.exp(-1), 0.01, Mean(rarest=0.2, draws=1000))
        >>> rule.judge({"share_drawn": np.linspace(0.62, 0.645, 32)}, 0.95).outcome
        'supported'
    """

    arm: Quantity
    value: float
    margin: float
    estimand: Estimand
    tolerance: float | None = None
    max_share: float | None = None
    expected_sd: float | None = None
    tests = 1

    @property
    def reference(self) -> float:
        """Return the predicted number."""
        return self.value

    @property
    def scale(self) -> Scale:
        """Return DIFFERENCE."""
        return DIFFERENCE

    def _equivalent(self) -> Equivalent:
        check_finite("value", self.value)
        return Equivalent(*self)

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level."""
        return self._equivalent().judge(measured, confidence)

    def describe(self, name_of: Callable[[Arm], str]) -> str:
        """Describe the rule."""
        return self._equivalent().describe(name_of)

    def power(self, seeds: int, confidence: float) -> float | None:
        """Return the power if the prediction is true, or None if the standard deviation is not stated."""
        return self._equivalent().power(seeds, confidence)

    def check(self) -> None:
        """Raise TypeError or ValueError if the rule cannot be right."""
        self._equivalent().check()


StatisticalRule = Greater | AtLeast | NonInferior | Equivalent | Near
