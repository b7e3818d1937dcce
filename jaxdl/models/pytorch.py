"""Exchange of parameters with PyTorch, as state dicts and as safetensors files, which contain only arrays."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import PyTree

from jaxdl.models.call_recorder import record_calls
from jaxdl.models.model import Model, Stats, check_variables
from jaxdl.models.pytorch_conversions import Conversion, conversion_of, flattened_images
from jaxdl.system.storage import whole_file

COUNTER = "num_batches_tracked"
DTYPES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
    "BOOL": "bool",
    **{f"{sign}{bits}": f"{kind}{bits}" for sign, kind in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)},
}


class _LayerMap(NamedTuple):
    """The places of the arrays of one layer in jaxdl and in PyTorch.

    Attributes:
        path: Path of the layer in jaxdl.
        entries: For each of its entries in the state dict, its name in the conversion.
        conversion: Conversion of the arrays.
        image: Shape of the image whose flattened pixels the layer receives, or ().
    """

    path: str
    entries: dict[str, str]
    conversion: Conversion
    image: tuple[int, ...]


def to_pytorch(
    model: Model, params: PyTree, stats: Stats, inputs: Any, *, names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Return the parameters as the state dict of the equivalent PyTorch module, with NumPy arrays.

    Load it there with
    `module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})`. (`torch.from_numpy` does
    not read bfloat16: use `save_pytorch` for such a model.)

    PyTorch's images are NCHW: kernels are transposed, and the rows of a dense layer that receives a flattened image are
    reordered by channel. Batch norms get a `num_batches_tracked` of 0. The epsilon of a norm is not a parameter; it
    must be the same in both modules, as the defaults are.

    Args:
        model: A model of jaxdl's own layers.
        params: Its parameters, of one member of a population.
        stats: Its statistics.
        inputs: Inputs of the model, or `jax.ShapeDtypeStruct`s: only shapes are computed.
        names: Names of the PyTorch module's layers with parameters, in the order in which the model calls them, such as
            ("1", "3") for `nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))`. Repeat the
            name of a stacked recurrent layer for each of its layers. Without names, the layers keep their names in
            jaxdl, with dots ("Dense_0").

    Returns:
        The arrays by name.

    Raises:
        ValueError: If the model has a layer that is not jaxdl's; if there are not as many names as layers; if an
            image of several channels is flattened other than by `Flatten` for dense layers; or if `params` and
            `stats` are not those of one such model.
        TypeError: If `names` is a string.

    Example:
        >>> from jaxdl import models
        >>> model, inputs = models.mlp((8,), 2), jnp.ones((1, 4))
        >>> params, stats = model.init(jax.random.key(0), inputs)
        >>> state = models.to_pytorch(model, params, stats, inputs, names=("fc1", "fc2"))
        >>> {name: array.shape for name, array in state.items()}
        {'fc1.weight': (8, 4), 'fc1.bias': (8,), 'fc2.weight': (2, 8), 'fc2.bias': (2,)}
    """
    expected = _expected(model, inputs)
    given = _variables(params, stats)
    if jax.tree.structure(expected) != jax.tree.structure(given):
        raise ValueError(
            "params and stats must be those of the model, with the structure "
            f"{jax.tree.structure(expected)}, got {jax.tree.structure(given)}."
        )
    for (path, wanted), leaf in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(given), strict=True):
        if wanted.shape != leaf.shape:
            raise ValueError(
                f"{_path_text(path[1:])} must have the shape {wanted.shape}, got {leaf.shape}. Pass the parameters of "
                "one member: jax.tree.map(lambda leaf: leaf[0], params)."
            )
    layers = _layer_maps(model, expected, inputs, names)
    return {name: np.array(array) for name, array in _state_dict(layers, given).items()}


def from_pytorch(
    model: Model, state: Mapping[str, Any], inputs: Any, *, names: Sequence[str] = ()
) -> tuple[PyTree, Stats]:
    """Return parameters and statistics from the state dict of the equivalent PyTorch module: inverse of `to_pytorch`.

    Args:
        model: A model of jaxdl's own layers.
        state: Arrays by name, `{name: tensor.numpy() for name, tensor in module.state_dict().items()}`. (NumPy has no
            bfloat16 tensors: use `load_pytorch` for such a module.) Entries `num_batches_tracked` may be missing.
        inputs: Inputs of the model, or `jax.ShapeDtypeStruct`s. They determine the dtypes of the result.
        names: Names of the PyTorch module's layers, as in `to_pytorch`.

    Returns:
        `params` and `stats` of the model.

    Raises:
        ValueError: If an entry is missing, unknown, not of floating dtype or of another shape (the message names all
            such entries), and as `to_pytorch` for the model and the names.
        TypeError: If the state is not a mapping, such as the module itself.

    Example:
        >>> from jaxdl import models
        >>> model, inputs = models.mlp((), 1), jnp.ones((1, 3))
        >>> state = {"fc.weight": np.array([[1.0, 2.0, 3.0]]), "fc.bias": np.array([0.5])}
        >>> params, stats = models.from_pytorch(model, state, inputs, names=("fc",))
        >>> model.apply(params, stats, inputs)[0].tolist()
        [[6.5]]
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"state must map names to arrays, got {type(state).__name__}. Write "
            "{name: tensor.numpy() for name, tensor in module.state_dict().items()}."
        )
    expected = _expected(model, inputs)
    layers = _layer_maps(model, expected, inputs, names)
    _check_entries(state, jax.eval_shape(lambda variables: _state_dict(layers, variables), expected))
    loaded = {}
    for layer in layers:
        entries = {name: jnp.asarray(state[entry]) for entry, name in layer.entries.items()}
        for name, array in layer.conversion.from_pytorch(entries, layer.image).items():
            loaded[f"{layer.path}/{name}".removeprefix("/")] = array

    def loaded_leaf(path, leaf):
        return loaded[_path_text(path)].astype(leaf.dtype)

    stats = {name: jax.tree.map_with_path(loaded_leaf, collection) for name, collection in expected.items()}
    return stats.pop("params"), stats


def save_pytorch(
    path: str | pathlib.Path, model: Model, params: PyTree, stats: Stats, inputs: Any, *, names: Sequence[str] = ()
) -> None:
    """Write the state dict of `to_pytorch` as a safetensors file.

    Load it in PyTorch with `module.load_state_dict(safetensors.torch.load_file(path))`. If writing fails, no partial
    file remains.

    Args:
        path: The file to write.
        model: A model of jaxdl's own layers.
        params: Its parameters, of one member of a population.
        stats: Its statistics.
        inputs: Inputs of the model, or `jax.ShapeDtypeStruct`s: only shapes are computed.
        names: Names of the PyTorch module's layers, as in `to_pytorch`.

    Raises:
        ValueError: As `to_pytorch`.
        TypeError: As `to_pytorch`.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl import models
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> model, inputs = models.mlp((8,), 2), jnp.ones((1, 4))
        >>> params, stats = model.init(jax.random.key(0), inputs)
        >>> models.save_pytorch(path, model, params, stats, inputs, names=("fc1", "fc2"))
        >>> loaded, _ = models.load_pytorch(path, model, inputs, names=("fc1", "fc2"))
        >>> jax.tree.all(jax.tree.map(jnp.array_equal, loaded, params))
        True
    """
    state = to_pytorch(model, params, stats, inputs, names=names)
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in state.items()}
    with whole_file(pathlib.Path(path)) as file:
        file.write(safetensors.numpy.save(contiguous, metadata={"format": "pt"}))


def load_pytorch(
    path: str | pathlib.Path, model: Model, inputs: Any, *, names: Sequence[str] = ()
) -> tuple[PyTree, Stats]:
    """Read parameters from a safetensors file written by `save_pytorch` or by `safetensors.torch.save_file`.

    Files written by `torch.save` are not read: they contain pickles, which can run code when they are loaded.

    Args:
        path: The file.
        model: A model of jaxdl's own layers.
        inputs: Inputs of the model, or `jax.ShapeDtypeStruct`s. They determine the dtypes of the result.
        names: Names of the PyTorch module's layers, as in `to_pytorch`.

    Returns:
        `params` and `stats` of the model.

    Raises:
        ValueError: If the file is corrupt or not a safetensors file, and as `from_pytorch`.
        TypeError: If `names` is a string.

    Example:
        >>> import pathlib, safetensors.numpy, tempfile
        >>> from jaxdl import models
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"  # as PyTorch would write it
        >>> safetensors.numpy.save_file({"weight": np.ones((1, 3), "f"), "bias": np.zeros(1, "f")}, path)
        >>> params, stats = models.load_pytorch(path, models.linear_regression(), jnp.ones((1, 3)), names=("",))
        >>> params["Dense_0"]["kernel"].tolist()
        [[1.0], [1.0], [1.0]]
    """
    try:
        entries = safetensors.deserialize(pathlib.Path(path).read_bytes())
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{path} is corrupt or not a safetensors file ({error}). Write it in PyTorch with "
            "safetensors.torch.save_file(module.state_dict(), path)."
        ) from error
    unknown = sorted({entry["dtype"] for _, entry in entries if entry["dtype"] not in DTYPES})
    if unknown:
        raise ValueError(
            f"{path} must hold arrays of {', '.join(DTYPES)}, got {', '.join(unknown)}. Convert them in PyTorch."
        )
    state = {
        name: np.frombuffer(entry["data"], jnp.dtype(DTYPES[entry["dtype"]])).reshape(entry["shape"])
        for name, entry in entries
    }
    return from_pytorch(model, state, inputs, names=names)


def _layer_maps(model, expected, inputs, names):
    """Return every layer with parameters, in the order of the first calls."""
    if isinstance(names, str):
        raise TypeError(f"names must be a sequence of strings, one per layer, got {names!r}. Write ({names!r},).")
    stats = {name: collection for name, collection in expected.items() if name != "params"}
    recording = record_calls(model.apply, expected["params"], stats, inputs)
    images = flattened_images(recording)
    found = {}
    for number, call in enumerate(recording.calls):
        if call.path not in found and (conversion := conversion_of(call.module)) is not None:
            found[call.path] = (conversion, images.get(number, ()))
    for leaf_path, _ in jax.tree.leaves_with_path(expected):
        path = _path_text(leaf_path[1:])
        if path.rpartition("/")[0] not in found:
            raise ValueError(f"only models of jaxdl's own layers can be exchanged with PyTorch, but {path} is in none.")
    if names and len(names) != len(found):
        raise ValueError(f"names must name the {len(found)} layers {', '.join(found)}, got {', '.join(names)}.")
    names = names or [path.replace("/", ".") for path in found]
    return [
        _LayerMap(
            path,
            _entry_names(conversion, image, _layer(expected, path), name, names[:number].count(name)),
            conversion,
            image,
        )
        for number, (name, (path, (conversion, image))) in enumerate(zip(names, found.items(), strict=True))
    ]


def _entry_names(conversion, image, arrays, name, number):
    """Return the name of each entry of a layer in the state dict, with its name in the conversion.

    `number` counts the layers of the same name before, and is appended to the entries of a recurrent layer.
    """
    suffixes: list[str] = []
    jax.eval_shape(lambda arrays: suffixes.extend(conversion.to_pytorch(arrays, image)), arrays)
    prefix = f"{name}." if name else ""
    return {f"{prefix}{suffix}{number if suffix.endswith('_l') else ''}": suffix for suffix in suffixes}


def _state_dict(layers, variables):
    """Return the entries of all layers, with a counter of batches for each layer with running averages."""
    state = {}
    for layer in layers:
        converted = layer.conversion.to_pytorch(_layer(variables, layer.path), layer.image)
        for entry, name in layer.entries.items():
            if entry in state:
                raise ValueError(f"names must differ from layer to layer, but {entry.rpartition('.')[0]} occurs twice.")
            state[entry] = converted[name]
            if name == "running_var":
                state[entry.replace(name, COUNTER)] = np.zeros((), np.int64)
    return state


def _check_entries(state, expected):
    """Raise ValueError that names every entry that differs from the expected ones; counters may be missing."""
    faults = [f"{name} is missing" for name in expected if name not in state and not name.endswith(COUNTER)]
    faults += [f"{name} is unknown" for name in state if name not in expected]
    faults += [
        f"{name} has the dtype {dtype} instead of a floating one"
        for name, dtype in ((name, jnp.asarray(array).dtype) for name, array in state.items())
        if not jnp.issubdtype(dtype, jnp.floating) and not name.endswith(COUNTER)
    ]
    faults += [
        f"{name} has the shape {tuple(np.shape(array))} instead of {expected[name].shape}"
        for name, array in state.items()
        if name in expected and np.shape(array) != expected[name].shape
    ]
    if faults:
        raise ValueError(
            f"state must be the state dict of the equivalent PyTorch module, but {'; '.join(faults)}. "
            "If the module's layers have other names, give them as names=(...)."
        )


def _expected(model, inputs):
    """Return the shapes and dtypes of all collections of a model."""
    return _variables(*jax.eval_shape(model.init, jax.random.key(0), inputs))


def _variables(params, stats):
    """Return parameters and statistics as one tree of collections."""
    check_variables(params, stats)
    return {"params": params, **stats}


def _layer(variables, path):
    """Return the arrays of one layer, from all collections."""
    arrays = {}
    for collection in variables.values():
        for name in path.split("/") if path else ():
            collection = collection.get(name, {})
        arrays |= {name: leaf for name, leaf in collection.items() if not isinstance(leaf, dict)}
    return arrays


def _path_text(path):
    return jax.tree_util.keystr(path, simple=True, separator="/")
