"""Claims of the course as experiments: each with arms, a metric and a rule that are written down before it runs.

    from jaxdl.experiment import Claim, Experiment, More, Panel

An experiment measures one number a seed for each of its arms, which share their seeds, and its rules judge them: exact
ones by a falsifier, statistical ones by an interval at a level that the tests of a chapter share among them.
"""

from jaxdl.experiment.claim import (
    VERDICTS,
    Arm,
    Claim,
    Comparison,
    Experiment,
    Judgement,
    Measured,
    Panel,
    Rule,
    Unavailable,
)
from jaxdl.experiment.conduct import Conditions, conduct, conduct_all, results, told
from jaxdl.experiment.course import CHAPTERS, Chapter, chapter_of
from jaxdl.experiment.rules import DIFFERENCE, RATIO, Every, EverySeed, Exact, More, Regimes, Same, Scale

__all__ = [
    "CHAPTERS",
    "DIFFERENCE",
    "RATIO",
    "VERDICTS",
    "Arm",
    "Chapter",
    "Claim",
    "Comparison",
    "Conditions",
    "Every",
    "EverySeed",
    "Exact",
    "Experiment",
    "Judgement",
    "Measured",
    "More",
    "Panel",
    "Regimes",
    "Rule",
    "Same",
    "Scale",
    "Unavailable",
    "chapter_of",
    "conduct",
    "conduct_all",
    "results",
    "told",
]
