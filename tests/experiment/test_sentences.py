"""Comparisons and powers as sentences."""

import numpy as np
import pytest

from jaxdl.experiment import (
    MEDIAN,
    RATIO,
    AllOf,
    AtLeast,
    Equivalent,
    Greater,
    Mean,
    PerRegime,
    describe_comparison,
)
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


def test_the_power_is_stated_with_its_effects_also_where_it_falls_short():
    planned = Greater("a", "b", 0.1, MEDIAN, effect=0.25, expected_sd=0.1)
    equal = Equivalent("a", "b", 0.1, Mean(0.2), expected_sd=0.1)
    assert describe_power(planned, None, 16) == "No power was planned"
    assert describe_power(planned, 0.99, 16) == "With 16 seeds, the power at a true effect of 0.25 is 99.0 %"
    assert describe_power(AllOf((planned, equal)), 0.99999, 16).endswith("at true effects of 0.25, 0 is above 99.9 %")
    assert describe_power(planned, 0.8, 16).endswith("is 80.0 %, less than the planned 97.5 %")


def test_two_sided_thresholds_regimes_and_rounding_errors_are_shown():
    equal = Equivalent("a", 0.6, 0.2, Mean(0.2))
    assert "threshold ±0.2." in sentence(equal, {"a": ARM})
    ratio = Equivalent("a", 0.6, 2.0, Mean(0.2), scale=RATIO)
    assert "threshold 0.5 and 2." in sentence(ratio, {"a": ARM})
    regimes = PerRegime({"small": Greater("a", 0.6, 0.2, MEDIAN)})
    assert sentence(regimes, {"a": ARM}).startswith("small: a − 0.6: median 0, 90 % interval −0.04 to 0.04, threshold")


def test_an_open_question_says_how_many_seeds_are_needed_or_that_no_number_is():
    even = {"a": np.array([-1.0, 1.0] * 10)}
    assert sentence(Greater("a", 0.0, 0.0, MEDIAN), even).endswith("Deciding needs more than 100,000 seeds.")


def test_a_verdict_in_place_of_its_comparison_raises(unchecked):
    with pytest.raises(
        TypeError, match="comparison must be a Comparison, got Verdict: pass one of verdict.comparisons"
    ):
        unchecked(describe_comparison)(AtLeast("a", 0.5, MEDIAN).judge({"a": ARM}, 0.9), str)
