"""Claims of the course as experiments: claim, arms, metric, seeds and decision rule are fixed before the measurement.

    from jaxdl.experiment import Claim, Experiment, Greater, Panel, conduct

An `Experiment` measures one number per seed for each `Arm` of each `Panel`. All arms share their seeds, and so the data
and their order. A `Rule` decides each `Claim` from the `Measured` numbers. The `Verdict` has one of the `OUTCOMES`:
supported, refuted, conditional or inconclusive.

- Rules without statistics: `Exact` and `ForEverySeed`, for identities and bounds that must hold for every seed.
- Statistical rules: `Greater` and `Equivalent` are each a `PairedTest`, a confidence interval of paired differences and
  a margin. The result is a `Comparison`, and `describe_comparison` writes it as a sentence. The `Scale` is `DIFFERENCE`
  or `RATIO`.
- Combined rules: `AllOf` and `PerRegime`.
- Course: the tests of a `Chapter` share a significance level of 0.05. `CHAPTERS` lists the chapters, and `chapter_of`
  returns that of an item.
- Runs: `conduct` measures, judges and writes the results under given `Conditions`, `conduct_all` runs several
  experiments, and `results` reads them. An experiment raises `Unavailable` if its data are not installed.

Write an experiment when a sentence about deep learning should be tested on many seeds rather than shown in one run.
"""

from jaxdl._names import offer_public_names
from jaxdl.experiment.claim import (
    OUTCOMES as OUTCOMES,
    Arm as Arm,
    Claim as Claim,
    Comparison as Comparison,
    Experiment as Experiment,
    Measured as Measured,
    Panel as Panel,
    Rule as Rule,
    Unavailable as Unavailable,
    Verdict as Verdict,
)
from jaxdl.experiment.conduct import (
    Conditions as Conditions,
    conduct as conduct,
    conduct_all as conduct_all,
    results as results,
)
from jaxdl.experiment.course import CHAPTERS as CHAPTERS, Chapter as Chapter, chapter_of as chapter_of
from jaxdl.experiment.rules import (
    DIFFERENCE as DIFFERENCE,
    RATIO as RATIO,
    AllOf as AllOf,
    Equivalent as Equivalent,
    Exact as Exact,
    ForEverySeed as ForEverySeed,
    Greater as Greater,
    PairedTest as PairedTest,
    PerRegime as PerRegime,
    Scale as Scale,
    describe_comparison as describe_comparison,
)

__all__ = [
    "CHAPTERS",
    "DIFFERENCE",
    "OUTCOMES",
    "RATIO",
    "AllOf",
    "Arm",
    "Chapter",
    "Claim",
    "Comparison",
    "Conditions",
    "Equivalent",
    "Exact",
    "Experiment",
    "ForEverySeed",
    "Greater",
    "Measured",
    "PairedTest",
    "Panel",
    "PerRegime",
    "Rule",
    "Scale",
    "Unavailable",
    "Verdict",
    "chapter_of",
    "conduct",
    "conduct_all",
    "describe_comparison",
    "results",
]

offer_public_names(__name__)
