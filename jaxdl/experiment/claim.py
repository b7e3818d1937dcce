"""Claims, panels and experiments, and the types that rules and results share."""

import html
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Array, Float, Key
from typing_extensions import TypeAliasType

from jaxdl._display import html_table, labeled, summarized

Arm = TypeAliasType("Arm", str | tuple[str, float | int])
Measured = TypeAliasType("Measured", dict[Arm, Float[np.ndarray, "seeds"]])

OUTCOMES = ("supported", "refuted", "conditional", "inconclusive")


class Comparison(NamedTuple):
    """Result of a statistical test of two arms, or of an arm and a number.

    Attributes:
        arm: The arm that is compared.
        reference: The arm or the number that it is compared with.
        scale: "difference" or "ratio of geometric means".
        estimate: The mean paired difference, or the ratio.
        low: Lower limit of the confidence interval.
        high: Upper limit of the confidence interval.
        confidence: Confidence level of the interval.
        margin: Smallest difference (or ratio) that matters.
        effect_size: Mean paired difference over its standard deviation (Cohen's d), of logarithms for a ratio; None if
            all differences are equal.
        outcome: One of `OUTCOMES`.
        needed: Number of seeds that would decide, if the test is inconclusive and such a number exists; else None.
    """

    arm: Arm
    reference: Arm | float
    scale: str
    estimate: float
    low: float
    high: float
    confidence: float
    margin: float
    effect_size: float | None
    outcome: str
    needed: int | None


class Verdict(NamedTuple):
    """Outcome of a rule, and the numbers that it rests on.

    Attributes:
        outcome: "supported" or "refuted" if the rule decided, "conditional" if the claim holds in one declared regime
            and fails in another, "inconclusive" if the measurement does not decide.
        finding: The measured numbers, as a sentence.
        comparisons: The statistical tests that the outcome rests on.
    """

    outcome: str
    finding: str = ""
    comparisons: tuple[Comparison, ...] = ()

    def __repr__(self) -> str:
        """Return outcome and finding on one line."""
        return labeled("Verdict", self.outcome, self.finding)

    def _repr_html_(self) -> str:
        """Return outcome, finding and comparisons for a notebook."""
        heading = f"<p><b>{html.escape(self.outcome)}</b>: {html.escape(self.finding)}</p>"
        names = ("arm", "reference", "estimate", "low", "high", "margin", "outcome")
        rows = [tuple(summarized(getattr(comparison, name)) for name in names) for comparison in self.comparisons]
        return heading + (html_table([names, *rows], right=(2, 3, 4, 5)) if rows else "")


class Rule(Protocol):
    """Decision rule of a claim, written down before the measurement."""

    @property
    def tests(self) -> int:
        """Number of statistical tests, 0 for an exact rule. The tests of a chapter share its significance level."""
        ...

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide from the measurements, with intervals at this confidence level."""
        ...

    def describe(self, name_of: Callable[[Arm | float], str]) -> str:
        """Describe what supports and what refutes the claim; `name_of` gives the label of an arm."""
        ...


class Claim(NamedTuple):
    """A sentence that is precise enough to fail, with the rule that decides it.

    Attributes:
        says: The claim, as a sentence.
        rule: The decision rule.
        reading: "literal" or "careful" if the course's sentence is loose and is therefore tested in two readings; else
            empty.

    Example:
        >>> from jaxdl.experiment import Claim, Greater
        >>> rule = Greater("mlp", "linear", margin=0.01, expected_sd=0.01)
        >>> Claim("Hidden units raise the accuracy.", rule).rule.tests
        1
    """

    says: str
    rule: Rule
    reading: str = ""


class Panel(NamedTuple):
    """A metric and the arms that it is measured for: one chart of an experiment.

    Attributes:
        metric: Measured quantity with its unit, the label of the axis.
        arms: Label of each arm.
        over: Name and values of a variable that every arm is measured at, or None. The arm "a" over
            ("batch size", (1, 2)) is measured as ("a", 1) and ("a", 2).
        thresholds: Values to mark in the chart.

    Example:
        >>> from jaxdl.experiment import Panel
        >>> Panel("test error", {"bn": "batch norm"}, over=("batch size", (2, 64))).columns()
        [('bn', 2), ('bn', 64)]
    """

    metric: str
    arms: dict[str, str]
    over: tuple[str, tuple[float | int, ...]] | None = None
    thresholds: tuple[float, ...] = ()

    def columns(self) -> list[Arm]:
        """Return every arm, at every value of `over` if there is one."""
        return [
            arm if at is None else (arm, at) for arm in self.arms for at in (self.over[1] if self.over else (None,))
        ]


def number_text(number: float | int) -> str:
    """Return a number with six digits, or with all of them if that is another number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


class Experiment(NamedTuple):
    """A sentence of the course, the claims it makes, and the measurement that tests them.

    Attributes:
        name: Name of the experiment and of its result files.
        item: Number of the item in the course.
        sentence: The sentence of the course, verbatim.
        claims: The claims, each with its rule.
        panels: Metrics and arms, for the charts.
        seeds: Number of seeds; at least 16 if a claim is statistical.
        measure: `measure(keys)` yields pairs of an arm and its numbers, one number per key. All arms get the same keys,
            hence the same data in the same order, and are compared seed by seed.
        full: The same measurement with more or larger data, or None.

    Example:
        >>> from jaxdl.experiment import Experiment, Panel
        >>> panel = Panel("test error", {"bn": "batch norm"}, over=("batch size", (2, 64)))
        >>> norms = Experiment("norms", 97, "fails for small batch sizes", (), (panel,), 16, lambda keys: [])
        >>> norms.name_of(("bn", 2))
        'batch norm (batch size = 2)'
    """

    name: str
    item: int
    sentence: str
    claims: tuple[Claim, ...]
    panels: tuple[Panel, ...]
    seeds: int
    measure: Callable[[Key[Array, "seeds"]], Iterable[tuple[Arm, Array]]]
    full: Callable[[Key[Array, "seeds"]], Iterable[tuple[Arm, Array]]] | None = None

    def columns(self) -> list[Arm]:
        """Return all arms to measure, in the order of the panels."""
        return list(dict.fromkeys(column for panel in self.panels for column in panel.columns()))

    def name_of(self, arm: Arm | float) -> str:
        """Return the label of an arm, or a number as text. Raises ValueError for an arm of no panel."""
        if isinstance(arm, float | int):
            return number_text(arm)
        name, at = (arm, None) if isinstance(arm, str) else arm
        for panel in self.panels:
            if name in panel.arms:
                return panel.arms[name] + (
                    f" ({panel.over[0]} = {number_text(at)})" if panel.over and at is not None else ""
                )
        known = [name for panel in self.panels for name in panel.arms]
        raise ValueError(f"unknown arm {arm!r}. Arms of the panels: {', '.join(known)}.")

    @property
    def tests(self) -> int:
        """Number of statistical tests of all claims."""
        return sum(claim.rule.tests for claim in self.claims)


class Unavailable(Exception):  # noqa: N818  a missing data set is not an error of the experiment
    """Raised by an experiment whose data are not installed; the message names them and says how to provide them."""
