"""Models that begin as they would in PyTorch and in Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import initializers, models
from tests.models.twins import TWINS


@pytest.mark.parametrize("name", [name for name in TWINS if "20" not in name])
def test_every_model_begins_as_other_libraries_draw_it(name):
    model, inputs, *_ = TWINS[name]
    libraries = (initializers.pytorch, initializers.keras)
    both = jax.jit(lambda key: [models.redrawn(model, draw).init(jax.random.clone(key), inputs) for draw in libraries])
    own, own_stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    shapes = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)
    for draw, (params, stats) in zip(libraries, jax.device_get(both(jax.random.key(0))), strict=True):
        assert shapes(params) == shapes(own)
        assert shapes(stats) == shapes(own_stats)
        for place, leaf in jax.tree.leaves_with_path(params):
            if place[-1].key == "kernel":
                assert leaf.any()
            if place[-1].key == "bias" and "Dense" in place[-2].key:
                assert bool(leaf.any()) == (draw is initializers.pytorch)


def test_the_spread_of_kernel_and_bias_is_pytorchs(torch):
    model = models.redrawn(models.mlp((400, 300), 10), initializers.pytorch)
    params, _ = jax.device_get(jax.jit(model.init)(jax.random.key(0), jnp.ones((1, 500))))
    for name, inputs in (("Dense_0", 500), ("Dense_1", 400), ("Dense_2", 300)):
        for leaf in params[name].values():
            largest = float(np.abs(leaf).max())
            assert largest <= inputs**-0.5
            assert largest > (0.99 if leaf.size > 100 else 0.5) * inputs**-0.5
    assert not np.allclose(params["Dense_1"]["kernel"][0, :10], params["Dense_1"]["bias"][:10])


def test_layers_and_seeds_are_drawn_apart():
    model = models.redrawn(models.mlp((8, 8), 8), initializers.pytorch)
    keys = jax.random.split(jax.random.key(0), 2)
    params, _ = jax.device_get(jax.jit(jax.vmap(lambda key: model.init(key, jnp.ones((1, 8)))))(keys))
    kernels = [*params["Dense_0"]["kernel"], *params["Dense_1"]["kernel"]]
    assert len({float(kernel[0, 0]) for kernel in kernels}) == 4


def test_a_draw_of_other_shapes_is_told():
    model = models.redrawn(models.mlp((), 3), lambda key, layer: {"kernel": layer["kernel"]})
    with pytest.raises(
        ValueError, match=r"draw must return the arrays that it is given, .*'bias': \(3,\).*, but returned"
    ):
        model.init(jax.random.key(0), jnp.ones((1, 2)))


def test_a_draw_of_the_same_names_in_other_shapes_is_told():
    grown = lambda key, layer: {name: jnp.ones((*leaf.shape, 2)) for name, leaf in layer.items()}
    with pytest.raises(ValueError, match="draw must return the arrays that it is given"):
        models.redrawn(models.mlp((), 3), grown).init(jax.random.key(0), jnp.ones((1, 2)))


def test_compiled_it_draws_the_same():
    model = models.mlp((4,), 3, norm=models.BatchNorm)
    inputs = jnp.ones((2, 5))
    plain, compiled = (
        models.redrawn(models.Model(init, model.apply), initializers.pytorch).init(jax.random.key(0), inputs)[0]
        for init in (model.init, jax.jit(model.init))
    )
    jax.tree.map(np.testing.assert_array_equal, plain, compiled)
