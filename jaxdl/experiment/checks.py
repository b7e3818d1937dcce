"""Checks of an experiment before anything is measured: types, names, columns, margins, steps, and the seeds."""

import inspect
import numbers
import re
from collections import Counter
from typing import Any

from jaxdl._formatting import format_argument, is_integer
from jaxdl.experiment.claim import Arm, Claim, Experiment, Panel, Published, number_text
from jaxdl.experiment.combined_rules import (
    arms_of,
    check_rule,
    power_of,
    statistical_rules,
    strictest_levels,
)
from jaxdl.experiment.course import chapter_of
from jaxdl.experiment.estimands import Mean
from jaxdl.experiment.paired import RATIO, check_finite, compared_arms


def confidence_of(experiment: Experiment) -> float:
    """Return the confidence level of one test: 1 minus its part of the level of the experiment."""
    level = experiment.level
    if level is not None and experiment.item is not None and level > chapter_of(experiment.item).level * (1 + 1e-9):
        raise ValueError(
            f"level must be at most that of the item, {chapter_of(experiment.item).level:.4g}, got {level:g}: the "
            "items of a chapter share its significance level."
        )
    if level is None:
        if experiment.item is None:
            raise ValueError("level must be given for an experiment without an item of the course, such as level=0.05.")
        level = chapter_of(experiment.item).level
    return 1 - level / max(1, experiment.tests)


def check_experiment(experiment: Any) -> None:
    """Raise TypeError or ValueError if an experiment cannot be right."""
    if not isinstance(experiment, Experiment):
        raise TypeError(
            f"experiment must be an Experiment, got {format_argument(experiment)}: put claims and rules in one."
        )
    for name, kind in (("claims", Claim), ("panels", Panel), ("published", Published)):
        parts = getattr(experiment, name)
        if isinstance(parts, kind) or not all(isinstance(part, kind) for part in parts):
            raise TypeError(
                f"{name} must be a tuple, each entry a {kind.__name__}, got {format_argument(parts)}: write one as "
                f"({kind.__name__}(...),)."
            )
    for panel in experiment.panels:
        _check_panel(panel)
    for claim in experiment.claims:
        check_rule(claim.rule)
    for number in experiment.published:
        for name in ("value", "tolerance"):
            check_finite(name, getattr(number, name))
    if not is_integer(experiment.seeds) or experiment.seeds < 1:
        raise ValueError(f"seeds must be an integer of at least 1, got {format_argument(experiment.seeds)}.")
    if not isinstance(experiment.name, str) or not re.fullmatch(r"[\w-]+", experiment.name):
        raise ValueError(
            f"name must consist of letters, digits, _ and -, because it names files, got {experiment.name!r}."
        )
    _check_level(experiment.level)
    for measure in (experiment.measure, experiment.full):
        _check_measure(measure)
    _check_columns(experiment)
    _check_tests(experiment)


def column_name(arm: Arm) -> str:
    """Return the column name of an arm in the Parquet table."""
    return arm if isinstance(arm, str) else f"{arm[0]} @ {number_text(arm[1])}"


def planned_power(rule: Any, experiment: Experiment) -> float | None:
    """Return the power of a rule with the seeds and the level of an experiment, or None if it states none."""
    return power_of(rule, experiment.seeds, confidence_of(experiment)) if rule.tests else None


def _check_panel(panel) -> None:
    is_arms = isinstance(panel.arms, dict) and all(isinstance(text, str) for text in panel.arms.values())
    if not is_arms:
        raise TypeError(
            f"arms of a panel must be a dictionary of their labels, got {format_argument(panel.arms)}: write "
            "{'a': 'label of a'}."
        )
    over = panel.over
    is_over = over is None or (
        isinstance(over, tuple | list) and len(over) == 2 and isinstance(over[0], str) and not isinstance(over[1], str)
    )
    if not is_over or (over and not all(isinstance(value, numbers.Real) for value in over[1])):
        raise TypeError(
            f"over must be the name of a variable and its values, such as ('batch size', (2, 64)), got "
            f"{format_argument(over)}."
        )
    if panel.larger_is_better not in (None, True, False):
        raise TypeError(f"larger_is_better must be True, False or None, got {format_argument(panel.larger_is_better)}.")
    if panel.step is not None and not (isinstance(panel.step, numbers.Real) and panel.step > 0):
        raise ValueError(f"step must be a number above 0, or None, got {format_argument(panel.step)}.")


def _check_level(level) -> None:
    if level is not None and not (isinstance(level, numbers.Real) and 0 < level < 0.5):
        raise ValueError(f"level must be a significance level, such as 0.05 for 95 % confidence, got {level!r}.")


def _check_measure(measure) -> None:
    if measure is None:
        return
    advice = "write def measure(keys) that yields arm, numbers"
    if not callable(measure):
        raise TypeError(f"measure must be a function of the keys, got {format_argument(measure)}: {advice}.")
    try:
        inspect.signature(measure).bind(None)
    except TypeError as error:
        raise TypeError(f"measure must be a function of the keys alone ({error}): {advice}.") from None
    except ValueError:  # a built-in function without a signature
        pass


def _check_columns(experiment) -> None:
    """Raise ValueError unless the columns of each panel differ, and hold every arm that is named."""
    columns = experiment.columns()
    lists = [[column_name(arm) for arm in panel.columns()] for panel in experiment.panels]
    for texts in [*lists, [*map(column_name, columns)]]:
        if twice := [text for text, count in Counter(texts).items() if count > 1]:
            raise ValueError(f"every arm of a panel must be a column of its own, got {twice[0]!r} twice.")
    named = [("a rule", arm) for claim in experiment.claims for arm in arms_of(claim.rule)]
    for who, arm in [*named, *(("published", number.arm) for number in experiment.published)]:
        experiment.name_of(arm)  # raises for an unknown name
        if arm not in columns:
            raise ValueError(
                f"{who} names the arm {arm!r}, but the panels have {', '.join(map(column_name, columns))}."
            )


def _check_tests(experiment) -> None:
    """Raise ValueError unless the seeds suffice for every interval, and no step is over half a margin."""
    tests = [claim.rule for claim in experiment.claims if statistical_rules(claim.rule)]
    if not tests:
        return
    level = confidence_of(experiment)
    for test, confidence in [found for rule in tests for found in strictest_levels(rule, level)]:
        fewest = test.estimand.fewest_seeds(confidence)
        if experiment.seeds < fewest:
            is_mean = isinstance(test.estimand, Mean)
            reason = f"a failure of the rate {test.estimand.rarest:g} may not occur" if is_mean else "it does not exist"
            raise ValueError(
                f"seeds must be at least {fewest} for the {100 * confidence:.6g} % interval of a {test.estimand.name}, "
                f"got {experiment.seeds}: with fewer {reason}."
            )
        for panel in experiment.panels:
            read = set(panel.columns()) & set(compared_arms(test))
            if panel.step is not None and read and test.scale is not RATIO and _is_coarse(panel, test):
                raise ValueError(
                    f"the margin must be at least {2 * panel.step:g}, twice the step {panel.step:g} of "
                    f"{panel.metric!r}, got {test.margin:g}: give a larger one, or measure on more examples."
                )


def _is_coarse(panel, test) -> bool:
    """Return whether a metric takes steps of over half a margin; a threshold of its own is no margin."""
    return test.reference is not None and panel.step > test.margin / 2
