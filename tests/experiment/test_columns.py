"""Columns are computed from arms, seed by seed."""

import numpy as np
import pytest

from jaxdl.experiment import MEDIAN, Column, Greater, contrast, spread
from jaxdl.experiment.columns import arms_in, label_of, numbers_of

RANDOM = np.random.default_rng(0)
MEASURED = {name: RANDOM.normal(size=12) for name in "abcd"} | {("a", at): RANDOM.normal(size=12) for at in (1, 2, 3)}


def test_a_contrast_is_the_effect_beyond_that_of_the_placebo():
    a, b, c, d = (MEASURED[name] for name in "abcd")
    np.testing.assert_allclose(contrast("a", "b", "c", "d").numbers(MEASURED), (a - b) - (c - d))
    assert label_of(contrast("a", "b", "c", "d"), str.upper) == "(A − B) − (C − D)"


def test_the_spread_is_the_standard_deviation_of_each_seed():
    rows = np.array([MEASURED["a", at] for at in (1, 2, 3)])
    np.testing.assert_allclose(spread("a", (1, 2, 3)).numbers(MEASURED), [np.std(row, ddof=1) for row in rows.T])
    with pytest.raises(ValueError, match="replicates must be at least two, got 1"):
        spread("a", (1,))


def test_columns_may_be_nested_and_stand_in_rules():
    slope = Column("slope", (("a", 1), ("a", 3)), lambda first, last: (last - first) / 2)
    both = Column("slope of a over {1}", (slope, "b"), lambda slope, b: slope / b)
    assert arms_in(both) == [("a", 1), ("a", 3), "b"]
    np.testing.assert_allclose(
        both.numbers(MEASURED), (MEASURED["a", 3] - MEASURED["a", 1]) / 2 / MEASURED["b"], rtol=1e-12
    )
    rule = Greater(both, 0.0, 100.0, MEDIAN)
    assert rule.judge(MEASURED, 0.9).outcome == "refuted"
    assert "median of slope of a over b lies above 100" in rule.describe(str)


def test_wrong_columns_raise():
    with pytest.raises(
        ValueError, match=r"column 'best' must have one number for each seed, of the shape \(12,\), got"
    ):
        Column("best", ("a", "b"), lambda a, b: np.minimum(a, b).min()).numbers(MEASURED)
    with pytest.raises(ValueError, match="unknown arm 'e'"):
        numbers_of("e", MEASURED)
