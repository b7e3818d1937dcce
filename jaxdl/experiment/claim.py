"""Claims, panels and experiments, and the types that rules and results share."""

import html
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Float, Key
from typing_extensions import TypeAliasType

from jaxdl._display import html_table, labeled, summarized

Arm = TypeAliasType("Arm", str | tuple[str, float | int])
Measured = TypeAliasType("Measured", dict[Arm, Float[np.ndarray, "seeds"]])

OUTCOMES = ("supported", "refuted", "conditional", "inconclusive")
DRAFT = "draft"  # in place of an outcome, where the seeds were chosen before the rule
FAILED = float("inf")  # measured for a run that diverged or missed its target


class Comparison(NamedTuple):
    """Result of a statistical test of two arms, or of an arm and a number.

    Attributes:
        arm: The arm, or column computed from arms, that is compared.
        reference: The arm, column or number that it is compared with; None for a number that must be reached.
        scale: "difference" or "ratio".
        estimand: What the interval is for, such as "median".
        estimate: Its estimate from these seeds.
        low: Lower limit of the confidence interval.
        high: Upper limit of the confidence interval.
        confidence: Confidence level of the interval.
        margin: The threshold: a difference, a ratio, or a number to reach.
        outcome: One of `OUTCOMES`.
        needed: Number of seeds that would decide, if the test is inconclusive and such a number exists; else None.
        failed: Number of seeds for which one of the two runs failed.
        two_sided: Whether the threshold holds on both sides of equality.
        part: The regime that it decides, or "".
        differences: The difference (or ratio) of each seed; NaN where both runs failed.
    """

    arm: Any
    reference: Any
    scale: str
    estimand: str
    estimate: float
    low: float
    high: float
    confidence: float
    margin: float
    outcome: str
    needed: int | None
    failed: int = 0
    two_sided: bool = False
    part: str = ""
    differences: tuple[float, ...] = ()


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


@runtime_checkable
class Rule(Protocol):
    """Decision rule of a claim, written down before the measurement.

    A rule may also have `check()`, which raises if it cannot be right, and `power(seeds, confidence)`, which returns
    the power it is planned with.
    """

    @property
    def tests(self) -> int:
        """Number of statistical tests, 0 for an exact rule. The tests of an item share its significance level."""
        ...

    def judge(self, measured: Measured, confidence: float) -> Verdict:
        """Decide from the measurements, with intervals at this confidence level."""
        ...

    def describe(self, name_of: Callable[[Arm], str]) -> str:
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
        >>> from jaxdl.experiment import MEDIAN, Claim, Greater
        >>> rule = Greater("mlp", "linear", 0.01, MEDIAN, effect=0.02, expected_sd=0.01)
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
        larger_is_better: Whether larger numbers are better; None if neither is. A run that failed counts as worse than
            every other, which needs a direction.
        step: Smallest possible change of the metric, such as 1/n for a share of n examples, or None. It must not be
            over half the margin of a rule.

    Example:
        >>> from jaxdl.experiment import Panel
        >>> Panel("test error", {"bn": "batch norm"}, over=("batch size", (2, 64))).columns()
        [('bn', 2), ('bn', 64)]
    """

    metric: str
    arms: dict[str, str]
    over: tuple[str, tuple[float | int, ...]] | None = None
    thresholds: tuple[float, ...] = ()
    larger_is_better: bool | None = None
    step: float | None = None

    def columns(self) -> list[Arm]:
        """Return every arm, at every value of `over` if there is one."""
        return [
            arm if at is None else (arm, at) for arm in self.arms for at in (self.over[1] if self.over else (None,))
        ]


def number_text(number: float | int) -> str:
    """Return a number with six digits, or with all of them if that is another number."""
    short = f"{number:g}"
    return short if float(short) == number else repr(float(number))


class Published(NamedTuple):
    """A number that a publication prints for the same question. It is shown beside the measurement and decides nothing.

    Attributes:
        arm: The arm that it is compared with.
        value: The published number.
        source: Author, title, year, and table or page.
        kept: What the experiment keeps of the published setting.
        changed: What it changes.
        tolerance: Largest difference that counts as agreement, stated before the measurement.
        low: Lower limit of the published interval, or None.
        high: Upper limit of the published interval, or None.
    """

    arm: Arm
    value: float
    source: str
    kept: str
    changed: str
    tolerance: float
    low: float | None = None
    high: float | None = None


class Experiment(NamedTuple):
    """A sentence of the course, the claims it makes, and the measurement that tests them.

    Attributes:
        name: Name of the experiment and of its result files.
        item: Number of the item in the course, or None for a question of one's own.
        sentence: The sentence of the course, verbatim, or the question.
        claims: The claims, each with its rule.
        panels: Metrics and arms, for the charts.
        seeds: Number of seeds, large enough for the intervals of the rules to exist.
        measure: `measure(keys)` yields pairs of an arm and its numbers, one number per key. All arms get the same keys,
            hence the same data in the same order, and are compared seed by seed.
        full: The same measurement with more or larger data, or None. Its tests count too.
        level: Significance level that all tests of the experiment share; None for that of the item of the course. Two
            experiments of one item each state their part of `item_level`.
        published: Published numbers to compare with.
        limits: What the measurement leaves open, in a sentence or two.

    Example:
        >>> from jaxdl.experiment import Experiment, Panel
        >>> panel = Panel("test error", {"bn": "batch norm"}, over=("batch size", (2, 64)))
        >>> norms = Experiment("norms", 97, "fails for small batch sizes", (), (panel,), 16, lambda keys: [])
        >>> norms.name_of(("bn", 2))
        'batch norm (batch size = 2)'
    """

    name: str
    item: int | None
    sentence: str
    claims: tuple[Claim, ...]
    panels: tuple[Panel, ...]
    seeds: int
    measure: Callable[[Key[Array, "seeds"]], Iterable[tuple[Arm, Array]]]
    full: Callable[[Key[Array, "seeds"]], Iterable[tuple[Arm, Array]]] | None = None
    level: float | None = None
    published: tuple[Published, ...] = ()
    limits: str = ""

    def columns(self) -> list[Arm]:
        """Return all arms to measure, in the order of the panels."""
        return list(dict.fromkeys(column for panel in self.panels for column in panel.columns()))

    def name_of(self, arm: Arm) -> str:
        """Return the label of an arm. Raises ValueError for an arm of no panel."""
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
        """Number of statistical tests of all claims, on each of its data sets."""
        return sum(claim.rule.tests for claim in self.claims) * (1 if self.full is None else 2)


class Unavailable(Exception):  # noqa: N818  a missing data set is not an error of the experiment
    """Raised by an experiment whose data are not installed; the message names them and says how to provide them."""
