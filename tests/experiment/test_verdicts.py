"""Rules decide as they say: by a falsifier, or by an interval and a margin."""

import numpy as np
import pytest
import scipy.stats

from jaxdl.experiment import RATIO, Every, EverySeed, Exact, More, Regimes, Same, told
from jaxdl.statistics import mean_interval, sign_flip_interval

SEEDS = 20
SPREAD = np.linspace(-1, 1, SEEDS)  # of mean 0 and standard deviation 0.62


def apart(by, spread=0.0):
    """Two arms whose differences are so large on average, and differ by so much."""
    other = np.arange(SEEDS, dtype=float)
    return {"high": other + by + spread * SPREAD, "low": other}


def judged(rule, by, spread=0.0, confidence=0.95):
    return rule.judge(apart(by, spread), confidence).verdict


HALF = scipy.stats.t.ppf(0.975, SEEDS - 1) * SPREAD.std(ddof=1) / SEEDS**0.5  # of the 95 % interval of SPREAD


@pytest.mark.parametrize(
    ("by", "verdict"),
    [
        (2.0, "supported"),
        (1.0, "supported"),
        (0.75, "supported"),  # reaches the margin
        (0.65, "refuted"),  # there is a difference, and it does not matter
        (0.3, "refuted"),
        (0.0, "refuted"),
        (-2.0, "refuted"),
    ],
)
def test_more_is_supported_above_zero_where_the_margin_is_reached(by, verdict):
    assert judged(More("high", "low", 1.0, 1.0), by, spread=1.0) == verdict


def test_more_is_inconclusive_where_zero_and_the_margin_are_both_possible():
    assert judged(More("high", "low", 1.0, 1.0), 0.5, spread=4.0) == "inconclusive"
    assert judged(More("high", "low", 0.2, 1.0), 0.1, spread=1.0) == "inconclusive"


@pytest.mark.parametrize(
    ("by", "spread", "verdict"),
    [
        (0.0, 1.0, "supported"),
        (0.6, 1.0, "supported"),  # there is a difference, and it does not matter
        (0.75, 1.0, "refuted"),
        (-0.75, 1.0, "refuted"),
        (2.0, 1.0, "refuted"),
        (0.0, 4.0, "inconclusive"),
        (0.9, 4.0, "inconclusive"),
    ],
)
def test_same_is_supported_within_the_margin_on_both_sides(by, spread, verdict):
    assert judged(Same("high", "low", 1.0, 1.0), by, spread) == verdict


def test_same_claims_what_more_refutes_on_either_side_and_the_other_way_round():
    for by in np.linspace(-2, 2, 41):
        for spread in (0.5, 2.0, 4.0):
            same = judged(Same("high", "low", 1.0, 1.0), by, spread)
            up = judged(More("high", "low", 1.0, 1.0), by, spread)
            down = judged(More("low", "high", 1.0, 1.0), by, spread)
            assert (same == "refuted") == ("supported" in (up, down))
            assert (same == "supported") == (up == down == "refuted")


def test_the_interval_is_students_of_the_paired_differences():
    (found,) = More("high", "low", 1.0, 1.0).judge(apart(0.75, 1.0), 0.95).comparisons
    assert (found.low, found.high) == pytest.approx((0.75 - HALF, 0.75 + HALF), rel=1e-9)
    assert found.effect_size == pytest.approx(0.75 / SPREAD.std(ddof=1))
    assert (found.confidence, found.margin, found.needed) == (0.95, 1.0, None)
    wider = More("high", "low", 1.0, 1.0).judge(apart(0.75, 1.0), 0.999).comparisons[0]
    assert wider.low < found.low < found.high < wider.high


def test_a_ratio_is_compared_by_logarithms():
    base = np.exp(SPREAD)
    measured = {"high": 3 * base * np.exp(0.1 * SPREAD), "low": base}
    judgement = More("high", "low", 2.0, 1.0, scale=RATIO).judge(measured, 0.95)
    (found,) = judgement.comparisons
    assert judgement.verdict == "supported"
    assert found.estimate == pytest.approx(3)
    assert found.low == pytest.approx(3 * np.exp(-0.1 * HALF), rel=1e-3)
    assert told(found, str) == "high / low: 3, 95 % interval 2.91 to 3.09, margin 2."
    assert Same("high", "low", 4.0, 1.0, scale=RATIO).judge(measured, 0.95).verdict == "supported"
    assert More("low", "high", 2.0, 1.0, scale=RATIO).judge(measured, 0.95).verdict == "refuted"


def test_an_arm_is_compared_with_a_number():
    measured = {"share": 0.7 + 0.01 * SPREAD}
    assert More("share", 0.5, 0.1, 0.1).judge(measured, 0.99).verdict == "supported"
    assert More("share", 0.9, 0.1, 0.1).judge(measured, 0.99).verdict == "refuted"
    assert More(0.9, "share", 0.1, 0.1).judge(measured, 0.99).verdict == "supported"


def test_the_interval_may_be_that_of_the_sign_flip_test():
    found = {}
    for interval in (mean_interval, sign_flip_interval):
        rule = More("high", "low", 1.0, 1.0, interval=interval)
        found[interval] = rule.judge(apart(0.75, 1.0), 0.95).comparisons[0].low
    assert found[sign_flip_interval] == pytest.approx(sign_flip_interval(0.75 + SPREAD).low)
    assert found[sign_flip_interval] != pytest.approx(found[mean_interval])


def test_an_undecided_test_says_how_many_seeds_would_decide():
    (found,) = More("high", "low", 0.2, 1.0).judge(apart(0.1, 1.0), 0.95).comparisons
    assert found.needed > SEEDS
    assert f"; {found.needed:,} seeds would decide." in told(found, str)
    rng = np.random.default_rng(0)
    decided = 0
    for _ in range(200):
        differences = rng.normal(0.1, SPREAD.std(ddof=1), found.needed)
        verdict = More("d", 0.0, 0.2, 1.0).judge({"d": differences}, 0.95).verdict
        decided += verdict != "inconclusive"
    assert decided > 160


def test_what_is_not_finite_decides_nothing():
    broken = apart(5.0, 1.0)
    broken["high"][3], broken["low"][3] = np.inf, np.inf
    for rule in (More("high", "low", 1.0, 1.0), Same("high", "low", 1.0, 1.0)):
        judgement = rule.judge(broken, 0.95)
        assert judgement.verdict == "inconclusive"
        assert told(judgement.comparisons[0], str) == "high − low: not finite for some seeds, which decides nothing."


def exact(holds, sees=True):
    return Exact("it holds", lambda measured: holds, lambda measured: "Found.", lambda measured: sees, "it is seen")


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (exact(True), "supported"),
        (exact(np.array([True, False])), "refuted"),
        (exact([np.array([True]), np.array([True])]), "supported"),
        (exact(True, sees=False), "inconclusive"),
        (exact(False, sees=np.array([True, False])), "inconclusive"),
        (exact(np.array([np.nan]) <= 1), "refuted"),
        (EverySeed("it holds", lambda measured: np.array([True, True]), str), "supported"),
        (EverySeed("it holds", lambda measured: np.array([False, False]), str), "refuted"),
        (EverySeed("it holds", lambda measured: np.array([True, False]), str), "conditional"),
    ],
)
def test_an_exact_claim_is_refuted_by_one_seed(rule, verdict):
    assert rule.judge({}, 0.95).verdict == verdict
    assert rule.tests == 0


def test_a_control_that_fails_is_told():
    assert exact(True, sees=False).judge({}, 0.95).finding == "Found. The control fails: it is not so that it is seen."


TRUE, FALSE = More("high", "low", 1.0, 1.0), More("low", "high", 1.0, 1.0)
OPEN = More("noise", 0.0, 1.0, 1.0)


@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        (Every((TRUE, TRUE)), "supported"),
        (Every((TRUE, FALSE, OPEN)), "refuted"),
        (Every((TRUE, OPEN)), "inconclusive"),
        (Regimes({"a": TRUE, "b": TRUE}), "supported"),
        (Regimes({"a": FALSE, "b": FALSE}), "refuted"),
        (Regimes({"a": TRUE, "b": FALSE}), "conditional"),
        (Regimes({"a": TRUE, "b": FALSE, "c": OPEN}), "conditional"),
        (Regimes({"a": TRUE, "b": OPEN}), "inconclusive"),
        (Regimes({"a": FALSE, "b": OPEN}), "inconclusive"),
        (Regimes({"a": exact(True), "b": exact(False)}), "conditional"),
    ],
)
def test_parts_and_regimes_make_one_verdict(rule, verdict):
    measured = {**apart(5.0, 1.0), "noise": 0.5 + 5 * SPREAD}
    judgement = rule.judge(measured, 0.95)
    assert judgement.verdict == verdict
    assert len(judgement.comparisons) == rule.tests


@pytest.mark.parametrize(
    "rule", [exact(True), exact(False), EverySeed("it holds", lambda measured: [True], lambda _: "So.")]
)
def test_a_number_that_is_none_decides_no_exact_claim(rule):
    judgement = rule.judge({"a": np.ones(3), "b": np.array([1.0, np.nan, 1.0])}, 0.95)
    assert judgement.verdict == "inconclusive"
    assert judgement.finding.endswith("Some of what was measured is NaN, which decides nothing.")


@pytest.mark.parametrize(
    "rule", [More("high", "low", 0.0, 1.0), Same("high", "low", -1.0, 1.0), More("high", "low", 0.5, 1.0, scale=RATIO)]
)
def test_a_margin_that_is_none_is_refused(rule):
    with pytest.raises(
        ValueError, match=r"margin must be more than no (difference, 0|ratio of geometric means, 1), but was"
    ):
        rule.judge(apart(1.0, 1.0), 0.95)


def test_rules_say_what_they_do():
    assert TRUE.told(str) == (
        "supported if the interval of the difference of high and low lies above 0 and reaches 1, refuted if it stays "
        "below 1, else inconclusive"
    )
    assert "between 0.5 and 2, refuted if it lies on one side of 1" in Same("a", "b", 2.0, 1.0, scale=RATIO).told(str)
    assert exact(True).told(str) == "supported if it holds, else refuted; inconclusive unless it is seen"
    assert Regimes({"a": exact(True)}).told(str).startswith("a: supported if it holds")
    assert Regimes({"a": exact(True)}).told(str).endswith("conditional if supported in one and refuted in another")
    assert "; and " in Every((TRUE, FALSE)).told(str)
    assert Every((TRUE, FALSE)).told(str).endswith("together supported if every part is, refuted if one is")
    assert "conditional" in EverySeed("it holds", str, str).told(str)
