"""The confidence interval of a median."""

import numpy as np
import pytest

from benchmarks.harness.intervals import coverage, median_interval


def test_the_interval_contains_the_median_with_the_probability_that_coverage_returns():
    assert median_interval(np.array([3.0, 1.0, 2.0, 5.0, 4.0])) == (3.0, 1.0, 5.0)
    assert [coverage(rounds) for rounds in (5, 6, 7)] == [0.9375, 0.96875, 0.984375]
    assert median_interval(np.arange(9.0)) == (4.0, 1.0, 7.0)
    samples = np.random.default_rng(0).lognormal(size=(4000, 9))
    intervals = [median_interval(values) for values in samples]
    frequency = np.mean([low <= 1 <= high for _, low, high in intervals])
    assert frequency == pytest.approx(coverage(9), abs=0.01)
