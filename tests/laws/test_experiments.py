"""Every experiment states its rules beforehand, with margins and seeds that suffice to decide."""

import math
import pathlib
import sys
from collections import Counter

import pytest

from experiments.__main__ import every_experiment
from jaxdl.experiment import CHAPTERS, RATIO, AllOf, Equivalent, Greater, PerRegime, chapter_of
from jaxdl.experiment.conduct import MIN_SEEDS
from jaxdl.statistics import power

EXPERIMENTS = every_experiment()
every = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda each: each.name)


def statistical(rule):
    """Yield the statistical tests that a rule consists of."""
    if isinstance(rule, Greater | Equivalent):
        yield rule
    elif isinstance(rule, AllOf | PerRegime):
        for part in rule.parts if isinstance(rule, AllOf) else rule.regimes.values():
            yield from statistical(part)


@every
def test_every_rule_states_what_supports_and_what_refutes(experiment):
    for claim in experiment.claims:
        description = claim.rule.describe(experiment.name_of)
        assert "supported if" in description
        assert "refuted" in description
        assert claim.says.rstrip(")").endswith(".")
        assert claim.reading in ("", "literal", "careful")


@every
def test_rules_compare_measured_arms_with_distinct_labels(experiment):
    columns = experiment.columns()
    assert len(columns) >= 2
    for claim in experiment.claims:
        for test in statistical(claim.rule):
            arms = [arm for arm in (test.arm, test.reference) if isinstance(arm, str | tuple)]
            assert set(arms) <= set(columns)
            assert len({experiment.name_of(arm) for arm in arms}) == len(arms)


@every
def test_margin_and_seeds_give_a_power_of_80_percent(experiment):
    """For a difference as large as the margin that varies with the expected standard deviation."""
    tests = [test for claim in experiment.claims for test in statistical(claim.rule)]
    assert len(tests) == experiment.tests
    assert not tests or experiment.seeds >= MIN_SEEDS
    for test in tests:
        margin = math.log(test.margin) if test.scale is RATIO else test.margin
        assert margin > 0
        assert power(margin, test.expected_sd, experiment.seeds, level=chapter_of(experiment.item).confidence) >= 0.8


def test_no_chapter_takes_more_tests_than_planned():
    taken = Counter()
    for experiment in EXPERIMENTS.values():
        taken[chapter_of(experiment.item).number] += experiment.tests
    for chapter in CHAPTERS:
        assert taken[chapter.number] <= chapter.tests


@every
def test_the_sentence_is_in_the_notes_of_the_course(experiment, data_dir):
    path = data_dir.parent / "course" / "notes.md"
    if not path.is_file():
        pytest.skip("the notes of the course are not installed")
    notes = " ".join(path.read_text().replace("**", "").split())
    for part in experiment.sentence.split(" … "):
        assert " ".join(part.split()) in notes


@every
def test_the_file_states_claim_arms_and_command_and_is_short(experiment):
    module = next(module for name, module in sys.modules.items() if name == f"experiments.{experiment.name}")
    assert module.__doc__.startswith("Claim")
    assert "Arms:" in module.__doc__
    assert f"python -m experiments run {experiment.name}" in module.__doc__
    assert len(pathlib.Path(module.__file__).read_text().splitlines()) <= 160
