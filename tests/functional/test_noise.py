import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F
from tests.functional.compiled import run


def test_dropout_scales_the_kept_elements_so_that_the_mean_stays():
    y = run(F.dropout, jax.random.key(0), np.ones(100_000), rate=0.2)
    assert set(np.unique(y).tolist()) == {0.0, 1.25}
    assert float((y == 0).mean()) == pytest.approx(0.2, abs=0.005)  # four standard deviations
    assert float(y.mean()) == pytest.approx(1.0, abs=0.0065)


def test_different_keys_draw_different_masks():
    x = jnp.ones(64)
    assert not np.array_equal(run(F.dropout, jax.random.key(0), x), run(F.dropout, jax.random.key(1), x))


def test_the_gradient_of_dropout_uses_the_same_mask():
    key, x = jax.random.key(0), jnp.ones(64)
    y = run(F.dropout, key, x, rate=0.3)
    (x_bar,) = run(F.dropout_vjp, np.ones(64), jax.random.clone(key), x, rate=0.3)
    assert np.array_equal(x_bar, y)


def test_rate_zero_is_the_identity():
    x = np.arange(5.0)
    assert np.array_equal(run(F.dropout, jax.random.key(0), x, rate=0.0), x)


def five_elements_with(rate):
    return F.dropout(jax.random.key(0), jnp.ones(5), rate=rate)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, jnp.nan])
def test_an_invalid_rate_gives_nan(rate):
    assert np.isnan(run(F.dropout, jax.random.key(0), np.ones(5), rate=rate)).all()
    assert np.isnan(run(five_elements_with, rate)).all()


def test_a_traced_rate_gives_the_same_mask():
    x = jnp.ones(64)
    mapped = jax.jit(jax.vmap(lambda rate: F.dropout(jax.random.key(0), x, rate=rate)))(jnp.array([0.2, 0.5]))
    assert np.array_equal(mapped[0], run(F.dropout, jax.random.key(0), x, rate=0.2))


def test_the_mask_is_the_same_in_every_precision(double):
    key, x = jax.random.key(0), jnp.ones(64)
    single = run(F.dropout, key, x.astype(jnp.float32))
    assert np.array_equal(single == 0, run(F.dropout, jax.random.clone(key), x) == 0)


def test_gaussian_noise_is_normal_with_the_given_standard_deviation():
    noise = np.asarray(run(F.gaussian_noise, jax.random.key(0), np.full(100_000, 3.0), std=0.5)) - 3
    assert noise.mean() == pytest.approx(0.0, abs=0.0064)  # four standard errors, here and below
    assert noise.std() == pytest.approx(0.5, abs=0.0045)
    assert scipy.stats.kstest(noise / 0.5, scipy.stats.norm.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.0127


def test_the_noise_depends_only_on_the_key():
    x = jnp.zeros((8, 8))
    first = run(F.gaussian_noise, jax.random.key(0), x)
    assert np.array_equal(first, run(F.gaussian_noise, jax.random.key(0), x))
    assert not (first == run(F.gaussian_noise, jax.random.key(1), x)).any()
    assert len(np.unique(first)) == 64  # the elements have different noise


def test_the_noise_is_proportional_to_std_and_independent_of_the_input(random):
    x = jnp.asarray(random.normal(size=50), jnp.float32)
    noise = run(F.gaussian_noise, jax.random.key(0), np.zeros(50), std=1.0)
    np.testing.assert_allclose(run(F.gaussian_noise, jax.random.key(0), x, std=0.25), x + noise / 4, rtol=1e-6)


def test_the_gradient_of_gaussian_noise_is_the_cotangent():
    g = np.arange(5.0)
    (x_bar,) = run(F.gaussian_noise_vjp, g, jax.random.key(0), np.ones(5), std=3.0)
    assert np.array_equal(x_bar, g)


def test_std_zero_is_the_identity():
    x = np.arange(5.0)
    assert np.array_equal(run(F.gaussian_noise, jax.random.key(0), x, std=0.0), x)


@pytest.mark.parametrize("std", [-0.1, jnp.nan, jnp.inf])
def test_an_invalid_std_gives_nan_in_value_and_gradient(std):
    y, pull = jax.vjp(jax.jit(lambda x: F.gaussian_noise(jax.random.key(0), x, std=std)), jnp.ones(5))
    assert np.isnan(y).all()
    assert np.isnan(pull(jnp.ones(5))[0]).all()


def test_a_traced_std_gives_the_same_noise(double):
    x = jnp.ones(64)
    mapped = jax.jit(jax.vmap(lambda sigma: F.gaussian_noise(jax.random.key(0), x, std=sigma)))(
        jnp.float32([0.25, 0.5])
    )
    assert mapped.dtype == x.dtype
    assert np.array_equal(mapped[0], run(F.gaussian_noise, jax.random.key(0), x, std=0.25))


def test_the_noise_is_the_same_in_every_precision(double):
    key, x = jax.random.key(0), jnp.zeros(64)
    single = run(F.gaussian_noise, key, x.astype(jnp.float32), std=1.0)
    assert single.dtype == jnp.float32
    assert np.array_equal(single.astype(jnp.float64), run(F.gaussian_noise, jax.random.clone(key), x, std=1.0))


def test_noise_on_the_inputs_of_linear_regression_adds_a_ridge_penalty(random):
    x, y, w = random.normal(size=(5, 3)), random.normal(size=5), random.normal(size=3)
    keys = jax.random.split(jax.random.key(0), 40_000)
    noisy = jax.jit(jax.vmap(lambda key: F.gaussian_noise(key, jnp.asarray(x, jnp.float32), std=0.7)))(keys)
    losses = ((y - np.asarray(noisy, np.float64) @ w) ** 2).sum(axis=1)
    ridge = 5 * 0.7**2 * (w**2).sum()
    error = 4 * losses.std() / np.sqrt(len(losses))
    assert error < ridge / 10
    assert losses.mean() == pytest.approx(((y - x @ w) ** 2).sum() + ridge, abs=error)


def test_dropout_of_images_draws_every_pixel_of_every_example_separately():
    y = run(F.dropout, jax.random.key(0), np.ones((4, 6, 5, 3)))
    for axis in range(4):
        assert not np.array_equal(y.take(0, axis), y.take(1, axis))


def test_the_masks_of_different_places_and_keys_are_independent():
    keys = jax.random.split(jax.random.key(3), 500)
    dropped = np.asarray(jax.jit(jax.vmap(lambda key: F.dropout(key, jnp.ones((20, 40)), rate=0.3)))(keys) == 0)
    assert scipy.stats.kstest(scipy.stats.binom(800, 0.3).cdf(dropped.sum((1, 2))), "uniform").statistic < 0.1
    expected = len(dropped) * 800 * np.outer([0.7, 0.3], [0.7, 0.3]).ravel()
    for shift, axis in [(1, 0), (1, 1), (1, 2), (2, 2), (7, 2)]:
        pairs = 2 * dropped + np.roll(dropped, shift, axis)
        assert scipy.stats.chisquare(np.bincount(pairs.ravel(), minlength=4), expected, ddof=1).pvalue > 1e-3
    by_place = dropped.sum(0).ravel()
    assert scipy.stats.chisquare(by_place, np.full(800, by_place.mean())).pvalue > 1e-3


def test_dropout_on_the_inputs_of_linear_regression_adds_a_ridge_penalty_on_average(random):
    """Inverted dropout: E‖y − (x∘m/q)w‖² = ‖y − xw‖² + (r/q) Σ_j ‖x_j‖² w_j², for a rate r and q = 1 − r."""
    x, y, w = (jnp.asarray(random.normal(size=s), jnp.float32) for s in [(20, 4), 20, 4])
    rate = 0.3
    keys = jax.random.split(jax.random.key(0), 20_000)
    losses = jax.jit(jax.vmap(lambda key: ((y - F.dropout(key, x, rate=rate) @ w) ** 2).sum()))(keys)
    expected = ((y - x @ w) ** 2).sum() + rate / (1 - rate) * ((x**2).sum(axis=0) * w**2).sum()
    assert abs(losses.mean() - expected) < 5 * losses.std() / len(keys) ** 0.5
    assert losses.std() / len(keys) ** 0.5 < 0.01 * expected
