import flax.linen as nn
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import models
from tests.models.reference_models import random_array, random_variables


class Branches(nn.Module):
    """A flattened image that goes to two dense layers, or through something else `between` it and a dense layer."""

    between: str = ""

    @nn.compact
    def __call__(self, x, training):
        match self.between:
            case "norm":
                return models.Dense(3)(models.LayerNorm()(models.Flatten()(x)))
            case "activation":
                return models.Dense(3)(nn.relu(models.Flatten()(x)))
            case "reshape":
                return models.Dense(3)(x.reshape(len(x), -1))
        flat = models.Dropout(0.5)(models.Flatten()(x), training)
        return jnp.concatenate([models.Dense(3)(flat), models.Dense(2)(flat)], axis=-1)


def test_a_flattened_image_may_go_to_several_dense_layers(torch):
    inputs = random_array(2, 4, 3, 2)
    model = models.from_linen(Branches())
    params, stats = random_variables(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs)
    flat = np.transpose(inputs, (0, 3, 1, 2)).reshape(2, -1)
    dense = lambda name: flat @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    expected = np.concatenate([dense("Dense_0"), dense("Dense_1")], axis=-1)
    np.testing.assert_allclose(model.apply(params, stats, inputs)[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("between", ["norm", "activation", "reshape"])
def test_a_flattened_image_whose_order_differs_in_pytorch_raises(between):
    model = models.from_linen(Branches(between))
    for inputs in (random_array(2, 4, 3, 1), random_array(2, 1, 1, 3)):  # one channel or one pixel: same order in both
        params, stats = random_variables(model, inputs)
        models.to_pytorch(model, params, stats, inputs)
    inputs = random_array(2, 4, 3, 2)
    params, stats = random_variables(model, inputs)
    with pytest.raises(
        ValueError, match=r"that flattens an image of several channels, \(4, 3, 2\), other than by jaxdl"
    ):
        models.to_pytorch(model, params, stats, inputs)


class FlattenedImage(nn.Module):
    """A flattened image that is also, or only, used outside of dense layers."""

    to: str

    @nn.compact
    def __call__(self, x, training):
        flat = models.Flatten()(models.Conv(2)(x))
        return {"both": lambda: (models.Dense(3)(flat), nn.relu(flat)), "out": lambda: flat}[self.to]()


@pytest.mark.parametrize("to", ["both", "out"])
def test_a_flattened_image_that_is_used_outside_of_dense_layers_raises(to):
    model, inputs = models.from_linen(FlattenedImage(to)), random_array(2, 4, 3, 2)
    params, stats = random_variables(model, inputs)
    with pytest.raises(
        ValueError, match=r"that flattens an image of several channels, \(4, 3, 2\), other than by jaxdl"
    ):
        models.to_pytorch(model, params, stats, inputs)
