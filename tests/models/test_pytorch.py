"""Exchange with PyTorch for every model, and the errors for state dicts, names and models that do not fit."""

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

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from tests.models.reference_models import REFERENCES, Reference, random_array, random_variables, to_torch


@functools.lru_cache
def compiled(name):
    """Return the compiled function of a model, once for both directions."""
    return jax.jit(REFERENCES[name].model.apply)


@pytest.mark.parametrize("name", REFERENCES)
def test_saved_parameters_give_the_same_outputs_in_pytorch(torch, name, tmp_path):
    model, inputs, build, names = REFERENCES[name]
    params, stats = random_variables(model, inputs)
    models.save_pytorch(tmp_path / "net.safetensors", model, params, stats, inputs, names=names)
    module = build(torch)
    from safetensors.torch import load_file

    loaded = module.load_state_dict(load_file(tmp_path / "net.safetensors"), strict=True)
    assert str(loaded) == "<All keys matched successfully>"
    expected = jax.tree.map(lambda tensor: tensor.detach().numpy(), module.eval()(to_torch(torch, inputs)))
    outputs, _ = compiled(name)(params, stats, inputs)
    for result, truth in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(result, truth, atol=1e-6 * np.abs(truth).max())


@pytest.mark.parametrize("name", REFERENCES)
def test_loaded_parameters_give_the_same_outputs_as_in_pytorch(torch, name, tmp_path):
    model, inputs, build, names = REFERENCES[name]
    torch.manual_seed(0)
    module = build(torch)
    for tensor in module.buffers():  # running averages other than the initial ones
        tensor.add_(0.3 if tensor.is_floating_point() else 7)
    from safetensors.torch import save_file

    save_file(module.state_dict(), tmp_path / "net.safetensors")
    params, stats = models.load_pytorch(tmp_path / "net.safetensors", model, inputs, names=names)
    expected = jax.tree.map(lambda tensor: tensor.detach().numpy(), module.eval()(to_torch(torch, inputs)))
    outputs, _ = compiled(name)(params, stats, inputs)
    for result, truth in zip(jax.tree.leaves(outputs), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(result, truth, atol=1e-6 * np.abs(truth).max())


@pytest.fixture(scope="module")
def mnist(data_dir):
    with np.load(data_dir / "mnist.npz", allow_pickle=False) as arrays:
        take = lambda part, count: (
            (arrays[f"x_{part}"][:count, ..., None] / np.float32(255) - np.float32(0.13)) / np.float32(0.31),
            arrays[f"y_{part}"][:count].astype(np.int32),
        )
        return data.from_arrays(*take("train", 2000)), *take("test", 1000)


MNIST_MLP = Reference(
    models.mlp((64,), 10),
    random_array(1, 28, 28, 1),
    lambda torch: torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10)
    ),
    ("1", "3"),
)


@pytest.mark.parametrize("reference", [REFERENCES["lenet5"], MNIST_MLP], ids=["lenet5", "mlp"])
def test_a_model_trained_on_mnist_predicts_the_same_in_pytorch_and_can_be_loaded_back(
    torch, mnist, reference, tmp_path
):
    train, images, labels = mnist
    model, _, build, names = reference
    task = training.Task(model, F.cross_entropy, optimizers.adam(3e-3), 50)

    @jax.jit
    def predictions(train, images):
        state, _ = training.train(task, train, jax.random.key(0), epochs=2)
        return state, model.apply(state.params, state.stats, images)[0].argmax(-1)

    state, predicted = predictions(train, images)
    predicted = np.asarray(predicted)
    assert (predicted == labels).mean() > 0.8
    path = tmp_path / "net.safetensors"
    models.save_pytorch(path, model, state.params, state.stats, images[:1], names=names)
    from safetensors.torch import load_file, save_file

    module = build(torch)
    module.load_state_dict(load_file(path), strict=True)
    np.testing.assert_array_equal(predicted, module(to_torch(torch, images)).argmax(-1).numpy())
    save_file(module.state_dict(), path)
    params, _ = models.load_pytorch(path, model, images[:1], names=names)
    jax.tree.map(np.testing.assert_array_equal, params, state.params)


@pytest.mark.parametrize("name", REFERENCES)
def test_to_pytorch_and_from_pytorch_are_inverse(name):
    model, inputs, _, names = REFERENCES[name]
    params, stats = random_variables(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs, names=names)
    again = models.from_pytorch(model, state, inputs, names=names)
    jax.tree.map(np.testing.assert_array_equal, again, (params, stats))


@pytest.mark.parametrize("name", ["mlp, batch norm, skip", "convnet", "lstm of ids", "multi_head"])
def test_they_are_inverse_without_names_too(name):
    model, inputs, state = state_of(name)
    again = models.from_pytorch(model, state, inputs)
    jax.tree.map(np.testing.assert_array_equal, again, random_variables(model, inputs))


def state_of(name):
    model, inputs, _, names = REFERENCES[name]
    params, stats = random_variables(model, inputs)
    return model, inputs, models.to_pytorch(model, params, stats, inputs)


def test_without_names_the_layers_keep_their_names():
    _, _, state = state_of("mlp, batch norm, skip")
    assert [*state][:7] == [
        "Dense_0.weight",
        *(f"BatchNorm_0.{entry}" for entry in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")),
        "Dense_1.weight",
    ]
    assert state["BatchNorm_0.num_batches_tracked"].dtype == np.int64


def test_missing_unknown_and_misshapen_entries_are_named():
    model, inputs, state = state_of("mlp, layer norm")
    state["fc9.weight"] = state.pop("Dense_0.weight")
    state["Dense_1.bias"] = np.zeros(4)
    with pytest.raises(
        ValueError, match="state must be the state dict of the equivalent PyTorch module, but Dense_0"
    ) as error:
        models.from_pytorch(model, state, inputs)
    for fault in (
        "Dense_0.weight is missing",
        "fc9.weight is unknown",
        r"Dense_1.bias has the shape (4,) instead of (3,)",
    ):
        assert fault in str(error.value)
    assert "LayerNorm_0" not in str(error.value).partition(", but ")[2]


def test_a_counter_of_batches_may_be_missing():
    model, inputs, state = state_of("mlp, batch norm, skip")
    complete = models.from_pytorch(model, state, inputs)
    without = models.from_pytorch(model, {k: v for k, v in state.items() if "tracked" not in k}, inputs)
    jax.tree.map(np.testing.assert_array_equal, without, complete)


def test_names_that_do_not_match_the_layers_raise():
    model, inputs, _, _ = REFERENCES["mlp"]
    params, stats = random_variables(model, inputs)
    with pytest.raises(ValueError, match=r"names must name the 3 layers Dense_0, Dense_1, Dense_2, got fc1, fc2\."):
        models.to_pytorch(model, params, stats, inputs, names=("fc1", "fc2"))
    with pytest.raises(ValueError, match=r"names must differ from layer to layer, but fc occurs twice"):
        models.to_pytorch(model, params, stats, inputs, names=("fc", "fc", "out"))


def test_parameters_of_a_population_or_of_another_model_raise():
    model, inputs, _, _ = REFERENCES["mlp"]
    params, stats = random_variables(model, inputs)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), params)
    with pytest.raises(
        ValueError, match=r"Dense_0/bias must have the shape \(6,\), got \(2, 6\). Pass the parameters of one"
    ):
        models.to_pytorch(model, stacked, stats, inputs)
    with pytest.raises(ValueError, match=r"params and stats must be those of the model, with the structure"):
        models.to_pytorch(model, {"Dense_0": params["Dense_0"]}, stats, inputs)


def test_a_model_of_other_layers_raises():
    model = models.from_linen(nn.Dense(3), lambda module, inputs, training: module(inputs))
    params, stats = model.init(jax.random.key(0), random_array(2, 4))
    with pytest.raises(
        ValueError, match=r"only models of jaxdl's own layers can be exchanged with PyTorch, but bias is in none"
    ):
        models.to_pytorch(model, params, stats, random_array(2, 4))


def test_only_intact_safetensors_files_are_read(tmp_path, torch):
    model, inputs, state = state_of("mlp")
    path = tmp_path / "net.pt"
    torch.save({name: torch.tensor(array) for name, array in state.items()}, path)
    sentence = "is corrupt or not a safetensors file"
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


def test_bfloat16_parameters_can_be_saved_and_loaded(tmp_path):
    model, inputs, _, names = REFERENCES["mlp"]
    half = inputs.astype(jnp.bfloat16)
    params, stats = random_variables(model, half)
    models.save_pytorch(tmp_path / "net.safetensors", model, params, stats, half, names=names)
    again, _ = models.load_pytorch(tmp_path / "net.safetensors", model, half, names=names)
    assert {leaf.dtype for leaf in jax.tree.leaves(again)} == {jnp.bfloat16.dtype}
    jax.tree.map(np.testing.assert_array_equal, again, params)


def test_integer_weights_raise():
    model, inputs, state = state_of("mlp")
    state["Dense_0.bias"] = state["Dense_0.bias"].astype(np.int8)
    with pytest.raises(ValueError, match=r"but Dense_0.bias has the dtype int8 instead of a floating one\. If"):
        models.from_pytorch(model, state, inputs)


def test_the_expressions_of_the_docstrings_convert_state_dicts(torch):
    model, inputs, build, names = REFERENCES["mlp, batch norm, skip"]
    params, stats = random_variables(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs, names=names)
    module = build(torch)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    again = models.from_pytorch(
        model, {name: tensor.numpy() for name, tensor in module.state_dict().items()}, inputs, names=names
    )
    jax.tree.map(np.testing.assert_array_equal, again, (params, stats))


def test_loaded_parameters_have_the_dtypes_of_the_model():
    model, inputs, *_ = REFERENCES["mlp, batch norm, skip"]
    params, stats = random_variables(model, inputs)
    state = models.to_pytorch(model, params, stats, inputs)
    half = inputs.astype(jnp.bfloat16)
    loaded = models.from_pytorch(model, state, half)
    dtypes = lambda tree: jax.tree.map(lambda leaf: leaf.dtype, tree)
    assert dtypes(loaded) == dtypes(jax.eval_shape(model.init, jax.random.key(0), half))
    assert loaded[0]["Dense_0"]["kernel"].dtype == jnp.bfloat16


def test_dtypes_unknown_to_numpy_raise(tmp_path):
    model, inputs, *_ = REFERENCES["linear_regression"]
    entries = {
        "weight": {"dtype": "F8_E4M3", "shape": [2, 5], "data_offsets": [0, 10]},
        "bias": {"dtype": "F32", "shape": [2], "data_offsets": [10, 18]},
    }
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    (tmp_path / "net.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + bytes(18))
    with pytest.raises(ValueError, match=r"must hold arrays of F16, .* got F8_E4M3. Convert them in PyTorch"):
        models.load_pytorch(tmp_path / "net.safetensors", model, inputs, names=("",))


def test_without_names_nested_layers_are_joined_by_dots():
    model, inputs, *_ = REFERENCES["convnet"]
    state = models.to_pytorch(model, *random_variables(model, inputs), inputs)
    assert [*state] == [
        f"{layer}.{entry}"
        for layer in ("Conv_0", "Conv_1", "Mlp_0.Dense_0", "Mlp_0.Dense_1")
        for entry in ("weight", "bias")
    ]


def test_a_saved_file_has_pytorchs_metadata(tmp_path):
    model, inputs, *_ = REFERENCES["mlp"]
    models.save_pytorch(tmp_path / "net.safetensors", model, *random_variables(model, inputs), inputs)
    with safetensors.safe_open(tmp_path / "net.safetensors", "np") as file:
        assert file.metadata() == {"format": "pt"}
