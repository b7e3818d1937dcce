"""Training until a test accuracy is reached."""

import pytest

from benchmarks.to_accuracy.goals import GOALS, train_until_reached


def test_training_stops_once_the_accuracy_is_reached():
    goal = GOALS["97"]
    assert train_until_reached(goal, iter([0.9, 0.971, 0.98])) == (0.971, 2)
    with pytest.raises(RuntimeError, match=r"accuracy must reach 0.97, got \[0.5"):
        train_until_reached(goal, iter([0.5] * 100))


def test_the_learning_rate_falls_from_the_peak_to_a_fiftieth():
    goal = GOALS["97"]
    assert goal.learning_rate(0, 10) == goal.peak
    assert goal.learning_rate(10**6, 10) == pytest.approx(0.02 * goal.peak)
