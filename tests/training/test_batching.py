import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxdl.functional as F
from jaxdl import models, optimizers
from jaxdl.training import Task
from jaxdl.training.batching import INIT, NOISE, ORDER, batches, permutation, shard_batch, stream_key
from jaxdl.training.layout import Layout, mesh_of

MODEL = models.mlp((), 2)
TASK = Task(MODEL, F.cross_entropy, optimizers.sgd(0.1), batch_size=6)
draw = jax.jit(permutation, static_argnums=1)


@pytest.mark.parametrize("size", [1, 64, 65, 1078])
def test_a_permutation_contains_every_number_once(size):
    assert jnp.array_equal(jnp.sort(draw(jax.random.key(0), size)), jnp.arange(size))


def permutations(size, times):
    keys = jax.random.split(jax.random.key(1), times)
    return np.asarray(jax.jit(jax.vmap(lambda key: permutation(key, size)))(keys))


@pytest.mark.parametrize("size", [2, 5])
def test_all_permutations_are_equally_probable(size):
    orders = permutations(size, 60_000)
    counts = np.unique(orders @ size ** np.arange(size), return_counts=True)[1]
    assert len(counts) == math.factorial(size)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_positions_and_neighbors_of_a_number_are_uniformly_distributed():
    size = 37
    orders = permutations(size, 20_000)
    positions = np.stack([np.bincount(column, minlength=size) for column in orders.T])
    assert stats.chisquare(positions, axis=None, ddof=2 * size - 2).pvalue > 1e-3
    differences = np.bincount(((orders[:, 1:] - orders[:, :-1]) % size).ravel(), minlength=size)[1:]
    assert stats.chisquare(differences).pvalue > 1e-3
    assert stats.chisquare((orders[:, 0] < orders[:, -1]).sum() * np.array([1, -1]) + [0, 20_000]).pvalue > 1e-3


def test_different_keys_give_different_permutations():
    first, second = (draw(jax.random.key(seed), 100) for seed in (0, 1))
    assert (first == second).mean() < 0.1


def test_the_three_streams_of_randomness_are_distinct():
    assert len({INIT, ORDER, NOISE}) == 3
    words = {tuple(jax.random.key_data(stream_key(jax.random.key(0), s, n)).tolist()) for s in range(3) for n in (0, 1)}
    assert len(words) == 6


def test_the_batches_of_an_epoch_are_the_beginning_of_its_permutation():
    rows = batches(TASK, 20, jax.random.key(0), jnp.int32(3))
    order = permutation(jax.random.fold_in(jax.random.fold_in(jax.random.key(0), ORDER), 3), 20)
    np.testing.assert_array_equal(rows, order[:18].reshape(3, 6))


def test_a_batch_is_divided_among_the_devices_of_the_batch_axis():
    rows = jnp.arange(6)
    assert shard_batch(rows) is rows  # outside of a mesh
    for layout, spec in [(Layout(by_batch=2), jax.P("batch")), (Layout(by_member=2), jax.P())]:
        with jax.set_mesh(mesh_of(layout)):
            found = jax.jit(shard_batch)(rows)
        assert found.sharding.spec == spec
        assert found.tolist() == [0, 1, 2, 3, 4, 5]
