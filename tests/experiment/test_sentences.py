"""Comparisons and powers as sentences."""

import numpy as np
import pytest

from jaxdl.experiment import MEDIAN, AtLeast, Greater, describe_comparison
from jaxdl.experiment.sentences import describe_power

ARM = np.linspace(0.5, 0.7, 21)


def sentence(rule, measured):
    return describe_comparison(rule.judge(measured, 0.9).comparisons[0], str)


def test_a_significant_difference_may_be_too_small():
    assert sentence(Greater("a", 0.0, 1.0, MEDIAN), {"a": ARM}) == (
        "a: median 0.6, 90 % interval 0.56 to 0.64, threshold 1. The difference is significant, but smaller than what "
        "matters."
    )
    assert "significant" not in sentence(Greater("a", 0.0, 1.0, MEDIAN), {"a": ARM - 0.6})
    assert "significant" not in sentence(AtLeast("a", 1.0, MEDIAN), {"a": ARM})


def test_failures_are_counted_and_infinite_limits_are_shown():
    failed = np.where(np.arange(21) < 18, -np.inf, ARM)
    assert sentence(AtLeast("a", 0.5, MEDIAN), {"a": failed}).startswith("a: median −∞, 90 % interval −∞ to −∞, thresh")
    assert sentence(AtLeast("a", 0.5, MEDIAN), {"a": failed}).endswith("For 18 seeds a run failed.")


def test_the_power_is_stated_also_where_it_falls_short():
    assert describe_power(None, 16) == "No power was planned"
    assert describe_power(0.99, 16) == "With 16 seeds, the power at the stated effect is 99.0%"
    assert describe_power(0.8, 16).endswith("is 80.0%, less than the planned 97.5%")


def test_a_verdict_in_place_of_its_comparison_raises(unchecked):
    with pytest.raises(
        TypeError, match="comparison must be a Comparison, got Verdict: pass one of verdict.comparisons"
    ):
        unchecked(describe_comparison)(AtLeast("a", 0.5, MEDIAN).judge({"a": ARM}, 0.9), str)
