import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from jaxdl.training.batching import permutation


@pytest.mark.parametrize("size", [1, 2, 3, 64, 65, 1078])
def test_every_number_is_there_once(size):
    assert jnp.array_equal(jnp.sort(permutation(jax.random.key(0), size)), jnp.arange(size))


def drawn(size, times):
    return np.asarray(jax.jit(jax.vmap(lambda key: permutation(key, size)))(jax.random.split(jax.random.key(1), times)))


@pytest.mark.parametrize("size", [2, 3, 5])
def test_every_permutation_is_as_probable_as_any_other(size):
    orders = drawn(size, 60_000)
    counts = np.unique(orders @ size ** np.arange(size), return_counts=True)[1]
    assert len(counts) == math.factorial(size)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_every_number_is_at_every_place_and_beside_every_other_as_often():
    size = 37
    orders = drawn(size, 20_000)
    places = np.stack([np.bincount(column, minlength=size) for column in orders.T])
    assert stats.chisquare(places, axis=None, ddof=2 * size - 2).pvalue > 1e-3
    beside = np.bincount(((orders[:, 1:] - orders[:, :-1]) % size).ravel(), minlength=size)[1:]
    assert stats.chisquare(beside).pvalue > 1e-3
    assert stats.chisquare((orders[:, 0] < orders[:, -1]).sum() * np.array([1, -1]) + [0, 20_000]).pvalue > 1e-3


def test_another_key_draws_another_order():
    first, second = (permutation(jax.random.key(seed), 100) for seed in (0, 1))
    assert (first == second).mean() < 0.1
