"""Judge the claims of an experiment from its numbers."""

from typing import Any

import numpy as np

from jaxdl.experiment.checks import confidence_of, planned_power
from jaxdl.experiment.claim import DRAFT, OUTCOMES, Claim, Experiment, Measured, Verdict
from jaxdl.experiment.columns import UndefinedNumbersError, label_of
from jaxdl.experiment.sentences import describe_comparison, describe_power


def judge_all(experiment: Experiment, measured: Measured, *, draft: bool) -> list[dict[str, Any]]:
    """Judge all claims; return their entries of the result."""
    measured, confidence = _with_direction(experiment, measured), confidence_of(experiment)
    return [_judge(experiment, claim, measured, confidence, draft=draft) for claim in experiment.claims]


def _judge(
    experiment: Experiment, claim: Claim, measured: Measured, confidence: float, *, draft: bool
) -> dict[str, Any]:
    """Judge a claim; return its entry of the result."""
    verdict = _verdict(experiment, claim, measured, confidence)
    if verdict.outcome not in OUTCOMES:
        raise ValueError(f"a rule must return one of {', '.join(OUTCOMES)}, got {verdict.outcome!r}.")
    sentences = [
        "Draft, no verdict." if draft else "",
        verdict.finding,
        *(describe_comparison(comparison, experiment.name_of) for comparison in verdict.comparisons),
    ]
    power = planned_power(claim.rule, experiment)
    return {
        "says": claim.says,
        "reading": claim.reading,
        "kind": "statistical" if claim.rule.tests else "exact",
        "rule": claim.rule.describe(experiment.name_of),
        "plan": describe_power(claim.rule, power, experiment.seeds) if claim.rule.tests else "",
        "power": power,
        "verdict": DRAFT if draft else verdict.outcome,
        "finding": " ".join(sentence for sentence in sentences if sentence),
        "comparisons": [_entry(comparison, experiment) for comparison in verdict.comparisons],
    }


def _entry(comparison, experiment) -> dict[str, Any]:
    """Return a comparison as JSON values, its arms as texts."""
    quantities = {"arm": comparison.arm, "reference": comparison.reference}
    names = {name: None if each is None else label_of(each, experiment.name_of) for name, each in quantities.items()}
    differences = [float(value) if np.isfinite(value) else None for value in comparison.differences]
    return {**finite(comparison._asdict()), **names, "differences": differences}


def _with_direction(experiment, measured) -> Measured:
    """Return the numbers of runs that failed as the worst: −∞ where larger is better, ∞ where smaller is, else NaN."""
    better = {arm: panel.larger_is_better for panel in experiment.panels for arm in panel.columns()}
    worst = {True: -np.inf, False: np.inf, None: np.nan}
    return {arm: np.where(np.isinf(values), worst[better[arm]], values) for arm, values in measured.items()}


def _verdict(experiment, claim, measured, confidence) -> Verdict:
    """Judge a claim. Raises ValueError if it reads runs that failed and their panel does not say which are worst."""
    try:
        return claim.rule.judge(measured, confidence)
    except UndefinedNumbersError as error:
        undirected = [arm for panel in experiment.panels if panel.larger_is_better is None for arm in panel.columns()]
        if error.arm in undirected:
            raise ValueError(
                f"{error} If these runs failed, the panel must say whether larger numbers are better: write "
                "Panel(..., larger_is_better=True), or metric=Metric('accuracy', larger_is_better=True) in ask."
            ) from error
        raise


def finite(values: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers that are not finite by None, because JSON cannot hold them."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value for name, value in values.items()
    }
