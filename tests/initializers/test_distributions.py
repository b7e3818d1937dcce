import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl import initializers

SHAPE = (200, 300)


@pytest.mark.parametrize(
    ("initializer", "value"),
    [
        (initializers.zeros, 0.0),
        (initializers.ones, 1.0),
        (lambda key, shape: initializers.constant(key, shape, value=-0.25), -0.25),
    ],
)
def test_constants_are_constant(initializer, value):
    assert (initializer(jax.random.key(0), (2, 3)) == value).all()


DISTRIBUTIONS = [
    (initializers.normal, {}, scipy.stats.norm(0, 0.01)),
    (initializers.normal, {"mean": 2.0, "stddev": 0.5}, scipy.stats.norm(2, 0.5)),
    (initializers.uniform, {}, scipy.stats.uniform(-0.05, 0.1)),
    (initializers.uniform, {"minval": 1.0, "maxval": 3.0}, scipy.stats.uniform(1, 2)),
    (initializers.truncated_normal, {}, scipy.stats.truncnorm(-2, 2, scale=0.01 / scipy.stats.truncnorm.std(-2, 2))),
    (
        initializers.truncated_normal,
        {"mean": 2.0, "stddev": 0.5},
        scipy.stats.truncnorm(-2, 2, 2, 0.5 / scipy.stats.truncnorm.std(-2, 2)),
    ),
]


@pytest.mark.parametrize(("initializer", "settings", "expected"), DISTRIBUTIONS)
def test_draws_follow_the_named_distribution(initializer, settings, expected):
    drawn = np.asarray(initializer(jax.random.key(0), SHAPE, **settings), np.float64).ravel()
    assert scipy.stats.kstest(drawn, expected.cdf).pvalue > 1e-3
    low, high = expected.support()
    assert low - 1e-6 <= drawn.min()
    assert drawn.max() <= high + 1e-6


@pytest.mark.parametrize(("initializer", "settings", "expected"), DISTRIBUTIONS)
def test_mean_and_variance_are_those_of_the_distribution(initializer, settings, expected):
    """The variance of n draws has the standard error sqrt((fourth moment − variance²) / n)."""
    drawn = np.asarray(initializer(jax.random.key(1), SHAPE, **settings), np.float64)
    variance, kurtosis = expected.var(), float(expected.stats("k"))
    assert drawn.mean() == pytest.approx(expected.mean(), abs=4 * np.sqrt(variance / drawn.size))
    assert drawn.var() == pytest.approx(variance, abs=4 * variance * np.sqrt((kurtosis + 2) / drawn.size))


def test_a_truncated_normal_has_the_given_stddev_and_ends_at_two_stddevs_of_the_normal():
    drawn = initializers.truncated_normal(jax.random.key(0), (1000, 1000), stddev=1.0)
    assert float(drawn.std()) == pytest.approx(1, abs=0.002)
    assert 2.2732 < float(jnp.abs(drawn).max()) <= 2 / 0.87962566


@pytest.mark.parametrize(
    ("initializer", "settings"),
    [
        (initializers.normal, {"stddev": -0.1}),
        (initializers.truncated_normal, {"stddev": -0.1}),
        (initializers.uniform, {"minval": 1.0, "maxval": 0.5}),
    ],
)
def test_a_setting_out_of_range_gives_nan(initializer, settings):
    for given in (settings, jax.tree.map(jnp.asarray, settings)):
        drawn = jax.jit(lambda given: initializer(jax.random.key(0), (3, 4), **given))(given)
        assert jnp.isnan(drawn).all()


@pytest.mark.parametrize(
    ("initializer", "settings"),
    [
        (initializers.normal, {"mean": 0.5, "stddev": 0.0}),
        (initializers.truncated_normal, {"mean": 0.5, "stddev": 0.0}),
        (initializers.uniform, {"minval": 0.5, "maxval": 0.5}),
    ],
)
def test_a_distribution_without_spread_gives_its_mean(initializer, settings):
    for given in (settings, jax.tree.map(jnp.asarray, settings)):
        assert (initializer(jax.random.key(0), (3, 4), **given) == 0.5).all()
