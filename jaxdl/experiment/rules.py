"""Decision rules: exact rules with a falsifier, statistical rules with a confidence interval and a margin."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Comparison, Measured, Rule, Verdict
from jaxdl.statistics import Interval, mean_interval, seeds_needed


class Scale(NamedTuple):
    """Scale on which two arms are compared: the interval is computed for differences of transformed numbers.

    Attributes:
        name: Name of the result, such as "difference".
        sign: Operator between two arms in a text, such as "−".
        transform: Applied to the numbers before they are subtracted.
        inverse: Applied to the difference, to report it.
    """

    name: str
    sign: str
    transform: Callable[[Any], Any]
    inverse: Callable[[Any], Any]

    @property
    def neutral(self) -> float:
        """Result for two equal arms: 0 for a difference, 1 for a ratio."""
        return float(self.inverse(0.0))


DIFFERENCE = Scale("difference", "−", lambda numbers: numbers, lambda number: number)
RATIO = Scale("ratio of geometric means", "/", np.log, np.exp)

NAN_MEASURED = "Some measurements are NaN, so nothing can be decided."


class Exact(NamedTuple):
    """Rule of an identity or a bound: it holds for every seed, or the claim is refuted. No statistics.

    The outcome is inconclusive if a measurement is NaN, or if the control fails: then the measurement could not have
    shown a violation.

    Attributes:
        condition: Condition that must hold, as a clause after "supported if".
        holds: `holds(measured)` returns whether it holds, one or more Booleans.
        finding: `finding(measured)` returns a sentence with the measured numbers.
        control_holds: `control_holds(measured)` returns whether the control holds, or None if there is no control.
        control: The control, as a clause after "inconclusive unless".

    Example:
        >>> from jaxdl.experiment import Exact
        >>> rule = Exact("the error is at most 1e-5", lambda m: m["error"] <= 1e-5, lambda m: f"{m['error'].max()}.")
        >>> rule.judge({"error": np.array([0.0, 1e-6])}, 0.95).outcome
        'supported'
        >>> rule.judge({"error": np.array([0.0, 1e-4])}, 0.95).outcome  # one seed refutes it
        'refuted'
    """

    condition: str
    holds: Callable[[Measured], Any]
    finding: Callable[[Measured], str]
    control_holds: Callable[[Measured], Any] | None = None
    control: str = ""
    tests = 0

    def judge(self, measured: Measured, confidence: float) -> Verdict:  # noqa: ARG002
        """Return supported if the condition holds for every seed, else refuted; inconclusive if the control fails."""
        read: Any = _Read(measured)
        finding, holds = self.finding(read), _truth("holds", self.holds(read))
        control = True if self.control_holds is None else _truth("control_holds", self.control_holds(read)).all()
        if read.has_nan():
            return Verdict("inconclusive", f"{finding} {NAN_MEASURED}")
        if not control:
            return Verdict("inconclusive", f"{finding} The control failed. It requires that {self.control}.")
        return Verdict("supported" if holds.all() else "refuted", finding)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:  # noqa: ARG002
        """Describe the rule."""
        control = f"; inconclusive unless {self.control}" if self.control else ""
        return f"supported if {self.condition}, otherwise refuted{control}"


class ForEverySeed(NamedTuple):
    """Rule of a property that each seed has or lacks: conditional if only some seeds have it. No statistics.

    Attributes:
        condition: Condition that must hold for a seed, as a clause after "supported if".
        holds: `holds(measured)` returns one Boolean per seed.
        finding: `finding(measured)` returns a sentence with the measured numbers.

    Example:
        >>> from jaxdl.experiment import ForEverySeed
        >>> rule = ForEverySeed("it learns XOR", lambda m: m["accuracy"] == 1, lambda m: f"{m['accuracy'].tolist()}.")
        >>> rule.judge({"accuracy": np.array([1.0, 0.75])}, 0.95).outcome
        'conditional'
    """

    condition: str
    holds: Callable[[Measured], Any]
    finding: Callable[[Measured], str]
    tests = 0

    def judge(self, measured: Measured, confidence: float) -> Verdict:  # noqa: ARG002
        """Return supported if it holds for every seed, refuted if for no seed, else conditional."""
        read: Any = _Read(measured)
        finding, holds = self.finding(read), _truth("holds", self.holds(read))
        if read.shape() not in (None, holds.shape):
            raise ValueError(
                f"holds must return one truth value for each seed, of the shape {read.shape()}, got {holds.shape}: "
                "compare the numbers of an arm, such as measured['error'] <= 0.1."
            )
        if read.has_nan():
            return Verdict("inconclusive", f"{finding} {NAN_MEASURED}")
        return Verdict("supported" if holds.all() else "conditional" if holds.any() else "refuted", finding)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:  # noqa: ARG002
        """Describe the rule."""
        return (
            f"supported if for every seed {self.condition}, refuted if for no seed, conditional on the seed if for some"
        )


class PairedTest(NamedTuple):
    """Two arms and a margin, decided by the confidence interval of their paired differences.

    Attributes:
        arm: The arm that is compared.
        reference: The arm, or the number, that it is compared with.
        margin: Smallest difference that matters, above 0; with RATIO the smallest ratio, above 1.
        expected_sd: Standard deviation of the differences (of logarithms, for a ratio) in earlier measurements with
            other seeds. It does not affect the outcome; with it, margin and seeds must give a power of 80 %.
        scale: DIFFERENCE or RATIO.
        interval: Function of the differences and `level=` that computes the confidence interval.

    Example:
        >>> from jaxdl.experiment import RATIO, Greater
        >>> Greater("sgd_epochs", "adam_epochs", margin=1.2, expected_sd=0.2, scale=RATIO).compared(str)
        'ratio of geometric means sgd_epochs / adam_epochs'
    """

    arm: Arm
    reference: Arm | float
    margin: float
    expected_sd: float
    scale: Scale = DIFFERENCE
    interval: Callable[..., Interval] = mean_interval

    def compared(self, name_of: Callable[[Arm | float], str]) -> str:
        """Name the quantity that the interval is about."""
        return f"{self.scale.name} {name_of(self.arm)} {self.scale.sign} {name_of(self.reference)}"


class Greater(PairedTest):
    """Rule of a difference that matters: the mean of `arm` exceeds that of `reference`.

    The confidence interval of the paired differences decides. Supported: it lies above 0 and does not exclude the
    margin. Refuted: it lies below the margin, which excludes every difference that matters. Otherwise inconclusive.

    Attributes:
        arm, reference, margin, expected_sd, scale, interval: The arguments of `PairedTest`.

    Example:
        >>> from jaxdl.experiment import Greater
        >>> rule = Greater("mlp", "linear", margin=0.05, expected_sd=0.01)
        >>> rule.judge({"mlp": np.array([0.9, 0.92, 0.91]), "linear": np.array([0.8, 0.8, 0.82])}, 0.95).outcome
        'supported'
    """

    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level. Raises ValueError if the margin is not positive."""
        return _compare(self, measured, confidence, _greater)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:
        """Describe the rule."""
        return (
            f"supported if the confidence interval of the {self.compared(name_of)} lies above {self.scale.neutral:g} "
            f"and reaches {self.margin:g}; refuted if it lies below {self.margin:g}; otherwise inconclusive"
        )


class Equivalent(PairedTest):
    """Rule of equality up to a margin: the means of the two arms do not differ by an amount that matters.

    Supported: the confidence interval lies within the margin on both sides of 0. Refuted: it excludes 0 and reaches the
    margin. Otherwise inconclusive. The claim is supported exactly if `Greater` is refuted in both directions.

    Attributes:
        arm, reference, margin, expected_sd, scale, interval: The arguments of `PairedTest`.

    Example:
        >>> from jaxdl.experiment import Equivalent
        >>> rule = Equivalent("fast", "slow", margin=0.05, expected_sd=0.01)
        >>> rule.judge({"fast": np.array([0.9, 0.92, 0.91]), "slow": np.array([0.91, 0.91, 0.91])}, 0.95).outcome
        'supported'
    """

    tests = 1

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide by the interval at this confidence level. Raises ValueError if the margin is not positive."""
        return _compare(self, measured, confidence, _equivalent)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:
        """Describe the rule."""
        lowest = self.scale.inverse(-self.scale.transform(self.margin))
        return (
            f"supported if the confidence interval of the {self.compared(name_of)} lies between {lowest:g} and "
            f"{self.margin:g}; refuted if it excludes {self.scale.neutral:g} and is not within these limits; otherwise "
            "inconclusive"
        )


class AllOf(NamedTuple):
    """Rule of a claim with several parts, all of which must hold.

    Refuted if any part is refuted, else inconclusive if any part is, else conditional if any part is, else supported.

    Attributes:
        parts: A rule for each part.

    Example:
        >>> from jaxdl.experiment import AllOf, Greater
        >>> higher, lower = Greater("a", 0.0, 1.0, 1.0), Greater(0.0, "a", 1.0, 1.0)
        >>> AllOf((higher, lower)).judge({"a": np.array([2.0, 2.1, 1.9])}, 0.95).outcome
        'refuted'
    """

    parts: tuple[Rule, ...]

    @property
    def tests(self) -> int:
        """Number of statistical tests of all parts."""
        return sum(part.tests for part in self.parts)

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Judge all parts and combine them."""
        _check_rules("parts", "a tuple", self.parts)
        verdicts = [part.judge(measured, confidence) for part in self.parts]
        outcomes = [verdict.outcome for verdict in verdicts]
        first = next((outcome for outcome in ("refuted", "inconclusive", "conditional") if outcome in outcomes), None)
        return _combined(first or "supported", verdicts)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:
        """Describe the rules of all parts."""
        parts = " ".join(f"Part {number}: {part.describe(name_of)}." for number, part in enumerate(self.parts, 1))
        return f"{parts} The claim is supported if every part is, refuted if a part is"


class PerRegime(NamedTuple):
    """Rule of a claim that may be true in one declared regime and false in another.

    Supported or refuted if it is so in every regime, conditional if it is supported in one and refuted in another, else
    inconclusive.

    Attributes:
        regimes: A rule for each regime, by its name.

    Example:
        >>> from jaxdl.experiment import Greater, PerRegime
        >>> small, large = (Greater(arm, 0.0, margin=1.0, expected_sd=1.0) for arm in ("small", "large"))
        >>> rule = PerRegime({"small batches": small, "large batches": large})
        >>> rule.judge({"small": np.array([2.0, 2.1, 1.9]), "large": np.array([0.1, -0.1, 0.0])}, 0.95).outcome
        'conditional'
    """

    regimes: Mapping[str, Rule]

    @property
    def tests(self) -> int:
        """Number of statistical tests of all regimes."""
        return sum(rule.tests for rule in self.regimes.values())

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Judge each regime and combine them."""
        if not isinstance(self.regimes, Mapping):
            raise TypeError(
                f"regimes must be a dictionary of rules by name, got {format_argument(self.regimes)}: name the regimes."
            )
        _check_rules("regimes", "a dictionary", self.regimes.values())
        verdicts = [rule.judge(measured, confidence) for rule in self.regimes.values()]
        outcomes = {verdict.outcome for verdict in verdicts}
        conditional = {"supported", "refuted"} <= outcomes or "conditional" in outcomes
        outcome = outcomes.pop() if len(outcomes) == 1 else "conditional" if conditional else "inconclusive"
        named = [
            verdict._replace(finding=f"{regime}: {verdict.finding}") if verdict.finding else verdict
            for regime, verdict in zip(self.regimes, verdicts, strict=True)
        ]
        return _combined(outcome, named)

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:
        """Describe the rules of all regimes."""
        regimes = " ".join(f"{regime}: {rule.describe(name_of)}." for regime, rule in self.regimes.items())
        return f"{regimes} The claim is conditional if supported in one regime and refuted in another"


def describe_comparison(comparison: Comparison, name_of: Callable[[Arm | float], str]) -> str:
    """Describe a comparison in a sentence: estimate, confidence interval and margin.

    Args:
        comparison: A comparison of a verdict.
        name_of: Gives the label of an arm, such as `Experiment.name_of`.

    Example:
        >>> from jaxdl.experiment import Greater, describe_comparison
        >>> measured = {"mlp": np.array([0.9, 0.92, 0.91]), "linear": np.array([0.8, 0.8, 0.82])}
        >>> (comparison,) = Greater("mlp", "linear", 0.05, 0.01).judge(measured, 0.95).comparisons
        >>> describe_comparison(comparison, str)
        'mlp − linear: 0.103, 95 % interval 0.0654 to 0.141, margin 0.05.'
    """
    if not isinstance(comparison, Comparison):
        raise TypeError(
            f"comparison must be a Comparison, got {format_argument(comparison)}: pass one of verdict.comparisons."
        )
    sign = RATIO.sign if comparison.scale == RATIO.name else DIFFERENCE.sign
    compared = f"{name_of(comparison.arm)} {sign} {name_of(comparison.reference)}"
    if not np.isfinite(comparison.estimate):
        return f"{compared}: not finite for some seeds, so nothing can be decided."
    needed = f"; deciding needs about {comparison.needed:,} seeds" if comparison.needed else ""
    return (
        f"{compared}: {comparison.estimate:.3g}, {100 * comparison.confidence:.4g} % interval {comparison.low:.3g} to "
        f"{comparison.high:.3g}, margin {comparison.margin:g}{needed}."
    )


class _Read(Mapping):
    """Measurements as numpy arrays that remember which arms a rule reads: NaN in others does not matter."""

    def __init__(self, measured: Any) -> None:
        self._measured = {arm: np.asarray(values) for arm, values in measured.items()}
        self._arms: set[Arm] = set()

    def __getitem__(self, arm: Arm) -> np.ndarray:
        values = self._measured[arm]
        self._arms.add(arm)
        return values

    def __iter__(self) -> Iterator[Arm]:
        return iter(self._measured)

    def __len__(self) -> int:
        return len(self._measured)

    def has_nan(self) -> bool:
        return any(np.isnan(self._measured[arm]).any() for arm in self._arms)

    def shape(self) -> tuple[int, ...] | None:
        return next((self._measured[arm].shape for arm in self._arms), None)


def _truth(name, result) -> np.ndarray:
    """Return truth values as an array. Raises for anything else, which Python may count as true, and for none."""
    advice = "return a comparison, such as measured['error'] <= 0.1"
    is_value = isinstance(result, bool | list | tuple) or hasattr(result, "dtype")
    try:
        truth = np.asarray(result) if is_value else None
    except ValueError:  # lists of different lengths
        truth = None
    if truth is None or truth.dtype != bool:
        raise TypeError(
            f"{name} must return true or false, or one for each seed, got {format_argument(result)}: {advice}."
        )
    if not truth.size:
        raise ValueError(f"{name} must return at least one truth value, got none: {advice}.")
    return truth


def arms_of(rule: Any) -> list[Arm]:
    """Return the arms that a rule names; those that a function of an exact rule reads are not known."""
    if isinstance(rule, PairedTest):
        return [arm for arm in (rule.arm, rule.reference) if isinstance(arm, str | tuple)]
    parts = rule.parts if isinstance(rule, AllOf) else rule.regimes.values() if isinstance(rule, PerRegime) else ()
    return [arm for part in parts for arm in arms_of(part)]


def _check_rules(name: str, kind: str, rules: Any) -> None:
    """Raise TypeError unless every part of a combined rule is a rule, and ValueError if there are no parts."""
    if not rules:
        raise ValueError(f"{name} must be {kind} of at least one rule, got none.")
    for rule in rules:
        if not callable(getattr(rule, "judge", None)):
            raise TypeError(
                f"{name} must be {kind} of rules, such as Greater(...), got {format_argument(rule)} in it: write "
                "a single rule without it."
            )


def _numbers_of(arm: Arm | float, measured: Measured) -> np.ndarray:
    """Return the numbers of an arm, or the number that is compared with."""
    if not isinstance(arm, str | tuple):
        return np.asarray(arm, np.float64)
    if arm not in measured:
        raise ValueError(f"unknown arm {arm!r}. Measured: {', '.join(map(repr, measured))}.")
    return np.asarray(measured[arm], np.float64)


def _greater(low: float, high: float, margin: float) -> str:
    if high < margin:
        return "refuted"
    return "supported" if low > 0 else "inconclusive"


def _equivalent(low: float, high: float, margin: float) -> str:
    if -margin < low and high < margin:
        return "supported"
    differs = (low > 0 and high >= margin) or (high < 0 and low <= -margin)
    return "refuted" if differs else "inconclusive"


def _compare(rule: PairedTest, measured: Measured, confidence: float, decide: Callable[..., str]) -> Verdict:
    """Compare the two arms of a rule, seed by seed."""
    values, reference = (_numbers_of(arm, measured) for arm in (rule.arm, rule.reference))
    if values.ndim == reference.ndim == 1 and len(values) != len(reference):
        raise ValueError(
            f"both arms must have one number for each seed, got {len(values)} for {rule.arm!r} and {len(reference)} "
            f"for {rule.reference!r}: measure them with the same keys."
        )
    scale = rule.scale
    if not scale.transform(rule.margin) > 0:
        raise ValueError(f"margin must be greater than {scale.neutral:g} for a {scale.name}, got {rule.margin}.")
    with np.errstate(all="ignore"):  # numbers that are not finite give NaN limits, and hence no decision
        differences = scale.transform(values) - scale.transform(reference)
        margin, spread = float(scale.transform(rule.margin)), float(differences.std(ddof=1))
        interval = rule.interval(differences, level=confidence)
    outcome = decide(interval.low, interval.high, margin)
    away = abs(interval.estimate) if isinstance(rule, Equivalent) else interval.estimate
    needed = seeds_needed(max(away, margin - away), spread, level=confidence) if outcome == "inconclusive" else None
    comparison = Comparison(
        arm=rule.arm,
        reference=rule.reference,
        scale=scale.name,
        **{limit: float(scale.inverse(value)) for limit, value in interval._asdict().items()},
        confidence=confidence,
        margin=rule.margin,
        effect_size=interval.estimate / spread if spread else None,
        outcome=outcome,
        needed=needed,
    )
    return Verdict(outcome, "", (comparison,))


def _combined(outcome: str, verdicts: list[Verdict]) -> Verdict:
    finding = " ".join(verdict.finding for verdict in verdicts if verdict.finding)
    return Verdict(outcome, finding, tuple(comparison for verdict in verdicts for comparison in verdict.comparisons))
