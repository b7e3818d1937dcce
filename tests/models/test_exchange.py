"""A user's way: trained here, used in PyTorch or in plain Flax, and back; and begun as another library would."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.models import BatchNorm, GroupNorm, LayerNorm, Stage
from tests.models.twins import TWINS, drawn, to_torch


@pytest.fixture(scope="module")
def mnist(data_dir):
    with np.load(data_dir / "mnist.npz", allow_pickle=False) as arrays:
        take = lambda part, count: (
            (arrays[f"x_{part}"][:count, ..., None] / np.float32(255) - np.float32(0.13)) / np.float32(0.31),
            arrays[f"y_{part}"][:count].astype(np.int32),
        )
        return data.from_arrays(*take("train", 2000)), *take("test", 1000)


@pytest.mark.parametrize("name", ["lenet5", "mlp"])
def test_trained_on_mnist_it_predicts_the_same_in_pytorch_and_back(torch, mnist, name, tmp_path):
    train, images, labels = mnist
    lenet = TWINS["lenet5"]
    model, names, build = {
        "lenet5": (lenet.model, lenet.names, lenet.build),
        "mlp": (
            models.mlp((64,), 10),
            ("1", "3"),
            lambda torch: torch.nn.Sequential(
                torch.nn.Flatten(), torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
            ),
        ),
    }[name]
    task = training.Task(model, training.supervised(model, F.cross_entropy), optimizers.adam(3e-3), 50)

    @jax.jit
    def predictions(train, images):
        state, _ = training.train(task, train, jax.random.key(0), epochs=2)
        return state, model.apply(state.params, state.stats, images)[0].argmax(-1)

    state, ours = predictions(train, images)
    ours = np.asarray(ours)
    assert (ours == labels).mean() > 0.8
    path = tmp_path / "net.safetensors"
    models.save_pytorch(path, model, state.params, state.stats, images[:1], names=names)
    from safetensors.torch import load_file, save_file

    twin = build(torch)
    twin.load_state_dict(load_file(path), strict=True)
    theirs = twin(to_torch(torch, images)).argmax(-1).numpy()
    np.testing.assert_array_equal(ours, theirs)
    save_file(twin.state_dict(), path)
    params, stats = models.load_pytorch(path, model, images[:1], names=names)
    jax.tree.map(np.testing.assert_array_equal, params, state.params)


class Plain(nn.Module):
    """The same network of Flax's layers and their own names, as a user has it."""

    @nn.compact
    def __call__(self, x, training):
        x = nn.Conv(4, (3, 3), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not training, momentum=0.9)(x))
        x = nn.Conv(6, (3, 3), strides=2, padding=((1, 1), (1, 1)), use_bias=False)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=not training, momentum=0.9)(x))
        return Head(name="Mlp_0")(x)


class Head(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Dense(5)(x.reshape(len(x), -1)))
        return nn.Dense(3)(x)


def test_parameters_go_to_plain_flax_layers_and_come_back():
    stages = (Stage(4, pool=None), Stage(6, stride=(2, 2), pool=None))
    ours, theirs = models.convnet(stages, (5,), 3, norm=BatchNorm), models.from_linen(Plain())
    inputs = np.random.default_rng(0).normal(size=(3, 8, 6, 2)).astype(np.float32)
    params, stats = drawn(ours, inputs)

    @jax.jit
    def both(params, stats, key):
        """What each makes of our parameters, and in training of those that Flax's layers have drawn."""
        still = [model.apply(params, stats, inputs)[0] for model in (theirs, ours)]
        params, stats = theirs.init(jax.random.key(0), inputs)
        return still, [model.apply(params, stats, inputs, key=key) for model in (theirs, ours)]

    (expected, outputs), trained = both(params, stats, jax.random.key(1))
    np.testing.assert_allclose(expected, outputs, rtol=1e-5, atol=1e-6)
    (expected, moved), (outputs, ours_moved) = trained
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), ours_moved, moved)


@pytest.mark.parametrize("inputs", [(4, 5), (2, 3, 5)])
def test_each_layer_computes_what_flaxs_layer_of_its_name_does(inputs):
    inputs = jnp.asarray(np.random.default_rng(0).normal(size=inputs), jnp.float32)
    for ours, theirs in [
        (LayerNorm(), nn.LayerNorm(epsilon=1e-5)),
        (GroupNorm(groups=1), nn.GroupNorm(num_groups=1, epsilon=1e-5)),
        (BatchNorm(), nn.BatchNorm(use_running_average=True)),
        *([(models.Dense(3), nn.Dense(3))] if inputs.ndim == 2 else []),
    ]:
        arguments = [False] if isinstance(ours, BatchNorm) else []
        of_ours = jax.eval_shape(lambda: ours.init(jax.random.key(0), inputs, *arguments))
        of_theirs = jax.eval_shape(lambda: theirs.init(jax.random.key(0), inputs))
        assert jax.tree.structure(of_ours) == jax.tree.structure(of_theirs)

        @jax.jit
        def both(inputs):
            variables = jax.tree.map(lambda leaf: leaf + 0.3, theirs.init(jax.random.key(0), inputs))
            return ours.apply(variables, inputs, *arguments), theirs.apply(variables, inputs)

        np.testing.assert_allclose(*both(inputs), rtol=1e-4, atol=1e-5)
