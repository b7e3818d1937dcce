"""Paired comparisons: differences seed by seed, on a scale, and the level that several tests share."""

import numpy as np
import pytest

from jaxdl.experiment import DIFFERENCE, MEDIAN, RATIO, Column, Greater
from jaxdl.experiment.paired import check_finite, compared, decided, differences_of, halved


def test_differences_are_paired_and_nan_where_both_failed():
    measured = {"a": np.array([1.0, np.inf, np.inf, 2.0]), "b": np.array([3.0, 1.0, np.inf, np.inf])}
    np.testing.assert_array_equal(
        differences_of(Greater("a", "b", 0.0, MEDIAN), measured), [-2, np.inf, np.nan, -np.inf]
    )
    logs = differences_of(Greater("a", 2.0, 1.0, MEDIAN, scale=RATIO), measured)
    np.testing.assert_allclose(logs[[0, 3]], [-np.log(2), 0.0])


def test_scales_name_what_is_compared():
    assert (DIFFERENCE.neutral, RATIO.neutral) == (0.0, 1.0)
    assert compared(Greater("a", "b", 1.0, MEDIAN, scale=RATIO), str) == "a / b"
    assert compared(Greater(Column("gain of {0}", ("a",), np.abs), 0.0, 1.0, MEDIAN), str.upper) == "gain of A"


def test_tests_share_the_significance_level_equally():
    assert halved(0.95) == pytest.approx(0.975)
    assert halved(0.95, 5) == pytest.approx(0.99)


def test_outcomes():
    outcomes = [decided(supported, refuted) for supported, refuted in ((True, False), (False, True), (False, False))]
    assert outcomes == ["supported", "refuted", "inconclusive"]


@pytest.mark.parametrize("value", ["0.02", None, True, np.nan, np.inf])
def test_what_is_no_finite_number_raises(value):
    with pytest.raises(TypeError, match="margin must be a finite number, got"):
        check_finite("margin", value)
