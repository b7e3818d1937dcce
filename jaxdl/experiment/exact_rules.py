"""Rules without statistics: an identity or a bound that must hold for every seed."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.experiment.claim import Arm, Measured, Verdict
from jaxdl.experiment.columns import numbers_of


class Exact(NamedTuple):
    """Rule of an identity or a bound: it holds for every seed, or the claim is refuted. No statistics.

    The outcome is inconclusive if the control fails: then the measurement could not have shown a violation.

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
        """Return supported if the condition holds for every seed, else refuted; inconclusive if the control fails.

        Raises ValueError if a number that the rule reads is NaN, or if it reads none.
        """
        read: Any = _Read(measured)
        holds = _truth("holds", self.holds(read))
        control = True if self.control_holds is None else _truth("control_holds", self.control_holds(read)).all()
        read.check(self)
        finding = self.finding(_Read(measured))  # ty: ignore[invalid-argument-type]
        if not control:
            return Verdict("inconclusive", f"{finding} The control failed. It requires that {self.control}.")
        return Verdict("supported" if holds.all() else "refuted", finding)

    def describe(self, name_of: Callable[[Arm], str]) -> str:  # noqa: ARG002
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
        """Return supported if it holds for every seed, refuted if for no seed, else conditional.

        Raises ValueError if a number that the rule reads is NaN, or if it reads none.
        """
        read: Any = _Read(measured)
        holds = _truth("holds", self.holds(read))
        read.check(self)
        if read.shape() != holds.shape:
            raise ValueError(
                f"holds must return one truth value for each seed, of the shape {read.shape()}, got {holds.shape}: "
                "compare the numbers of an arm, such as measured['error'] <= 0.1."
            )
        finding = self.finding(_Read(measured))  # ty: ignore[invalid-argument-type]
        return Verdict("supported" if holds.all() else "conditional" if holds.any() else "refuted", finding)

    def describe(self, name_of: Callable[[Arm], str]) -> str:  # noqa: ARG002
        """Describe the rule."""
        return (
            f"supported if for every seed {self.condition}, refuted if for no seed, conditional on the seed if for some"
        )


class _Read(Mapping):
    """Measurements as numpy arrays that remember which arms a rule reads: NaN in others does not matter."""

    def __init__(self, measured: Any) -> None:
        self._measured = measured
        self._arms: dict[Arm, None] = {}  # in the order in which they are read

    def __getitem__(self, arm: Arm) -> np.ndarray:
        values = np.asarray(self._measured[arm])
        self._arms[arm] = None
        return values

    def __iter__(self) -> Iterator[Arm]:
        return iter(self._measured)

    def __len__(self) -> int:
        return len(self._measured)

    def check(self, rule) -> None:
        """Raise ValueError if a number that was read is NaN, or if none was read."""
        if not self._arms:
            raise ValueError(
                f"a rule must read the measurements, but holds of {type(rule).__name__} reads no arm: use its argument."
            )
        for arm in self._arms:
            numbers_of(arm, {arm: np.asarray(self._measured[arm])})

    def shape(self) -> tuple[int, ...] | None:
        return next((np.shape(self._measured[arm]) for arm in self._arms), None)


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
