"""Parameters to PyTorch and back, as its state dicts and as safetensors files, which hold arrays and nothing else."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy
from jaxtyping import PyTree

from jaxdl.models.listening import listen
from jaxdl.models.model import Model, Stats
from jaxdl.models.pytorch_layouts import Layout, flattened_images, layout_of
from jaxdl.system.storage import whole_file

COUNTER = "num_batches_tracked"
DTYPES = {
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
    "BOOL": "bool",
    **{f"{sign}{bits}": f"{kind}{bits}" for sign, kind in (("I", "int"), ("U", "uint")) for bits in (8, 16, 32, 64)},
}


class _Place(NamedTuple):
    """A layer in both worlds: its path here, the entries of PyTorch that it makes, by what we call them, its layout."""

    path: str
    entries: dict[str, str]
    layout: Layout
    image: tuple[int, ...]


def to_pytorch(
    model: Model, params: PyTree, stats: Stats, inputs: Any, *, names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """The state dict of the PyTorch module that computes the same, as arrays of numpy.

    There `module.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})` takes it, strict;
    torch reads no bfloat16 of numpy, so that a model in it goes by `save_pytorch`. `inputs` are such as the model
    takes; their values do not matter.

    `names` are what the module calls its layers with parameters, in the order in which the model calls them, e.g.
    ("1", "3") for `nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))`; without them the
    layers keep their names here, Mlp_0.Dense_0 and so on. The same name again is the next layer of a stacked
    recurrent one.

    Images are NCHW there: kernels are transposed, and where an image was flattened the rows of the dense layers that
    follow are put into the order of the channels. Batch norms have running averages, and a `num_batches_tracked` of 0.
    The epsilon of a norm is no parameter: it must be the same there, as the defaults are.

    For models of jaxdl's own layers. Raises ValueError for a layer of another kind, for another number of names than
    of layers, for an image of several channels that is flattened otherwise than by `Flatten` for dense layers, and for
    parameters that are not those of one such model; TypeError for names that are one string.
    """
    expected = _expected(model, inputs)
    given = _variables(params, stats)
    if jax.tree.structure(expected) != jax.tree.structure(given):
        raise ValueError(
            "params and stats must be those of the model, with the tree "
            f"{jax.tree.structure(expected)}, but have {jax.tree.structure(given)}."
        )
    for (where, wanted), leaf in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(given), strict=True):
        if wanted.shape != leaf.shape:
            raise ValueError(
                f"{_path(where[1:])} must have the shape {wanted.shape}, but has {leaf.shape}: give those of one "
                "member, jax.tree.map(lambda leaf: leaf[0], params)."
            )
    return {name: np.array(array) for name, array in _state(_places(model, expected, inputs, names), given).items()}


def from_pytorch(
    model: Model, state: Mapping[str, Any], inputs: Any, *, names: Sequence[str] = ()
) -> tuple[PyTree, Stats]:
    """Parameters and statistics from the state dict of a PyTorch module that computes the same, the way back.

    `state` maps names to arrays (`{name: tensor.numpy() for name, tensor in module.state_dict().items()}`, where numpy
    has their dtypes; `load_pytorch` reads all); `names` is as for `to_pytorch`. What is loaded has the dtypes that the
    model draws for such inputs. Raises ValueError that names every entry that is missing, unknown, of another shape or
    not of floating numbers, and TypeError for a state that is no mapping, such as the module itself.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            "state must map names to arrays, {name: tensor.numpy() for name, tensor in module.state_dict().items()}, "
            f"but was {type(state).__name__}."
        )
    expected = _expected(model, inputs)
    places = _places(model, expected, inputs, names)
    _check(state, jax.eval_shape(lambda variables: _state(places, variables), expected))
    loaded = {}
    for place in places:
        theirs = {ours: jnp.asarray(state[name]) for name, ours in place.entries.items()}
        for name, array in place.layout.from_pytorch(theirs, place.image).items():
            loaded[f"{place.path}/{name}".removeprefix("/")] = array

    def found(where, leaf):
        return loaded[_path(where)].astype(leaf.dtype)

    stats = {name: jax.tree.map_with_path(found, collection) for name, collection in expected.items()}
    return stats.pop("params"), stats


def save_pytorch(
    path: str | pathlib.Path, model: Model, params: PyTree, stats: Stats, inputs: Any, *, names: Sequence[str] = ()
) -> None:
    """Write `to_pytorch` as a safetensors file, whole or not at all, for `safetensors.torch.load_file`.

    Raises what `to_pytorch` raises.
    """
    state = to_pytorch(model, params, stats, inputs, names=names)
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in state.items()}
    with whole_file(pathlib.Path(path)) as file:
        file.write(safetensors.numpy.save(contiguous, metadata={"format": "pt"}))


def load_pytorch(
    path: str | pathlib.Path, model: Model, inputs: Any, *, names: Sequence[str] = ()
) -> tuple[PyTree, Stats]:
    """Read a safetensors file that `save_pytorch` or `safetensors.torch.save_file` has written, as `from_pytorch` does.

    No other format is read: a file that `torch.save` has written can run code when it is loaded. Raises ValueError for
    such a one and for a damaged one, and what `from_pytorch` raises.
    """
    try:
        entries = safetensors.deserialize(pathlib.Path(path).read_bytes())
    except safetensors.SafetensorError as error:
        raise ValueError(
            f"{path} must be a safetensors file, but is damaged or another kind ({error}): write it in PyTorch with "
            "safetensors.torch.save_file(module.state_dict(), path)."
        ) from error
    kinds = {name: DTYPES.get(entry["dtype"]) for name, entry in entries}
    unknown = sorted({entry["dtype"] for _, entry in entries if entry["dtype"] not in DTYPES})
    if unknown:
        raise ValueError(
            f"{path} must hold {', '.join(DTYPES)}, but holds {', '.join(unknown)}: convert it in PyTorch."
        )
    state = {
        name: np.frombuffer(entry["data"], jnp.dtype(kinds[name])).reshape(entry["shape"]) for name, entry in entries
    }
    return from_pytorch(model, state, inputs, names=names)


def _places(model, expected, inputs, names):
    """Every layer with parameters, in the order of the first calls."""
    if isinstance(names, str):
        raise TypeError(f"names must be one string for each layer, but was {names!r}: write one as ({names!r},).")
    stats = {name: collection for name, collection in expected.items() if name != "params"}
    heard = listen(model.apply, expected["params"], stats, inputs)
    images = flattened_images(heard)
    found = {}
    for number, call in enumerate(heard.calls):
        if call.path not in found and (layout := layout_of(call.module)) is not None:
            found[call.path] = (layout, images.get(number, ()))
    for where, _ in jax.tree.leaves_with_path(expected):
        path = _path(where[1:])
        if path.rpartition("/")[0] not in found:
            raise ValueError(f"a model must be made of jaxdl's layers to be exchanged, but {path} is in none of them.")
    if names and len(names) != len(found):
        raise ValueError(f"names must name the {len(found)} layers {', '.join(found)}, but were {', '.join(names)}.")
    theirs = names or [path.replace("/", ".") for path in found]
    return [
        _Place(path, _entries(layout, image, _layer(expected, path), name, theirs[:number].count(name)), layout, image)
        for number, (name, (path, (layout, image))) in enumerate(zip(theirs, found.items(), strict=True))
    ]


def _entries(layout, image, of, name, number):
    """The names of a layer's entries there, and what they are called in its layout."""
    suffixes: list[str] = []
    jax.eval_shape(lambda of: suffixes.extend(layout.to_pytorch(of, image)), of)
    prefix = f"{name}." if name else ""
    return {f"{prefix}{suffix}{number if suffix.endswith('_l') else ''}": suffix for suffix in suffixes}


def _state(places, variables):
    """All entries, with counters of batches where there are running averages."""
    state = {}
    for place in places:
        theirs = place.layout.to_pytorch(_layer(variables, place.path), place.image)
        for name, ours in place.entries.items():
            if name in state:
                raise ValueError(
                    f"names must differ from layer to layer, but {name.rpartition('.')[0]} is given twice."
                )
            state[name] = theirs[ours]
            if ours == "running_var":
                state[name.replace(ours, COUNTER)] = np.zeros((), np.int64)
    return state


def _check(state, expected):
    """Refuse a state dict with other entries, naming them all; a counter of batches may be missing."""
    faults = [f"{name} is missing" for name in expected if name not in state and not name.endswith(COUNTER)]
    faults += [f"{name} is unknown" for name in state if name not in expected]
    faults += [
        f"{name} holds {dtype} instead of floating numbers"
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
            f"the state dict must be that of a module that computes the same, but {'; '.join(faults)}. "
            "Say with names=(…) what the module calls its layers."
        )


def _expected(model, inputs):
    """The shapes and dtypes of all collections of a model."""
    return _variables(*jax.eval_shape(model.init, jax.random.key(0), inputs))


def _variables(params, stats):
    """All collections as one tree, in which a layer has one place."""
    return {"params": params, **stats}


def _layer(variables, path):
    """The arrays of one layer, from all collections."""
    arrays = {}
    for collection in variables.values():
        for name in path.split("/") if path else ():
            collection = collection.get(name, {})
        arrays |= {name: leaf for name, leaf in collection.items() if not isinstance(leaf, dict)}
    return arrays


def _path(where):
    """The place of a leaf, in one line."""
    return jax.tree_util.keystr(where, simple=True, separator="/")
