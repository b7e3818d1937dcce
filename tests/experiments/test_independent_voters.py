"""The rule on independent voters."""

import numpy as np
import pytest

from experiments import independent_voters

(CLAIM,) = independent_voters.experiment.claims


@pytest.mark.parametrize(
    ("shifts", "expected"),
    [
        ({}, "supported"),
        ({"better": 1e-9}, "refuted"),
        ({"better": -0.1, "better_enumerated": -0.1}, "refuted"),
        ({"worse": 0.2, "worse_enumerated": 0.2}, "refuted"),
    ],
)
def test_a_wrong_probability_of_eleven_voters_refutes_the_claim(shifts, expected):
    measured = {arm: np.array(numbers) for arm, numbers in independent_voters.measure(None)}
    for arm, shift in shifts.items():
        measured[arm, 11] = measured[arm, 11] + shift
    assert CLAIM.rule.judge(measured, 0.95).outcome == expected
