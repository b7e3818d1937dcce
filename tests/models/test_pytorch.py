"""Parameters go to PyTorch and come back, for every model; what does not fit is named."""

import functools
import json
import pickle
import struct

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from jaxdl import models
from tests.models.twins import TWINS, drawn, images, to_torch


@functools.lru_cache
def compiled(name):
    """A model's function, once for what is brought there and what is brought here."""
    return jax.jit(TWINS[name].model.apply)


@pytest.mark.parametrize("name", TWINS)
def test_a_model_computes_the_same_in_pytorch(torch, name, tmp_path):
    model, inputs, build, names = TWINS[name]
    params, stats = drawn(model, inputs)
    models.save_pytorch(tmp_path / "net.safetensors", model, params, stats, inputs, names=names)
    twin = build(torch)
    from safetensors.torch import load_file

    assert (
        str(twin.load_state_dict(load_file(tmp_path / "net.safetensors"), strict=True))
        == "<All keys matched successfully>"
    )
    expected = jax.tree.map(lambda tensor: tensor.detach().numpy(), twin.eval()(to_torch(torch, inputs)))
    outputs, _ = compiled(name)(params, stats, inputs)
    for ours, theirs in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("name", TWINS)
def test_what_pytorch_has_drawn_computes_the_same_here(torch, name, tmp_path):
    model, inputs, build, names = TWINS[name]
    torch.manual_seed(0)
    twin = build(torch)
    for tensor in twin.buffers():  # statistics that are not what they began as
        tensor.add_(0.3 if tensor.is_floating_point() else 7)
    from safetensors.torch import save_file

    save_file(twin.state_dict(), tmp_path / "net.safetensors")
    params, stats = models.load_pytorch(tmp_path / "net.safetensors", model, inputs, names=names)
    expected = jax.tree.map(lambda tensor: tensor.detach().numpy(), twin.eval()(to_torch(torch, inputs)))
    outputs, _ = compiled(name)(params, stats, inputs)
    for ours, theirs in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6 * np.abs(theirs).max())


@pytest.mark.parametrize("name", TWINS)
def test_there_and_back_is_what_it_was(name):
    model, inputs, _, names = TWINS[name]
    params, stats = drawn(model, inputs)
    for given in (names, ()):
        state = models.to_pytorch(model, params, stats, inputs, names=given)
        again = models.from_pytorch(model, state, inputs, names=given)
        jax.tree.map(np.testing.assert_array_equal, again, (params, stats))


def state_of(name):
    model, inputs, _, names = TWINS[name]
    params, stats = drawn(model, inputs)
    return model, inputs, models.to_pytorch(model, params, stats, inputs)


def test_without_names_the_layers_keep_their_own():
    _, _, state = state_of("mlp, batch norm, skip")
    assert [*state][:7] == [
        "Dense_0.weight",
        *(f"BatchNorm_0.{entry}" for entry in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        "Dense_1.weight",
    ]
    assert state["BatchNorm_0.num_batches_tracked"].dtype == np.int64


def test_what_is_missing_unknown_and_misshapen_is_named():
    model, inputs, state = state_of("mlp, layer norm")
    state["fc9.weight"] = state.pop("Dense_0.weight")
    state["Dense_1.bias"] = np.zeros(4)
    with pytest.raises(ValueError, match="must be that of a module that computes the same, but Dense_0") as told:
        models.from_pytorch(model, state, inputs)
    for fault in (
        "Dense_0.weight is missing",
        "fc9.weight is unknown",
        r"Dense_1.bias has the shape (4,) instead of (3,)",
    ):
        assert fault in str(told.value)
    assert "LayerNorm_0" not in str(told.value).partition(", but ")[2]


def test_a_counter_of_batches_may_be_missing():
    model, inputs, state = state_of("mlp, batch norm, skip")
    whole = models.from_pytorch(model, state, inputs)
    without = models.from_pytorch(model, {k: v for k, v in state.items() if "tracked" not in k}, inputs)
    jax.tree.map(np.testing.assert_array_equal, without, whole)


def test_names_that_do_not_fit_are_told():
    model, inputs, _, _ = TWINS["mlp"]
    params, stats = drawn(model, inputs)
    with pytest.raises(
        ValueError, match=r"names must name the 3 layers Dense_0, Dense_1, Dense_2, but were fc1, fc2\."
    ):
        models.to_pytorch(model, params, stats, inputs, names=("fc1", "fc2"))
    with pytest.raises(ValueError, match=r"names must differ from layer to layer, but fc is given twice"):
        models.to_pytorch(model, params, stats, inputs, names=("fc", "fc", "out"))


def test_parameters_that_do_not_fit_are_told():
    model, inputs, _, _ = TWINS["mlp"]
    params, stats = drawn(model, inputs)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), params)
    with pytest.raises(
        ValueError, match=r"Dense_0/bias must have the shape \(6,\), but has \(2, 6\): give those of one"
    ):
        models.to_pytorch(model, stacked, stats, inputs)
    with pytest.raises(ValueError, match=r"params and stats must be those of the model, with the tree"):
        models.to_pytorch(model, {"Dense_0": params["Dense_0"]}, stats, inputs)


def test_a_model_of_other_layers_is_told():

    model = models.from_linen(nn.Dense(3), lambda module, inputs, training: module(inputs))
    params, stats = model.init(jax.random.key(0), images(2, 4))
    with pytest.raises(
        ValueError, match=r"a model must be made of jaxdl's layers to be exchanged, but bias is in none"
    ):
        models.to_pytorch(model, params, stats, images(2, 4))


def test_only_safetensors_are_read(tmp_path, torch):
    model, inputs, state = state_of("mlp")
    path = tmp_path / "net.pt"
    torch.save({name: torch.tensor(array) for name, array in state.items()}, path)
    sentence = "must be a safetensors file, but is damaged or another kind"
    with pytest.raises(ValueError, match=sentence):
        models.load_pytorch(path, model, inputs)
    path.write_bytes(pickle.dumps(state))
    with pytest.raises(ValueError, match=sentence):
        models.load_pytorch(path, model, inputs)
    path.write_bytes(safetensors.numpy.save(state)[:-4])
    with pytest.raises(ValueError, match=sentence):
        models.load_pytorch(path, model, inputs)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=sentence):
        models.load_pytorch(path, model, inputs)


def test_half_precision_goes_there_and_back(tmp_path):
    model, inputs, _, names = TWINS["mlp"]
    half = inputs.astype(jnp.bfloat16)
    params, stats = drawn(model, half)
    models.save_pytorch(tmp_path / "net.safetensors", model, params, stats, half, names=names)
    again, _ = models.load_pytorch(tmp_path / "net.safetensors", model, half, names=names)
    assert {leaf.dtype for leaf in jax.tree.leaves(again)} == {jnp.bfloat16.dtype}
    jax.tree.map(np.testing.assert_array_equal, again, params)


class Branches(nn.Module):
    """A flattened image for two dense layers; an image that is used otherwise."""

    between: str = ""

    @nn.compact
    def __call__(self, x, training):
        match self.between:
            case "norm":
                return models.Dense(3)(models.LayerNorm()(models.Flatten()(x)))
            case "activation":
                return models.Dense(3)(nn.relu(models.Flatten()(x)))
            case "own":
                return models.Dense(3)(x.reshape(len(x), -1))
        flat = models.Dropout(0.5)(models.Flatten()(x), training)
        return jnp.concatenate([models.Dense(3)(flat), models.Dense(2)(flat)], axis=-1)


def test_a_flattened_image_may_go_to_several_dense_layers(torch):
    inputs = images(2, 4, 3, 2)
    model = models.from_linen(Branches())
    params, stats = drawn(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs)
    flat = np.transpose(inputs, (0, 3, 1, 2)).reshape(2, -1)
    dense = lambda name: flat @ state[f"{name}.weight"].T + state[f"{name}.bias"]
    expected = np.concatenate([dense("Dense_0"), dense("Dense_1")], axis=-1)
    np.testing.assert_allclose(model.apply(params, stats, inputs)[0], expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("between", ["norm", "activation", "own"])
def test_a_flattened_image_that_pytorch_would_order_otherwise_is_refused(between):
    model = models.from_linen(Branches(between))
    for inputs in (images(2, 4, 3, 1), images(2, 1, 1, 3)):  # one channel, or one pixel: the same order in both
        params, stats = drawn(model, inputs)
        models.to_pytorch(model, params, stats, inputs)
    inputs = images(2, 4, 3, 2)
    params, stats = drawn(model, inputs)
    with pytest.raises(ValueError, match=r"an image of several channels, \(4, 3, 2\), must be flattened by jaxdl"):
        models.to_pytorch(model, params, stats, inputs)


def test_integers_are_no_weights():
    model, inputs, state = state_of("mlp")
    state["Dense_0.bias"] = state["Dense_0.bias"].astype(np.int8)
    with pytest.raises(ValueError, match=r"but Dense_0.bias holds int8 instead of floating numbers\. Say"):
        models.from_pytorch(model, state, inputs)


def test_the_arrays_of_a_state_dict_are_taken_by_pytorch_as_the_docstring_says(torch):
    model, inputs, build, names = TWINS["mlp, batch norm, skip"]
    params, stats = drawn(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs, names=names)
    twin = build(torch)
    twin.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    again = models.from_pytorch(
        model, {name: tensor.numpy() for name, tensor in twin.state_dict().items()}, inputs, names=names
    )
    jax.tree.map(np.testing.assert_array_equal, again, (params, stats))


def test_what_is_loaded_has_the_dtypes_of_the_model():
    model, inputs, *_ = TWINS["mlp, batch norm, skip"]
    params, stats = drawn(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs)
    half = inputs.astype(jnp.bfloat16)
    loaded = models.from_pytorch(model, state, half)
    kinds = lambda tree: jax.tree.map(lambda leaf: leaf.dtype, tree)
    assert kinds(loaded) == kinds(jax.eval_shape(model.init, jax.random.key(0), half))
    assert loaded[0]["Dense_0"]["kernel"].dtype == jnp.bfloat16


def test_dtypes_that_are_not_numpys_are_told(tmp_path):
    model, inputs, *_ = TWINS["linear_regression"]
    entries = {
        "weight": {"dtype": "F8_E4M3", "shape": [2, 5], "data_offsets": [0, 10]},
        "bias": {"dtype": "F32", "shape": [2], "data_offsets": [10, 18]},
    }
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(18))
    with pytest.raises(ValueError, match=r"must hold F16, .* but holds F8_E4M3: convert it in PyTorch"):
        models.load_pytorch(tmp_path / "net.safetensors", model, inputs, names=("",))


def test_without_names_a_layer_in_a_layer_has_a_dot_between():
    model, inputs, *_ = TWINS["convnet"]
    state = models.to_pytorch(model, *drawn(model, inputs), inputs)
    assert [*state] == [
        f"{layer}.{entry}"
        for layer in ("Conv_0", "Conv_1", "Mlp_0.Dense_0", "Mlp_0.Dense_1")
        for entry in ("weight", "bias")
    ]


def test_a_file_says_that_it_is_pytorchs(tmp_path):
    model, inputs, *_ = TWINS["mlp"]
    models.save_pytorch(tmp_path / "net.safetensors", model, *drawn(model, inputs), inputs)
    with safetensors.safe_open(tmp_path / "net.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}


class Flattened(nn.Module):
    to: str

    @nn.compact
    def __call__(self, x, training):
        flat = models.Flatten()(models.Conv(2)(x))
        return {"both": lambda: (models.Dense(3)(flat), nn.relu(flat)), "out": lambda: flat}[self.to]()


@pytest.mark.parametrize("to", ["both", "out"])
def test_a_flattened_image_of_which_more_is_made_is_refused(to):
    model, inputs = models.from_linen(Flattened(to)), images(2, 4, 3, 2)
    params, stats = drawn(model, inputs)
    with pytest.raises(ValueError, match=r"an image of several channels, \(4, 3, 2\), must be flattened by jaxdl"):
        models.to_pytorch(model, params, stats, inputs)
