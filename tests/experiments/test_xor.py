"""The rules on XOR, and the linear program that decides separability."""

import numpy as np
import pytest

from experiments import xor
from jaxdl import data


@pytest.mark.parametrize(
    ("linear", "mlp", "expected"),
    [
        (np.full(64, 0.75), np.full(64, 1.0), ["supported", "supported"]),
        (np.full(64, 0.75), np.full(64, 0.75), ["supported", "refuted"]),
        (np.full(64, 0.5), np.repeat([1.0, 0.75], 32), ["supported", "conditional"]),
        (np.full(64, 1.0), np.full(64, 1.0), ["refuted", "supported"]),
        (np.array([0.5] * 63 + [1.0]), np.ones(64), ["refuted", "supported"]),
    ],
)
def test_the_outcomes_follow_the_accuracies(linear, mlp, expected):
    verdicts = [claim.rule.judge({"linear": linear, "mlp": mlp}, 0.95) for claim in xor.experiment.claims]
    assert [verdict.outcome for verdict in verdicts] == expected


def test_the_linear_program_knows_which_boolean_functions_are_separable():
    """A line separates 14 of the 16 functions of two inputs: all but XOR and its negation."""
    corners = data.xor().inputs
    separable = [
        number for number in range(16) if xor.separable(corners, [(number >> place) & 1 for place in range(4)])
    ]
    assert sorted(set(range(16)) - set(separable)) == [0b0110, 0b1001]
