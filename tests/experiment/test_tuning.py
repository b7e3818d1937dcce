"""Tuning finds the best settings of each seed on a grid that it refines, and refuses the edge of a range."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.experiment import Knob, tuned

KEYS = jax.random.split(jax.random.key(0), 3)


def test_each_seed_finds_its_own_minimum_within_the_refined_step():
    """The minimum of each seed is drawn from the key that the seed tunes with."""

    def score(key, settings):
        best = jax.random.uniform(jax.random.key(jax.random.key_data(key).sum()), minval=0.2, maxval=0.8)
        return (settings["x"] - best) ** 2

    found = tuned(score, KEYS, {"x": Knob(0.0, 1.0, points=11, logarithmic=False)}, rounds=3)["x"]
    assert len({*np.asarray(found).tolist()}) == 3
    again = tuned(score, KEYS, {"x": Knob(0.0, 1.0, points=101, logarithmic=False)}, rounds=2)["x"]
    np.testing.assert_allclose(found, again, atol=0.01)


def test_several_knobs_are_tried_in_all_combinations():
    def score(target, key, settings):
        return -((jnp.log10(settings["rate"]) - target) ** 2) - (settings["decay"] - 0.5) ** 2

    knobs = {"rate": Knob(1e-4, 1.0, points=5), "decay": Knob(0.0, 1.0, points=3, logarithmic=False)}
    found = tuned(score, KEYS, knobs, shared=(jnp.float32(-2.0),), larger_is_better=True, networks=2)
    np.testing.assert_allclose(found["rate"], [1e-2] * 3, rtol=1e-5)
    np.testing.assert_allclose(found["decay"], [0.5] * 3)


def test_a_score_that_is_not_finite_is_the_worst():
    score = lambda key, settings: jnp.where(settings["x"] > 0.6, jnp.nan, -settings["x"])
    found = tuned(score, KEYS[:1], {"x": Knob(0.0, 1.0, points=11, logarithmic=False)}, rounds=1)["x"]
    np.testing.assert_allclose(found, [0.6], rtol=1e-6)


def test_an_edge_is_refused_unless_it_is_a_natural_limit():
    score = lambda key, settings: settings["x"]
    knob = Knob(0.0, 1.0, points=3, logarithmic=False)
    with pytest.raises(
        ValueError, match="the best x is the lowest that was tried, 0, for 3 of 3 seeds: widen its range"
    ):
        tuned(score, KEYS, {"x": knob})
    np.testing.assert_allclose(tuned(score, KEYS, {"x": knob._replace(low_is_limit=True)})["x"], [0.0] * 3, atol=1e-6)
    with pytest.raises(ValueError, match="the best x is the highest"):
        tuned(score, KEYS, {"x": Knob(1e-3, 1.0, points=3)}, larger_is_better=True)


def test_no_finite_score_raises():
    with pytest.raises(ValueError, match="score must be finite for some setting of every seed"):
        tuned(lambda key, settings: jnp.nan * settings["x"], KEYS, {"x": Knob(0.1, 1.0)})
    with pytest.raises(ValueError, match="rounds must be an integer of at least 1, got 0"):
        tuned(lambda key, settings: settings["x"], KEYS, {"x": Knob(0.1, 1.0)}, rounds=0)


@pytest.mark.parametrize(
    "knobs",
    [{}, {"x": 0.1}, Knob(0.1, 1.0), {"x": Knob(1.0, 0.1)}, {"x": Knob(0.0, 1.0)}, {"x": Knob(0.1, float("inf"))}],
)
def test_wrong_knobs_raise(unchecked, knobs):
    with pytest.raises((TypeError, ValueError), match="knob"):
        unchecked(tuned)(lambda key, settings: 0.0, KEYS, knobs)
