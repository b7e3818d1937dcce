"""Panels and experiments name their arms."""

import pytest

from jaxdl.experiment import MEDIAN, Claim, Experiment, Greater, Panel

SIZES = Panel("error", {"bn": "batch norm", "ln": "layer norm"}, over=("batch size", (2, 64)))
TIME = Panel("time", {"bn": "batch norm", "seconds": "seconds"})
RULE = Greater(("bn", 2), ("bn", 64), 0.1, MEDIAN)


def made(*panels, claims=()):
    return Experiment("norms", 97, "A sentence.", claims, panels, 16, lambda keys: [])


def test_the_columns_of_a_panel_are_its_arms_at_every_value():
    assert SIZES.columns() == [("bn", 2), ("bn", 64), ("ln", 2), ("ln", 64)]
    assert TIME.columns() == ["bn", "seconds"]


def test_an_experiment_measures_a_column_of_two_panels_once():
    assert made(TIME, TIME._replace(metric="energy"), SIZES).columns() == [*TIME.columns(), *SIZES.columns()]


def test_arms_have_labels():
    experiment = made(SIZES, TIME)
    assert experiment.name_of(("ln", 64)) == "layer norm (batch size = 64)"
    assert experiment.name_of("seconds") == "seconds"


def test_an_unknown_arm_raises():
    with pytest.raises(ValueError, match=r"unknown arm 'gn'. Arms of the panels: bn, ln, bn, seconds"):
        made(SIZES, TIME).name_of("gn")


def test_the_tests_of_an_experiment_are_those_of_its_claims():
    experiment = made(SIZES, claims=(Claim("One.", RULE), Claim("Two.", RULE)))
    assert experiment.tests == 2
    assert experiment._replace(full=experiment.measure).tests == 4  # on each data set
