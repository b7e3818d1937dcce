"""Every experiment states its rules beforehand, with the power that its seeds give."""

import pathlib
import sys
from collections import Counter

import pytest

from experiments.__main__ import every_experiment
from jaxdl.experiment import item_level
from jaxdl.experiment.checks import check_experiment, confidence_of, planned_power
from jaxdl.experiment.columns import label_of
from jaxdl.experiment.combined_rules import statistical_rules
from jaxdl.experiment.estimands import POWER
from jaxdl.experiment.paired import compared_arms
from jaxdl.experiment.sentences import describe_power

EXPERIMENTS = every_experiment()
every = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda each: each.name)


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
        for test in statistical_rules(claim.rule):
            assert set(compared_arms(test)) <= set(columns)
            reference = "" if test.reference is None else label_of(test.reference, experiment.name_of)
            assert label_of(test.arm, experiment.name_of) != reference


@every
def test_every_statistical_claim_states_its_power_and_it_is_enough_or_said_to_be_less(experiment):
    for claim in experiment.claims:
        if not claim.rule.tests:
            continue
        power = planned_power(claim.rule, experiment)
        stated = all(rule.expected_sd is not None for rule in statistical_rules(claim.rule))
        assert (power is not None) == stated
        assert power is None or power >= 0.8
        assert ("less than" in describe_power(claim.rule, power, experiment.seeds)) == (
            power is not None and power < POWER
        )


def test_no_item_takes_more_than_its_level():
    taken = Counter()
    for experiment in EXPERIMENTS.values():
        check_experiment(experiment)
        taken[experiment.item] += (1 - confidence_of(experiment)) * experiment.tests
    assert all(level <= item_level(item) * (1 + 1e-9) for item, level in taken.items())


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
