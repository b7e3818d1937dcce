"""The rule on the published run, its data, and its first epochs."""

import itertools

import jax
import numpy as np
import pytest

from experiments import images, published_run

(CLAIM,) = published_run.experiment.claims


def measured(**shifts):
    """Return the published curves, as published and as reproduced, with the first number of an arm shifted."""
    counts, costs = np.array(list(published_run.PUBLISHED.values())).T
    errors = 1 - counts / 10_000
    arms = {"published_cost": costs, "ours_cost": costs, "published_error": errors, "ours_error": errors}
    arms = {arm: values + shifts.get(arm, 0) * (np.arange(8) == 0) for arm, values in arms.items()}
    return {
        (arm, epoch): np.array([value])
        for arm, values in arms.items()
        for epoch, value in zip(published_run.PUBLISHED, values, strict=True)
    }


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ({}, "supported"),
        ({"ours_cost": 1e-12}, "refuted"),
        ({"ours_error": 1e-4}, "refuted"),
    ],
)
def test_one_wrong_digit_refutes_the_claim(shifts, expected):
    assert CLAIM.rule.judge(measured(**shifts), 0.95).outcome == expected


def test_the_finding_counts_the_reproduced_epochs():
    finding = published_run.finding(measured())
    assert "8 have the same number of correctly classified test images" in finding
    assert "and 8 the same training cost" in finding
    finding = published_run.finding(measured(ours_cost=1e-3, ours_error=1e-4))
    assert "7 have the same number of correctly classified test images" in finding
    assert "7 the same training cost to twelve decimals (largest difference 1.0e-03)" in finding


def test_the_published_numbers_are_compared_with_computed_ones(monkeypatch):
    monkeypatch.setattr(published_run, "epochs", lambda: ((number, number / 7) for number in itertools.count(1)))
    arms = dict(published_run.measure(None))
    for number, (correct, cost) in published_run.PUBLISHED.items():
        assert arms["ours_cost", number] == [number / 7]
        assert arms["ours_error", number] == [1 - number / 10_000]
        assert arms["published_cost", number] == [cost]
        assert arms["published_error", number] == [1 - correct / 10_000]


def test_the_data_are_found_beside_the_project(monkeypatch, data_dir, double):
    monkeypatch.delenv("JAXDL_DATA", raising=False)
    monkeypatch.setattr(images, "__file__", str(data_dir.parent.parent / "main" / "experiments" / "run.py"))
    inputs, targets, test_inputs, test_labels = published_run.mnist()
    assert (inputs.shape, targets.shape, test_inputs.shape, test_labels.shape) == (
        (1000, 784),
        (1000, 10),
        (10000, 784),
        (10000,),
    )


def test_float64_is_enabled_only_inside_the_epochs(data_dir):
    epochs = published_run.epochs()
    assert next(epochs)[0] == 5887
    assert not jax.config.read("jax_enable_x64")
    assert next(epochs)[0] == 6505
