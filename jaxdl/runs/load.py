"""Load the trained networks of a run directory, with the preparation of their inputs."""

import pathlib
import warnings
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from jaxdl import data, models
from jaxdl._display import labeled
from jaxdl.data.preprocessing.serialization import from_json
from jaxdl.data.readers.npz import array_types, read_arrays
from jaxdl.runs import files
from jaxdl.runs.build import build_model
from jaxdl.runs.contents import SETTINGS
from jaxdl.runs.manifest import FOR_PREDICTIONS, MANIFEST, verify_files
from jaxdl.runs.residuals import finite_members, read_residuals
from jaxdl.runs.settings import Train


class Run(NamedTuple):
    """The trained networks of a run.

    Attributes:
        model: The network as two pure functions.
        params: Parameters; the members are the first axis of every array.
        stats: Batch statistics, like `params`.
        preparation: The encoding and standardization of inputs and labels, fitted to the training part.
        settings: The settings of the run that matter for predictions.
        residuals: Absolute residuals (examples, targets) of the mean prediction on dev; None for classes, and if not
            stored.
        residual_weights: Weights (examples,) of the residuals; None if they are equal.
    """

    model: models.Model
    params: PyTree
    stats: PyTree
    preparation: data.Preparation
    settings: Train
    residuals: np.ndarray | None = None
    residual_weights: np.ndarray | None = None

    def __repr__(self) -> str:
        """Return the number of networks, their model and data on one line."""
        size = sum(leaf.size for leaf in jax.tree.leaves(self.params)) // self.members
        networks = f"{self.members} network{'s' * (self.members > 1)} of {size:,} parameters"
        return labeled("Run", networks, f"model {self.settings.model!r}", f"data {self.settings.data!r}")

    @property
    def members(self) -> int:
        """The number of networks."""
        return jax.tree.leaves(self.params)[0].shape[0]


def load_run(directory: str | pathlib.Path) -> Run:
    """Load the networks of a run directory that `jaxdl train` has written. No pickle is read.

    The files are compared with the SHA-256 in the manifest of the run; a run of an earlier version, which has no
    manifest, is loaded with a warning. Networks that diverged in training are dropped with a warning.

    Args:
        directory: The path of the run, such as `"runs/digits"`.

    Returns:
        The networks, ready for `predict`.

    Raises:
        FileNotFoundError: The directory is not a finished run of `jaxdl train`.
        ValueError: A file is damaged or that of another run, or the parameters do not belong to the network of the
            settings; or all networks diverged.

    Example:
        >>> from jaxdl import runs
        >>> runs.load_run("no/such/run")
        Traceback (most recent call last):
        ...
        FileNotFoundError: no/such/run is not a finished run of jaxdl train: it has no settings.json.
    """
    directory = pathlib.Path(directory).expanduser()
    absent = [name for name in ("settings.json", "preparation.json", "params.npz") if not (directory / name).is_file()]
    verified = verify_files(directory, FOR_PREDICTIONS)
    if absent:
        raise FileNotFoundError(f"{directory} is not a finished run of jaxdl train: it has no {absent[0]}.")
    if not verified:
        warnings.warn(
            f"{directory} has no {MANIFEST}, as runs of earlier versions of jaxdl and unfinished ones: damage to its "
            "files may go unnoticed",
            stacklevel=2,
        )
    settings = _settings(directory / "settings.json")
    preparation = from_json(files.read_json(directory / "preparation.json"))
    model = build_model(settings, preparation)
    example = jax.ShapeDtypeStruct((1, *preparation.shape), jnp.float32)
    params, stats = _networks(directory / "params.npz", jax.eval_shape(model.init, jax.random.key(0), example))
    params, stats = _drop_diverged(directory, (params, stats))
    labels = preparation.labels
    residuals = (None, None) if isinstance(labels, data.Classes) else read_residuals(directory, len(labels.std))
    return Run(model, params, stats, preparation, settings, *residuals)


def _drop_diverged(directory, networks) -> Any:
    """Return the members whose parameters are all finite."""
    finite = finite_members(networks)
    if not finite.any():
        raise ValueError(f"{directory} has no network to predict with: all of them diverged in training.")
    if finite.all():
        return networks
    warnings.warn(f"{(~finite).sum()} of {len(finite)} networks diverged in training and are not used", stacklevel=3)
    return jax.tree.map(lambda leaf: leaf[finite], networks)


def _settings(path) -> Train:
    """Read the settings that predictions depend on."""
    content = files.read_json(path, SETTINGS)
    return Train(
        data=content["data"],
        label=content["label"],
        categories=tuple(content["categories"]),
        missing=content["missing"],
        separator=content.get("separator"),
        header=content.get("header", "yes"),
        missing_values=tuple(content.get("missing_values", ())),
        image_size=None if content["image_size"] is None else tuple(content["image_size"]),
        model=content["model"],
        hidden=tuple(content["hidden"]),
        filters=tuple(content["filters"]),
        dropout_rate=content["dropout_rate"],
    )


def _networks(path, expected) -> Any:
    """Read the arrays of the parameters and batch statistics; `expected` has their shapes for one network."""
    params, stats = expected
    types = array_types(path)  # before a small file can expand to large arrays
    named = {
        files.array_name(place): leaf for place, leaf in jax.tree.leaves_with_path({"params": params, "stats": stats})
    }
    found = {name: (shape[1:], dtype) for name, (shape, dtype) in types.items() if shape}
    members = {shape[:1] for shape, _ in types.values()}
    wanted = {name: (leaf.shape, leaf.dtype) for name, leaf in named.items()}
    if found != wanted or len(members) != 1 or members == {(0,)}:
        raise ValueError(
            f"{path} holds other parameters than the network of settings.json has: the files belong to different runs, "
            "or one is damaged."
        )
    arrays = read_arrays(path)
    return jax.tree.unflatten(jax.tree.structure(expected), [jnp.asarray(arrays[name]) for name in named])
