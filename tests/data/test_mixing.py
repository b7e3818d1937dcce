import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

import jaxdl.functional as F
from jaxdl import data
from jaxdl.data.mixing import chained, label_noise, mixup, mixup_targets


@pytest.fixture
def batch(random):
    inputs, labels = random.normal(size=(6, 2)), random.integers(0, 3, 6)
    return data.from_arrays(inputs, labels, weights=[1, 2, 0, 0, 1, 0.5])


def share_of(mixed, batch):
    """Return the share of an example in its mixture, computed from the inputs."""
    inputs, mixed_inputs = np.asarray(batch.inputs), np.asarray(mixed.inputs)
    other = np.roll(inputs, 1, axis=0)
    return float(((mixed_inputs - other) / (inputs - other)).mean())


def test_the_weighted_loss_of_a_mixture_is_the_mixture_of_the_weighted_losses(batch, random):
    @jax.jit
    def mixed_with_losses(key, batch, logits):
        mixed = mixup(key, batch, alpha=1.0, classes=3)
        own = batch.weights * F.cross_entropy(logits, batch.labels)
        other = jnp.roll(batch.weights, 1) * F.cross_entropy(logits, jnp.roll(batch.labels, 1))
        return mixed, own, other, mixed.weights * F.soft_cross_entropy(logits, mixed.labels)

    logits = random.normal(size=(6, 3))
    mixed, own, other, of_mixture = jax.device_get(mixed_with_losses(jax.random.key(0), batch, logits))
    share = share_of(mixed, batch)
    assert 0.05 < share < 0.95
    np.testing.assert_allclose(of_mixture, share * own + (1 - share) * other, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mixed.labels.sum(axis=1), [1, 1, 1, 0, 1, 1], atol=1e-6)  # the weight of the fourth is 0


def test_targets_are_mixed_like_their_inputs(random):
    inputs = random.normal(size=(8, 3))
    whole = data.from_arrays(inputs, inputs @ [[1.0], [-2.0], [0.5]])
    mixed = jax.device_get(jax.jit(functools.partial(mixup_targets, alpha=0.7))(jax.random.key(1), whole))
    np.testing.assert_allclose(mixed.inputs @ [[1.0], [-2.0], [0.5]], mixed.labels, atol=1e-5)
    assert not np.allclose(mixed.inputs, whole.inputs)


@pytest.mark.parametrize("alpha", [0.3, 2.0])
def test_shares_follow_the_beta_distribution(batch, alpha):
    mix = jax.jit(jax.vmap(lambda key: mixup(key, batch, alpha=alpha, classes=3).inputs[0]))
    first = np.asarray(mix(jax.random.split(jax.random.key(0), 500)))[:, 0]
    own, other = float(batch.inputs[0, 0]), float(batch.inputs[-1, 0])
    shares = ((first - other) / (own - other)).clip(0, 1)
    assert scipy.stats.kstest(shares, scipy.stats.beta(alpha, alpha).cdf).pvalue > 0.001


def test_replaced_labels_are_uniform_over_the_other_classes():
    whole = data.from_arrays(np.ones((8000, 1)), np.full(8000, 2))
    noisy = jax.jit(functools.partial(label_noise, rate=0.3, classes=4))(jax.random.key(0), whole)
    changed = np.asarray(noisy.labels)
    counts = np.bincount(changed, minlength=4)
    assert scipy.stats.binomtest(8000 - int(counts[2]), 8000, 0.3).pvalue > 0.001
    assert scipy.stats.chisquare(counts[[0, 1, 3]]).pvalue > 0.001


def test_rate_zero_changes_no_label(batch):
    assert jnp.array_equal(label_noise(jax.random.key(0), batch, rate=0.0, classes=3).labels, batch.labels)


def test_chained_changes_are_applied_in_order_with_different_keys(batch):
    assert chained()(jax.random.key(0), batch) is batch
    keys = []
    watch = lambda key, batch: keys.append(jax.random.key_data(key).tolist()) or batch
    chained(watch, watch)(jax.random.key(0), batch)
    assert keys[0] != keys[1]
    double = functools.partial(lambda key, batch, by: batch._replace(inputs=batch.inputs * by), by=2)
    add = lambda key, batch: batch._replace(inputs=batch.inputs + 1)
    np.testing.assert_allclose(chained(add, double)(jax.random.key(0), batch).inputs, 2 * (batch.inputs + 1))
