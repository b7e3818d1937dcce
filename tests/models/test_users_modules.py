"""Modules as users write them, with what Flax offers beyond layers."""

import threading
import time

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.models import check_rows, from_linen, from_nnx, summary
from jaxdl.models.nnx import audible

PLAIN = lambda module, inputs, training: module(inputs)


class Drop(nn.Module):
    @nn.compact
    def __call__(self, carry, x):
        return carry, nn.Dropout(0.5, deterministic=False)(x)


class Steps(nn.Module):
    """A stream of noise that is split by a scan, as Flax's own examples do it."""

    @nn.compact
    def __call__(self, x, training):
        if not training:
            return x
        split = {"params": False, "dropout": True}
        return nn.scan(Drop, variable_broadcast="params", in_axes=1, out_axes=1, split_rngs=split)()(0, x)[1]


class Asking(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        assert self.has_rng("mine") == self.has_rng("dropout") == training
        return x + jax.random.normal(self.make_rng("mine"), x.shape) if training else x


def test_streams_are_split_and_found_by_name():
    outputs, _ = from_linen(Steps()).apply({}, {}, jnp.ones((2, 5, 40)), key=jax.random.key(0))
    assert len({tuple(outputs[:, step].ravel().tolist()) for step in range(5)}) == 5
    model = from_linen(Asking(), streams=("dropout", "mine"))
    first, second = (model.apply({}, {}, jnp.ones(3), key=jax.random.key(seed))[0] for seed in (0, 1))
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(model.apply({}, {}, jnp.ones(3))[0], 1)


class Carry(nn.Module):
    """A variable that is a tuple, and is not sown."""

    @nn.compact
    def __call__(self, x, training):
        carry = self.variable("memory", "carry", lambda: (jnp.zeros((2, 3)), jnp.zeros((2, 3))))
        after, y = nn.LSTMCell(3)(carry.value, x)
        if training:
            carry.value = after
        return y


def test_a_tuple_that_is_kept_is_no_value_that_was_sown():
    model, inputs = from_linen(Carry()), jnp.ones((2, 4))
    params, stats = model.init(jax.random.key(0), inputs)
    sums = []
    for seed in range(3):
        outputs, stats = model.apply(params, stats, inputs, key=jax.random.key(seed))
        sums.append(float(outputs.sum()))
    assert len({*sums}) == 3
    assert np.isfinite(model.apply(params, stats, inputs)[0]).all()


class PerExample(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        hidden = nn.Dense(3)(x)
        self.sow("losses", "size", (hidden**2).sum(-1))
        return hidden


def test_what_is_sown_for_each_example_can_be_trained_with(random):
    sets = data.from_arrays(random.normal(size=(12, 4)), np.arange(12) % 3)
    model = from_linen(PerExample())
    task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.sgd(0.1), 4)
    keys = jax.random.split(jax.random.key(0), 2)
    fitted = training.fit(task, sets, keys, epochs=2, dev=sets, observe=training.classification(model))
    assert fitted.state.stats["losses"]["size"][0].shape == (2, 4)


class Compiled(nn.Module):
    @nn.jit
    @nn.compact
    def __call__(self, x):
        return nn.Dense(4)(x)


class OfCompiled(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        x = Compiled()(x)
        for _ in range(4):
            x = nn.LayerNorm()(x)
        return nn.Dense(3)(x)


def test_what_was_compiled_before_is_counted_around_and_nowhere_else():
    model = from_linen(OfCompiled())
    for _ in range(3):
        found = summary(model, jnp.ones((2, 8)))
        assert found.multiply_adds == 2 * (8 * 4 + 4 * 3)
        assert {row.multiply_adds for row in found.layers if row.layer == "LayerNorm"} == {0}
        check_rows(model, jnp.ones((2, 8)))


class Bent(nn.Module):
    @nn.compact
    def __call__(self, activation, x):
        return activation(nn.Dense(3)(x))


class Bends(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        return Bent()(nn.relu, x)


def test_a_layer_may_be_given_what_is_no_array():
    found = summary(from_linen(Bends()), jnp.ones((2, 4)))
    assert [(row.path, row.parameters) for row in found.layers] == [("Bent_0/Dense_0", 15)]
    check_rows(from_linen(Bends()), jnp.ones((1, 4)))


class Body(nn.Module):
    @nn.compact
    def __call__(self, carry, _):
        return nn.Dense(4)(carry), None


class Scanned(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        scanned = nn.scan(Body, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        return scanned()(x, None)[0]


def test_a_scan_is_one_row_that_costs_as_often_as_it_runs():
    (row,) = summary(from_linen(Scanned()), jnp.ones((2, 4))).layers
    assert (row.parameters, row.multiply_adds, row.activation_bytes) == (3 * 20, 3 * 32, 3 * 32)


def test_of_two_branches_the_dearest_counts():
    def apply(params, stats, x, *, key=None):
        return jax.lax.cond(x.sum() > 0, lambda: x @ jnp.ones((4, 9)), lambda: jnp.zeros((len(x), 9))), stats

    assert summary(models.Model(lambda key, x: ({}, {}), apply), jnp.ones((2, 4))).multiply_adds == 72  # in no layer
    branches = lambda x: jax.lax.cond(x.sum() > 0, lambda: nn.Dense(9).bind(P9)(x), lambda: nn.Dense(9).bind(P9)(-x))
    P9 = {"params": {"kernel": jnp.ones((4, 9)), "bias": jnp.ones(9)}}
    model = models.Model(lambda key, x: ({}, {}), lambda p, s, x, key=None: (branches(x), s))
    assert summary(model, jnp.ones((2, 4))).multiply_adds == 2 * 4 * 9


@pytest.mark.parametrize(
    ("layer", "image", "expected"),
    [
        (nn.ConvTranspose(6, (2, 2), strides=(2, 2)), (1, 8, 8, 4), 64 * 4 * 4 * 6),
        (nn.Conv(5, (3, 3), padding="VALID"), (2, 6, 7, 4), 2 * 4 * 5 * 9 * 4 * 5),
        (nn.Conv(6, (3, 3), padding="VALID", feature_group_count=2), (1, 6, 7, 4), 4 * 5 * 9 * 2 * 6),
        (nn.Conv(1, (3,), padding="SAME"), (1, 5, 1), 2 + 3 + 3 + 3 + 2),
        (nn.Conv(1, (3,), strides=2, kernel_dilation=2, padding=((2, 2),)), (1, 5, 1), 2 + 3 + 2),
    ],
)
def test_a_convolution_counts_the_pixels_that_it_sees(layer, image, expected):
    model = from_linen(layer, PLAIN)
    assert summary(model, jnp.ones(image)).multiply_adds == expected
    params, stats = model.init(jax.random.key(0), jnp.ones(image))
    flops = jax.jit(model.apply).lower(params, stats, jnp.ones(image)).compile().cost_analysis()["flops"]
    outputs = jax.eval_shape(model.apply, params, stats, jnp.ones(image))[0].size
    assert 2 * expected <= flops <= 2 * expected + 2 * outputs


class Slow(nnx.Module):
    def __init__(self, rngs):
        self.layer = nnx.Linear(4, 4, rngs=rngs)

    def __call__(self, x):
        time.sleep(0.1)
        return self.layer(x)


def test_two_who_listen_at_once_hear_each_their_own_and_leave_nothing_behind():
    before, tables = (nnx.Linear.__call__, Slow.__call__), []
    model = from_nnx(lambda rngs: Slow(rngs))
    threads = [threading.Thread(target=lambda: tables.append(summary(model, jnp.ones((2, 4))))) for _ in range(3)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert len({*tables}) == 1
    assert (nnx.Linear.__call__, Slow.__call__) == before


def test_a_module_that_fails_while_someone_listens_is_left_as_it_was():
    class Failing(nnx.Module):
        def __call__(self, x):
            raise ZeroDivisionError

    before = Failing.__call__
    with pytest.raises(ZeroDivisionError):
        summary(from_nnx(lambda rngs: Failing()), jnp.ones(2))
    assert Failing.__call__ is before
    with audible(Failing()):
        assert Failing.__call__ is before


class Norm(nnx.Module):
    def __init__(self, rngs, given, **settings):
        self.norm, self.given = nnx.BatchNorm(4, rngs=rngs, **settings), given

    def __call__(self, x):
        return self.norm(x, **self.given)


@pytest.mark.parametrize(
    ("model", "shape", "refused"),
    [
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, use_running_average=not training)), (1, 4), True),
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, not training)), (1, 4), True),
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, use_running_average=True)), (1, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=True), PLAIN), (1, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=False), PLAIN), (2, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=1), PLAIN), (1, 4, 1, 1), True),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=1), PLAIN), (1, 1, 1, 9), False),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=(1, 2)), PLAIN), (1, 3, 4), True),
        (from_nnx(lambda rngs: Norm(rngs, {})), (1, 4), True),
        (from_nnx(lambda rngs: Norm(rngs, {"use_running_average": True})), (1, 4), False),
        (from_nnx(lambda rngs: Norm(rngs, {"use_running_average": False}, use_running_average=True)), (1, 4), True),
    ],
)
def test_a_batch_norm_is_refused_a_single_row_where_it_takes_its_mean(model, shape, refused):
    if refused:
        with pytest.raises(ValueError, match="batch_size must give the batch norm"):
            check_rows(model, jnp.ones(shape))
    else:
        check_rows(model, jnp.ones(shape))


def test_a_batch_norm_across_rows_is_not_refused_its_row():
    """It takes the mean over all members of the axis, of which it is told one."""
    norm = lambda module, x, training: nn.vmap(
        lambda module, x: module(x, use_running_average=not training),
        variable_axes={"params": None, "batch_stats": None},
        split_rngs={"params": False},
        axis_name="rows",
    )(module, x)
    check_rows(from_linen(nn.BatchNorm(axis_name="rows"), norm), jnp.ones((5, 1, 4)))
