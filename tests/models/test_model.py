from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, optimizers, training
from jaxdl.models import from_linen


class Plain(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(3)(inputs)


def test_a_module_and_its_model_compute_the_same():
    inputs = jnp.arange(8.0).reshape(2, 4)
    model = from_linen(Plain())
    params, stats = model.init(jax.random.key(0), inputs)
    outputs, same = model.apply(params, stats, inputs)
    assert stats == same == {}
    assert jnp.array_equal(outputs, Plain().apply({"params": params}, inputs, True))


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, inputs, *, use_running_average):
        return nn.BatchNorm(use_running_average=use_running_average, momentum=0.9)(inputs)


NORMALIZED = from_linen(Normalized(), lambda module, inputs, training: module(inputs, use_running_average=not training))


def test_a_key_means_training_and_only_training_updates_the_statistics():
    inputs = jnp.array([[1.0], [3.0]])
    params, stats = NORMALIZED.init(jax.random.key(0), inputs)
    outputs, updated = NORMALIZED.apply(params, stats, inputs, key=jax.random.key(1))
    np.testing.assert_allclose(outputs[:, 0], [-1, 1], atol=1e-4)
    mean = updated["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, [0.2], rtol=1e-6)  # a tenth of the batch's mean
    _, same = NORMALIZED.apply(params, updated, inputs)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, same, updated))


def test_it_works_inside_vmap_grad_and_scan():
    inputs = jnp.arange(6.0).reshape(3, 2)

    def train(key):
        params, stats = NORMALIZED.init(key, inputs)

        def step(carry, key):
            params, stats = carry
            loss = lambda params: ((NORMALIZED.apply(params, stats, inputs, key=key)[0] - 1) ** 2).mean()
            params = jax.tree.map(lambda w, g: w - 0.1 * g, params, jax.grad(loss)(params))
            return (params, NORMALIZED.apply(params, stats, inputs, key=jax.random.clone(key))[1]), None

        return jax.lax.scan(step, (params, stats), jax.random.split(jax.random.clone(key), 5))[0]

    params, stats = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 2))
    assert params["BatchNorm_0"]["bias"].shape == (2, 2)
    assert (stats["batch_stats"]["BatchNorm_0"]["mean"] > 0).all()


class AnyKeyword(nn.Module):
    @nn.compact
    def __call__(self, inputs, **keywords):
        return inputs + keywords["training"]


def test_a_module_that_takes_any_keyword_receives_the_training_flag():
    model = from_linen(AnyKeyword())
    params, stats = model.init(jax.random.key(0), jnp.zeros(1))
    assert model.apply(params, stats, jnp.zeros(1))[0] == 0
    assert model.apply(params, stats, jnp.zeros(1), key=jax.random.key(1))[0] == 1


class Noisy(nn.Module):
    """Noise from the stream of dropout and from a stream of another name."""

    @nn.compact
    def __call__(self, inputs, training):
        self.sow("intermediates", "inputs", inputs)
        dropped = nn.Dropout(0.5, deterministic=not training)(inputs)
        noise = jax.random.normal(self.make_rng("my_noise"), inputs.shape) if training else 0.0
        return dropped + noise


def test_every_random_stream_is_derived_from_the_one_key():
    model = from_linen(Noisy())
    inputs = jnp.ones((4, 5))
    params, stats = model.init(jax.random.key(0), inputs)
    first, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    again, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    other, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
    assert jnp.array_equal(first, again)
    assert not jnp.array_equal(first, other)
    assert jnp.array_equal(model.apply(params, stats, inputs)[0], inputs)


class TwoStreams(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        return jnp.stack([jax.random.normal(self.make_rng(name), x.shape) if training else x for name in ("a", "b")])


def test_named_streams_draw_different_numbers():
    first, second = from_linen(TwoStreams(), streams=("a", "b")).apply({}, {}, jnp.ones(9), key=jax.random.key(0))[0]
    assert not np.intersect1d(first, second).size


class DropoutStep(nn.Module):
    @nn.compact
    def __call__(self, carry, x):
        return carry, nn.Dropout(0.5, deterministic=False)(x)


class ScannedDropout(nn.Module):
    """A stream split by a scan, as in Flax's own examples."""

    @nn.compact
    def __call__(self, x, training):
        if not training:
            return x
        split = {"params": False, "dropout": True}
        return nn.scan(DropoutStep, variable_broadcast="params", in_axes=1, out_axes=1, split_rngs=split)()(0, x)[1]


def test_a_scan_splits_the_dropout_stream():
    outputs, _ = from_linen(ScannedDropout()).apply({}, {}, jnp.ones((2, 5, 40)), key=jax.random.key(0))
    assert len({tuple(outputs[:, step].ravel().tolist()) for step in range(5)}) == 5


class HasStream(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        assert self.has_rng("mine") == self.has_rng("dropout") == training
        return x + jax.random.normal(self.make_rng("mine"), x.shape) if training else x


def test_a_module_finds_named_streams_with_has_rng():
    model = from_linen(HasStream(), streams=("dropout", "mine"))
    first, second = (model.apply({}, {}, jnp.ones(3), key=jax.random.key(seed))[0] for seed in (0, 1))
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(model.apply({}, {}, jnp.ones(3))[0], 1)


class Sowing(nn.Module):
    """Sow two values under one name; both depend on a parameter."""

    @nn.compact
    def __call__(self, inputs, training):
        hidden = nn.Dense(3, name="layer")(inputs)
        self.sow("losses", "size", (hidden**2).sum())
        self.sow("losses", "size", hidden.sum())
        return nn.BatchNorm(use_running_average=not training)(hidden)


def test_stats_hold_the_values_sown_by_the_last_call():
    model = from_linen(Sowing())
    inputs = jnp.arange(8.0).reshape(2, 4)
    params, stats = model.init(jax.random.key(0), inputs)
    train = jax.jit(lambda stats, inputs: model.apply(params, stats, inputs, key=jax.random.key(1))[1])
    for scale in (1.0, 2.0, 3.0):
        stats = train(stats, scale * inputs)
        hidden = scale * inputs @ params["layer"]["kernel"]
        np.testing.assert_allclose(stats["losses"]["size"][0], (hidden**2).sum(), rtol=1e-5)
        np.testing.assert_allclose(stats["losses"]["size"][1], hidden.sum(), rtol=1e-4)
    assert len(stats["losses"]["size"]) == 2
    _, evaluated = model.apply(params, stats, inputs)
    jax.tree.map(np.testing.assert_array_equal, evaluated, stats)
    sown = lambda params: model.apply(params, stats, inputs, key=jax.random.key(1))[1]["losses"]["size"][1]
    np.testing.assert_allclose(jax.jit(jax.grad(sown))(params)["layer"]["bias"], [2, 2, 2])


def test_a_sowing_module_trains_in_a_population():
    model = from_linen(Sowing())
    inputs = jnp.arange(8.0).reshape(2, 4)

    def loss(params, stats, key):
        outputs, stats = model.apply(params, stats, inputs, key=key)
        return outputs.sum() + stats["losses"]["size"][0], stats

    def train(key):
        def step(carry, key):
            params, stats = carry
            gradient, stats = jax.grad(loss, has_aux=True)(params, stats, key)
            return (jax.tree.map(lambda w, g: w - 1e-3 * g, params, gradient), stats), stats["losses"]["size"][0]

        return jax.lax.scan(step, model.init(key, inputs), jax.random.split(jax.random.clone(key), 3))

    (_, stats), sizes = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 2))
    assert (jnp.diff(sizes) < 0).all()
    np.testing.assert_array_equal(stats["losses"]["size"][0], sizes[:, -1])


class SowingPerExample(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        hidden = nn.Dense(3)(x)
        self.sow("losses", "size", (hidden**2).sum(-1))
        return hidden


def test_fit_trains_a_module_that_sows_a_value_per_example(random):
    sets = data.from_arrays(random.normal(size=(12, 4)), np.arange(12) % 3)
    model = from_linen(SowingPerExample())
    task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), 4)
    keys = jax.random.split(jax.random.key(0), 2)
    fitted = training.fit(task, sets, keys, epochs=2, dev=sets)
    assert fitted.state.stats["losses"]["size"][0].shape == (2, 4)


class Carry(nn.Module):
    """Keep a tuple that is a variable and was not sown."""

    @nn.compact
    def __call__(self, x, training):
        carry = self.variable("memory", "carry", lambda: (jnp.zeros((2, 3)), jnp.zeros((2, 3))))
        after, y = nn.LSTMCell(3)(carry.value, x)
        if training:
            carry.value = after
        return y


def test_a_variable_that_is_a_tuple_is_not_treated_as_sown():
    model, inputs = from_linen(Carry()), jnp.ones((2, 4))
    params, stats = model.init(jax.random.key(0), inputs)
    train = jax.jit(lambda stats: model.apply(params, stats, inputs, key=jax.random.key(0)))
    sums = []
    for _ in range(3):
        outputs, stats = train(stats)
        sums.append(float(outputs.sum()))
    assert len({*sums}) == 3
    assert np.isfinite(model.apply(params, stats, inputs)[0]).all()


class Growing(nn.Module):
    """Create a variable only in training."""

    @nn.compact
    def __call__(self, inputs, training):
        self.variable("memory", "always", lambda: inputs)
        if training:
            self.variable("memory", "inputs", lambda: inputs)
        return inputs


class SowingTwiceInTraining(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        for _ in range(2 if training else 1):
            self.sow("losses", "size", x.sum())
        return x


@pytest.mark.parametrize("module", [Growing(), SowingTwiceInTraining()])
def test_variables_created_only_in_training_raise(module):
    model = from_linen(module)
    params, stats = model.init(jax.random.key(0), jnp.ones(2))
    with pytest.raises(ValueError, match="stats must keep their structure, but the module has other variables in trai"):
        model.apply(params, stats, jnp.ones(2), key=jax.random.key(1))


def test_inputs_that_do_not_fit_the_parameters_raise_with_both_shapes():
    model = from_linen(Plain())
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 4)))
    with pytest.raises(ValueError, match=r"inputs of the shape \(2, 5\) do not fit .* \(5, 3\).* \(4, 3\)"):
        jax.eval_shape(model.apply, params, stats, jnp.ones((2, 5)))


class WithDropout(nn.Module):
    rate: Any

    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dropout(self.rate, deterministic=not training)(inputs)


class WithBranch(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return -inputs if inputs.sum() > 0 else inputs


def test_a_traced_rate_of_flax_dropout_raises_with_the_layer_that_accepts_one():
    inputs, key = jnp.ones((2, 3)), jax.random.key(0)
    with pytest.raises(
        TypeError, match=r"nn.Dropout must have a number as its rate, .*models.Dropout\(rate\)\(inputs, tr"
    ):
        jax.eval_shape(lambda rate: from_linen(WithDropout(rate)).apply({}, {}, inputs, key=key), 0.5)


def test_a_branch_on_values_raises_the_error_of_jax_at_its_own_line():
    inputs = jnp.ones((2, 3))
    with pytest.raises(jax.errors.TracerBoolConversionError) as raised:
        jax.eval_shape(lambda inputs: from_linen(WithBranch()).apply({}, {}, inputs), inputs)
    assert "return -inputs if inputs.sum() > 0 else inputs" in str(raised.traceback[-1].statement)
