import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import initializers

SHAPE = (400, 300)


@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (initializers.he_normal, 2 / 400),
        (initializers.he_uniform, 2 / 400),
        (initializers.glorot_normal, 2 / 700),
        (initializers.glorot_uniform, 2 / 700),
    ],
)
def test_the_variance_is_the_published_one(initializer, variance):
    drawn = np.asarray(initializer(jax.random.key(0), SHAPE), np.float64)
    deviation_of_variance = variance * np.sqrt(2 / drawn.size)  # of a normal; a uniform one's is smaller
    assert drawn.var() == pytest.approx(variance, abs=5 * deviation_of_variance)
    assert drawn.mean() == pytest.approx(0, abs=5 * np.sqrt(variance / drawn.size))


def test_the_window_counts_in_the_fan():
    drawn = initializers.he_normal(jax.random.key(0), (3, 3, 50, 60))
    assert float(drawn.var()) == pytest.approx(2 / (9 * 50), rel=0.05)


@pytest.mark.parametrize(
    ("initializer", "limit"), [(initializers.he_uniform, 6 / 400), (initializers.glorot_uniform, 6 / 700)]
)
def test_the_limits_of_the_uniform_are_the_published_ones(initializer, limit):
    largest = float(jnp.abs(initializer(jax.random.key(0), SHAPE)).max())
    assert np.sqrt(limit) * 0.999 < largest <= np.sqrt(limit)


def test_zeros_are_zeros_of_the_dtype_that_was_asked_for():
    zeros = initializers.zeros(jax.random.key(0), (2, 3), jnp.bfloat16)
    assert zeros.dtype == jnp.bfloat16
    assert zeros.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_he_keeps_the_second_moment_through_relu_and_glorot_halves_it():
    ratios = {}
    for initializer in (initializers.he_normal, initializers.glorot_normal):
        signal = jax.random.normal(jax.random.key(1), (500, 256))
        before = (signal**2).mean()
        for layer in range(4):
            kernel = initializer(jax.random.key(layer), (256, 256))
            signal = F.relu(F.dense(signal, kernel, jnp.zeros(256)))
        ratios[initializer] = float(((signal**2).mean() / before) ** 0.25)
    assert ratios[initializers.he_normal] == pytest.approx(1, abs=0.1)
    assert ratios[initializers.glorot_normal] == pytest.approx(0.5, abs=0.05)
