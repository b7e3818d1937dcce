import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import initializers, models
from tests.models.reference_models import REFERENCES


@pytest.mark.parametrize("name", [name for name in REFERENCES if "20" not in name])
def test_every_model_can_start_with_the_defaults_of_pytorch_and_keras(name):
    model, inputs, *_ = REFERENCES[name]
    libraries = (initializers.pytorch, initializers.keras)
    own, own_stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    zeros = lambda key, inputs: jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), (own, own_stats))
    reinitialized = [models.reinitialize(models.Model(zeros, model.apply), library) for library in libraries]
    both = jax.jit(lambda key: [each.init(jax.random.clone(key), inputs) for each in reinitialized])
    shapes = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)
    for library, (params, stats) in zip(libraries, jax.device_get(both(jax.random.key(0))), strict=True):
        assert shapes(params) == shapes(own)
        assert shapes(stats) == shapes(own_stats)
        for path, leaf in jax.tree.leaves_with_path(params):
            if path[-1].key == "kernel":
                assert leaf.any()
            if path[-1].key == "bias" and "Dense" in path[-2].key:
                assert bool(leaf.any()) == (library is initializers.pytorch)


def test_kernel_and_bias_have_the_range_of_pytorch():
    model = models.reinitialize(models.mlp((400, 300), 10), initializers.pytorch)
    params, _ = jax.device_get(jax.jit(model.init)(jax.random.key(0), jnp.ones((1, 500))))
    for name, inputs in (("Dense_0", 500), ("Dense_1", 400), ("Dense_2", 300)):
        for leaf in params[name].values():
            maximum = float(np.abs(leaf).max())
            assert maximum <= inputs**-0.5
            assert maximum > (0.99 if leaf.size > 100 else 0.5) * inputs**-0.5
    assert not np.allclose(params["Dense_1"]["kernel"][0, :10], params["Dense_1"]["bias"][:10])


def test_layers_and_members_have_different_parameters():
    model = models.reinitialize(models.mlp((8, 8), 8), initializers.pytorch)
    keys = jax.random.split(jax.random.key(0), 2)
    params, _ = jax.device_get(jax.jit(jax.vmap(lambda key: model.init(key, jnp.ones((1, 8)))))(keys))
    kernels = [*params["Dense_0"]["kernel"], *params["Dense_1"]["kernel"]]
    assert len({float(kernel[0, 0]) for kernel in kernels}) == 4


def test_an_initializer_that_drops_an_array_raises():
    model = models.reinitialize(models.mlp((), 3), lambda key, layer: {"kernel": layer["kernel"]})
    with pytest.raises(
        ValueError, match=r"must return arrays of the names and shapes that it receives, .*'bias': \(3,\).*, got {'kern"
    ):
        model.init(jax.random.key(0), jnp.ones((1, 2)))


def test_an_initializer_that_changes_shapes_raises():
    enlarged = lambda key, layer: {name: jnp.ones((*leaf.shape, 2)) for name, leaf in layer.items()}
    with pytest.raises(ValueError, match="initializer must return arrays of the names and shapes that it receives"):
        models.reinitialize(models.mlp((), 3), enlarged).init(jax.random.key(0), jnp.ones((1, 2)))


def test_a_compiled_init_gives_the_same_parameters():
    model = models.mlp((4,), 3, norm=models.BatchNorm)
    inputs = jnp.ones((2, 5))
    both = [models.Model(init, model.apply) for init in (model.init, jax.jit(model.init))]
    reinitialized = [models.reinitialize(each, initializers.pytorch) for each in both]
    params = jax.jit(lambda key: [each.init(jax.random.clone(key), inputs)[0] for each in reinitialized])
    jax.tree.map(np.testing.assert_array_equal, *params(jax.random.key(0)))
