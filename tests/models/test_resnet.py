import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import initializers, models
from jaxdl.models.resnet import shortcut
from tests.models.reference_models import random_array, random_variables


def test_a_shortcut_takes_every_second_pixel_and_adds_channels_of_zeros():
    images = jnp.arange(2 * 4 * 5 * 3.0).reshape(2, 4, 5, 3)
    result = shortcut(images, 5, 2)
    np.testing.assert_array_equal(result[..., :3], images[:, ::2, ::2])
    assert result.shape == (2, 2, 3, 5)
    assert not result[..., 3:].any()
    np.testing.assert_array_equal(shortcut(images, 3, 1), images)


def test_a_block_whose_residual_branch_is_zero_is_its_shortcut():
    inputs = jnp.asarray(random_array(2, 4, 4, 3))
    settings = (3, 1, models.BatchNorm, F.relu, initializers.he_normal, F)
    post, pre = models.PostActivation(*settings), models.PreActivation(*settings)

    @jax.jit
    def outputs(key, inputs):
        post_variables, pre_variables = (block.init(key, inputs, False) for block in (post, pre))
        post_variables["params"]["BatchNorm_1"]["scale"] = jnp.zeros(3)
        pre_variables["params"]["Conv_1"]["kernel"] *= 0
        return post.apply(post_variables, inputs, False), pre.apply(pre_variables, inputs, False)

    activated, unchanged = outputs(jax.random.key(1), inputs)
    np.testing.assert_allclose(activated, np.maximum(inputs, 0))
    np.testing.assert_allclose(unchanged, inputs)


def test_resnet20_uses_its_norm():
    model = models.resnet20(norm=models.LayerNorm)
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 32, 32, 3)))
    assert stats == {}
    assert "LayerNorm_0" in params


def test_resnet20_uses_its_activation():
    model, inputs = models.resnet20(activation=jnp.zeros_like), jnp.ones((1, 8, 8, 3))
    params, stats = random_variables(model, inputs)
    params = {**params, "Dense_0": {**params["Dense_0"], "bias": jnp.zeros(10)}}
    np.testing.assert_array_equal(jax.jit(model.apply)(params, stats, inputs)[0], 0)
