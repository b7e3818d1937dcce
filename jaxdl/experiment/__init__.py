"""Claims of the course as experiments: claim, arms, metric, seeds and decision rule are fixed before the measurement.

    from jaxdl.experiment import Claim, Experiment, Greater, Panel, conduct

An `Experiment` measures one number per seed for each `Arm` of each `Panel`. All arms share their seeds, and so the data
and their order. A run that diverged measures `FAILED`. A `Rule` decides each `Claim` from the `Measured` numbers. The
`Verdict` has one of the `OUTCOMES`: supported, refuted, conditional or inconclusive.

- Rules without statistics: `Exact` and `ForEverySeed`, for identities and bounds that must hold for every seed.
- Statistical rules: `Greater`, `AtLeast`, `NonInferior`, `Equivalent` and `Near`, each with a threshold, an estimand
  and a confidence interval. The result is a `Comparison`, and `describe_comparison` writes it as a sentence. The
  `Scale` is `DIFFERENCE` or `RATIO`.
- Estimands: `MEDIAN` of the paired differences (a typical run, `Median`), their `Mean`, or the `SHARE` of seeds with a
  property (`Share`).
- Computed for each seed: a `Column`, such as a `contrast` with a placebo or the `spread` over replicates.
- Combined rules: `AllOf`, `AnyOf`, `ordered` and `PerRegime`.
- Course: `COURSE` is its name, and `ITEMS` lists what it teaches; each `Item` has a title. The items of a `Chapter`
  share a significance level of 0.05; `item_level` is that of one. `CHAPTERS` lists the chapters, and `chapter_of`
  returns that of an item.
- Runs: `conduct` measures, judges and writes the results under given `Conditions`, `conduct_all` runs several
  experiments, and `results` reads them. An experiment raises `Unavailable` if its data are not installed. `Published`
  numbers are shown beside the measured ones.
- Tuning: `tuned` chooses each `Knob` of an arm on dev, with networks of other seeds.
- A question of one's own: `ask` compares methods without an item of the course; its `Answer` has verdict, finding and
  figure. `Metric` names what it measures.

Write an experiment when a sentence about deep learning should be tested on many seeds rather than shown in one run.
"""

from jaxdl._names import offer_public_names
from jaxdl.experiment.claim import (
    FAILED as FAILED,
    OUTCOMES as OUTCOMES,
    Arm as Arm,
    Claim as Claim,
    Comparison as Comparison,
    Experiment as Experiment,
    Measured as Measured,
    Panel as Panel,
    Published as Published,
    Rule as Rule,
    Unavailable as Unavailable,
    Verdict as Verdict,
)
from jaxdl.experiment.columns import Column as Column, contrast as contrast, spread as spread
from jaxdl.experiment.combined_rules import (
    AllOf as AllOf,
    AnyOf as AnyOf,
    PerRegime as PerRegime,
    ordered as ordered,
)
from jaxdl.experiment.conduct import (
    Conditions as Conditions,
    conduct as conduct,
    conduct_all as conduct_all,
    results as results,
)
from jaxdl.experiment.course import (
    CHAPTERS as CHAPTERS,
    COURSE as COURSE,
    ITEMS as ITEMS,
    Chapter as Chapter,
    Item as Item,
    chapter_of as chapter_of,
    item_level as item_level,
)
from jaxdl.experiment.estimands import (
    MEDIAN as MEDIAN,
    SHARE as SHARE,
    Mean as Mean,
    Median as Median,
    Share as Share,
)
from jaxdl.experiment.exact_rules import Exact as Exact, ForEverySeed as ForEverySeed
from jaxdl.experiment.paired import DIFFERENCE as DIFFERENCE, RATIO as RATIO, Scale as Scale
from jaxdl.experiment.question import Answer as Answer, Metric as Metric, ask as ask
from jaxdl.experiment.rules import (
    AtLeast as AtLeast,
    Equivalent as Equivalent,
    Greater as Greater,
    Near as Near,
    NonInferior as NonInferior,
)
from jaxdl.experiment.sentences import describe_comparison as describe_comparison
from jaxdl.experiment.tuning import Knob as Knob, tuned as tuned

__all__ = [
    "CHAPTERS",
    "COURSE",
    "DIFFERENCE",
    "FAILED",
    "ITEMS",
    "MEDIAN",
    "OUTCOMES",
    "RATIO",
    "SHARE",
    "AllOf",
    "Answer",
    "AnyOf",
    "Arm",
    "AtLeast",
    "Chapter",
    "Claim",
    "Column",
    "Comparison",
    "Conditions",
    "Equivalent",
    "Exact",
    "Experiment",
    "ForEverySeed",
    "Greater",
    "Item",
    "Knob",
    "Mean",
    "Measured",
    "Median",
    "Metric",
    "Near",
    "NonInferior",
    "Panel",
    "PerRegime",
    "Published",
    "Rule",
    "Scale",
    "Share",
    "Unavailable",
    "Verdict",
    "ask",
    "chapter_of",
    "conduct",
    "conduct_all",
    "contrast",
    "describe_comparison",
    "item_level",
    "ordered",
    "results",
    "spread",
    "tuned",
]

offer_public_names(__name__)
