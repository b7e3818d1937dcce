import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import models
from tests.models.reference_models import random_array


def test_conv_uses_its_stride_padding_and_bias_initializer():
    inputs = jnp.asarray(random_array(3, 6, 6, 2))
    ones = lambda key, shape, dtype=jnp.float32: jnp.ones(shape, dtype)
    conv = models.Conv(4, stride=(2, 1), padding="VALID", bias_init=ones)
    outputs, variables = jax.jit(conv.init_with_output)(jax.random.key(0), inputs)
    assert outputs.shape == (3, 2, 4, 4)
    assert (variables["params"]["bias"] == 1).all()


def test_conv_pads_like_flax():
    inputs, flax_conv = jnp.asarray(random_array(2, 6, 5, 3)), nn.Conv(4, (3, 3))

    @jax.jit
    def both(inputs):
        variables = flax_conv.init(jax.random.key(0), inputs)
        return models.Conv(4).apply(variables, inputs), flax_conv.apply(variables, inputs)

    np.testing.assert_allclose(*both(inputs), rtol=1e-5, atol=1e-6)


def test_dense_equals_flax_dense():
    inputs, flax_dense = jnp.asarray(random_array(4, 5)), nn.Dense(3)

    @jax.jit
    def both(inputs):
        variables = jax.tree.map(lambda leaf: leaf + 0.3, flax_dense.init(jax.random.key(0), inputs))
        return models.Dense(3).apply(variables, inputs), flax_dense.apply(variables, inputs)

    structures = [
        jax.tree.structure(jax.eval_shape(layer.init, jax.random.key(0), inputs))
        for layer in (models.Dense(3), flax_dense)
    ]
    assert structures[0] == structures[1]
    np.testing.assert_allclose(*both(inputs), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("vocabulary", [10, 5000])
def test_embedding_vectors_have_the_length_of_flax_for_any_vocabulary(vocabulary):
    ids = jnp.zeros((1, 3), int)
    model = models.recurrent(models.LSTM, (64,), 2, embedding=(vocabulary, 64))

    @jax.jit
    def tables(key):
        layer, flax_layer = (
            embed(vocabulary, 64).init(key, ids)["params"]["embedding"] for embed in (models.Embed, nn.Embed)
        )
        return layer, flax_layer, model.init(jax.random.key(0), ids)[0]["Embed_0"]["embedding"]

    layer, flax_layer, in_model = map(np.asarray, tables(jax.random.key(0)))
    for table in (layer, flax_layer):
        assert float((table**2).sum(-1).mean()) == pytest.approx(1, rel=0.15)
    assert float(in_model.std()) == pytest.approx(float(layer.std()), rel=0.1)


def test_a_function_that_returns_an_initializer_raises():
    for factory in (jax.nn.initializers.he_normal, nn.initializers.lecun_normal):
        model = models.mlp((3,), 2, kernel_init=factory)
        with pytest.raises(TypeError, match=r"kernel_init\(key, shape, dtype\) must return .* pass he_normal\(\)"):
            model.init(jax.random.key(0), jnp.ones((1, 2)))
        params, _ = models.mlp((3,), 2, kernel_init=factory()).init(jax.random.key(0), jnp.ones((1, 2)))
        assert params["Dense_0"]["kernel"].shape == (2, 3)
