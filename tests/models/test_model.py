import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.models import from_linen


class Plain(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        return nn.Dense(3)(inputs)


class Normalized(nn.Module):
    @nn.compact
    def __call__(self, inputs, *, use_running_average):
        return nn.BatchNorm(use_running_average=use_running_average, momentum=0.9)(inputs)


class Noisy(nn.Module):
    """Two streams of randomness, one of them with a name of its own."""

    @nn.compact
    def __call__(self, inputs, training):
        self.sow("intermediates", "inputs", inputs)
        dropped = nn.Dropout(0.5, deterministic=not training)(inputs)
        noise = jax.random.normal(self.make_rng("my_noise"), inputs.shape) if training else 0.0
        return dropped + noise


class Sowing(nn.Module):
    """What is sown depends on a parameter; one value is sown twice, and one of them in a layer."""

    @nn.compact
    def __call__(self, inputs, training):
        hidden = nn.Dense(3, name="layer")(inputs)
        self.sow("losses", "size", (hidden**2).sum())
        self.sow("losses", "size", hidden.sum())
        return nn.BatchNorm(use_running_average=not training)(hidden)


class Growing(nn.Module):
    @nn.compact
    def __call__(self, inputs, training):
        self.variable("memory", "always", lambda: inputs)
        if training:
            self.variable("memory", "inputs", lambda: inputs)
        return inputs


def test_a_module_and_its_model_compute_the_same():
    inputs = jnp.arange(8.0).reshape(2, 4)
    model = from_linen(Plain())
    params, stats = model.init(jax.random.key(0), inputs)
    outputs, same = model.apply(params, stats, inputs)
    assert stats == same == {}
    assert jnp.array_equal(outputs, Plain().apply({"params": params}, inputs, True))


def test_a_key_means_training_and_statistics_move_only_then():
    model = from_linen(Normalized(), lambda module, inputs, training: module(inputs, use_running_average=not training))
    inputs = jnp.array([[1.0], [3.0]])
    params, stats = model.init(jax.random.key(0), inputs)
    outputs, moved = model.apply(params, stats, inputs, key=jax.random.key(1))
    np.testing.assert_allclose(outputs[:, 0], [-1, 1], atol=1e-4)
    mean = moved["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, [0.2], rtol=1e-6)  # a tenth of the way to the batch's mean
    _, unmoved = model.apply(params, moved, inputs)
    assert jax.tree.all(jax.tree.map(jnp.array_equal, unmoved, moved))


def test_every_stream_of_randomness_comes_from_the_one_key():
    model = from_linen(Noisy())
    inputs = jnp.ones((4, 5))
    params, stats = model.init(jax.random.key(0), inputs)
    first, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    again, _ = model.apply(params, stats, inputs, key=jax.random.key(1))
    other, _ = model.apply(params, stats, inputs, key=jax.random.key(2))
    assert jnp.array_equal(first, again)
    assert not jnp.array_equal(first, other)
    assert jnp.array_equal(model.apply(params, stats, inputs)[0], inputs)


def test_it_works_inside_vmap_grad_and_scan():
    model = from_linen(Normalized(), lambda module, inputs, training: module(inputs, use_running_average=not training))
    inputs = jnp.arange(6.0).reshape(3, 2)

    def train(key):
        params, stats = model.init(key, inputs)

        def step(carry, key):
            params, stats = carry
            loss = lambda params: ((model.apply(params, stats, inputs, key=key)[0] - 1) ** 2).mean()
            params = jax.tree.map(lambda w, g: w - 0.1 * g, params, jax.grad(loss)(params))
            return (params, model.apply(params, stats, inputs, key=jax.random.clone(key))[1]), None

        return jax.lax.scan(step, (params, stats), jax.random.split(jax.random.clone(key), 5))[0]

    params, stats = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 2))
    assert params["BatchNorm_0"]["bias"].shape == (2, 2)
    assert (stats["batch_stats"]["BatchNorm_0"]["mean"] > 0).all()


def test_what_is_sown_is_that_of_the_last_call():
    model = from_linen(Sowing())
    inputs = jnp.arange(8.0).reshape(2, 4)
    params, stats = model.init(jax.random.key(0), inputs)
    for scale in (1.0, 2.0, 3.0):
        _, stats = model.apply(params, stats, scale * inputs, key=jax.random.key(1))
        hidden = scale * inputs @ params["layer"]["kernel"]
        np.testing.assert_allclose(stats["losses"]["size"][0], (hidden**2).sum(), rtol=1e-5)
        np.testing.assert_allclose(stats["losses"]["size"][1], hidden.sum(), rtol=1e-4)
    assert len(stats["losses"]["size"]) == 2
    _, still = model.apply(params, stats, inputs)
    jax.tree.map(np.testing.assert_array_equal, still, stats)
    sown = lambda params: model.apply(params, stats, inputs, key=jax.random.key(1))[1]["losses"]["size"][1]
    np.testing.assert_allclose(jax.grad(sown)(params)["layer"]["bias"], [2, 2, 2])


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


def test_a_tree_of_statistics_that_grows_is_refused():
    model = from_linen(Growing())
    params, stats = model.init(jax.random.key(0), jnp.ones(2))
    with pytest.raises(ValueError, match="stats must keep their tree, but the module keeps other variables in train"):
        model.apply(params, stats, jnp.ones(2), key=jax.random.key(1))


class TwoStreams(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        return jnp.stack([jax.random.normal(self.make_rng(name), x.shape) if training else x for name in ("a", "b")])


def test_named_streams_are_drawn_apart():
    first, second = from_linen(TwoStreams(), streams=("a", "b")).apply({}, {}, jnp.ones(9), key=jax.random.key(0))[0]
    assert not np.intersect1d(first, second).size


class SowingOften(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        for _ in range(2 if training else 1):
            self.sow("losses", "size", x.sum())
        return x


def test_what_is_sown_more_often_in_training_is_refused():
    model = from_linen(SowingOften())
    params, stats = model.init(jax.random.key(0), jnp.ones(2))
    with pytest.raises(ValueError, match="stats must keep their tree"):
        model.apply(params, stats, jnp.ones(2), key=jax.random.key(0))
