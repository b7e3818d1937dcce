"""The rule on equal initial weights."""

import numpy as np
import pytest

from experiments import equal_weights

(CLAIM,) = equal_weights.experiment.claims


@pytest.mark.parametrize(
    ("equal", "random", "expected"),
    [
        (np.zeros(64), np.ones(64), "supported"),
        (np.full(64, 1e-9), np.ones(64), "refuted"),
        (np.zeros(64), np.zeros(64), "inconclusive"),
        (np.zeros(64), np.array([1.0] * 63 + [0.0]), "inconclusive"),
    ],
)
def test_any_difference_of_equal_units_refutes_the_claim(equal, random, expected):
    assert CLAIM.rule.judge({"equal": equal, "random": random}, 0.95).outcome == expected
