"""A claim with a falsifier: what is measured, and the rules that judge it, are written down before it runs."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Array, Float, Key

Arm = str | tuple[str, float | int]
Measured = dict[Arm, Float[np.ndarray, "seeds"]]

VERDICTS = ("supported", "refuted", "conditional", "inconclusive")


class Comparison(NamedTuple):
    """What a statistical test found: the difference of two arms, or their ratio, with the interval that decides.

    `margin` is the least that matters, `effect_size` the mean difference over its standard deviation (Cohen's d of
    pairs, of logarithms for a ratio; None where all are equal), and `needed` how many seeds would decide, where these
    did not.
    """

    of: Arm
    against: Arm | float
    scale: str
    estimate: float
    low: float
    high: float
    confidence: float
    margin: float
    effect_size: float | None
    verdict: str
    needed: int | None


class Judgement(NamedTuple):
    """A verdict, in one sentence the figures it rests on, and the comparisons among them.

    supported and refuted: the rule decided. conditional: true in one declared regime, false in another.
    inconclusive: the measurement cannot tell.
    """

    verdict: str
    finding: str = ""
    comparisons: tuple[Comparison, ...] = ()


class Rule(Protocol):
    """Judges what was measured; `tests` says how many statistical tests it takes, none where a claim is exact."""

    @property
    def tests(self) -> int:
        """Of the chapter's."""
        ...

    def judge(self, measured: Measured, confidence: float) -> Judgement:
        """The verdict, from intervals of this confidence."""
        ...

    def told(self, name: Callable[[Arm | float], str]) -> str:
        """In words, with the names of the arms: what supports, and what refutes."""
        ...


class Claim(NamedTuple):
    """A sentence made precise enough to fail, and the rule that judges it.

    Where the course's sentence is loose, it is judged twice: `reading` is then "as it stands" and "careful".
    """

    says: str
    rule: Rule
    reading: str = ""


class Panel(NamedTuple):
    """A metric, and the arms that are measured by it, each with what it is; `over` what they vary with, where they do.

    The numbers of an arm over ("batch size", (1, 2)) are those of ("arm", 1) and ("arm", 2). `thresholds` are drawn.
    """

    metric: str
    arms: dict[str, str]
    over: tuple[str, tuple[float | int, ...]] | None = None
    thresholds: tuple[float, ...] = ()

    def columns(self) -> list[Arm]:
        """All that is to be measured for it."""
        return [
            arm if at is None else (arm, at) for arm in self.arms for at in (self.over[1] if self.over else (None,))
        ]


class Experiment(NamedTuple):
    """A sentence of the course, claims that it makes, and what is measured to judge them.

    `measure(keys)` gives the numbers of one arm after another, one number a seed: pairs of an arm and its numbers. All
    arms get the same keys, and so the same data and the same order of it, and are compared seed by seed. `full` is the
    same with more and larger data, where there is such.
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
        """All that is to be measured, in the order of the panels."""
        return list(dict.fromkeys(column for panel in self.panels for column in panel.columns()))

    def name_of(self, arm: Arm | float) -> str:
        """An arm as the page names it."""
        if isinstance(arm, float | int):
            return f"{arm:g}"
        of, at = (arm, None) if isinstance(arm, str) else arm
        for panel in self.panels:
            if of in panel.arms:
                return panel.arms[of] + (f", {panel.over[0]} {at:g}" if panel.over and at is not None else "")
        raise ValueError(f"arm must be one of the panels', but was {arm!r}.")

    @property
    def tests(self) -> int:
        """Statistical tests that its claims take."""
        return sum(claim.rule.tests for claim in self.claims)


class Unavailable(Exception):  # noqa: N818  nothing is wrong
    """What an experiment needs is not here; the message says what, and how to bring it."""
