"""A run as something to predict with: what it trained, and how its inputs were prepared."""

import pathlib
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from jaxdl import data, models, run
from jaxdl.recipe import model_of
from jaxdl.settings import Train
from jaxdl.statistics import Interval, mean_intervals

ROWS = 2048  # examples that are computed at a time


class Trained(NamedTuple):
    """The networks of a run, the members being the first axis of every array of `params` and `stats`."""

    model: models.Model
    params: PyTree
    stats: PyTree
    preparation: data.Preparation
    settings: Train

    @property
    def members(self) -> int:
        """How many networks there are."""
        return jax.tree.leaves(self.params)[0].shape[0]


def load(directory: str | pathlib.Path) -> Trained:
    """The networks of a run directory: `predict(load("runs/digits"), images)`.

    Raises FileNotFoundError for a directory that is no run of `jaxdl train`, and ValueError, naming the file, where one
    is damaged or does not fit the others. No pickle is read.
    """
    directory = pathlib.Path(directory)
    absent = [name for name in ("settings.json", "preparation.json", "params.npz") if not (directory / name).is_file()]
    if absent:
        raise FileNotFoundError(
            f"run must be a directory that jaxdl train has written to its end, but {directory} has no {absent[0]}."
        )
    settings = _settings(directory / "settings.json")
    preparation = data.from_json(run.read_json(directory / "preparation.json"))
    model = model_of(settings, preparation)
    tree = _tree(data.read_arrays(directory / "params.npz"))
    params, stats = tree.get("params", {}), tree.get("stats", {})
    expected = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, *preparation.shape)))
    found = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), (params, stats))
    if expected != found:
        raise ValueError(f"{directory / 'params.npz'} must hold the parameters of the run's network, but holds others.")
    params, stats = _that_are_finite(directory, (params, stats))
    return Trained(model, params, stats, preparation, settings)


def _that_are_finite(directory, networks) -> Any:
    """The members whose parameters are numbers: what diverged in training predicts nothing."""
    finite = np.all(
        [np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1) for leaf in jax.tree.leaves(networks)], axis=0
    )
    if not finite.any():
        raise ValueError(f"run must hold a network to predict with, but all of {directory} diverged in training.")
    if finite.all():
        return networks
    warnings.warn(f"{(~finite).sum()} of {len(finite)} networks diverged in training and are left out", stacklevel=3)
    return jax.tree.map(lambda leaf: leaf[finite], networks)


def _settings(path) -> Train:
    """As much of the settings as a prediction depends on."""
    content = run.read_json(path)
    try:
        return Train(
            data=content["data"],
            label=content["label"],
            categories=tuple(content["categories"]),
            missing=content["missing"],
            image_size=None if content["image_size"] is None else tuple(content["image_size"]),
            model=content["model"],
            hidden=tuple(content["hidden"]),
            filters=tuple(content["filters"]),
            dropout_rate=content["dropout_rate"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} must hold the settings of a run of this version, but is damaged or older: {error}."
        ) from error


def _tree(named: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Arrays under their paths as the tree that they were."""
    tree: dict[str, Any] = {}
    for path, array in named.items():
        *folders, leaf = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[leaf] = jnp.asarray(array)
    return tree


def outputs(model: models.Model, params: PyTree, stats: PyTree, inputs: Array, *, classes: bool) -> Array:
    """What every network puts out for inputs as they are prepared: (members, examples, classes or targets).

    Probabilities of the classes, else targets as they are prepared (`data.rescaled` has them in their unit).
    Traceable; one network is computed after another, so that memory does not grow with their number.
    """

    def of_one(member):
        out, _ = model.apply(*member, inputs)
        return jax.nn.softmax(out) if classes else out

    return jax.lax.map(of_one, (params, stats))


_program = jax.jit(outputs, static_argnums=0, static_argnames="classes")


def predict(trained: Trained, inputs: Any) -> Interval:
    """The mean over the networks of what they predict and its 95 % interval: arrays of (examples, classes or targets).

    `inputs` are as they are read: an array as in training, or a dict of the columns of a table. What is predicted are
    the probabilities of the classes in `trained.preparation.labels.names`, or targets in the unit of the labels.
    The interval is Student's, for the mean over networks that differ by seed: it says how far they agree, and nothing
    of the noise in the data. Raises what `data.encode_inputs` raises.
    """
    labels = trained.preparation.labels
    classes = isinstance(labels, data.Classes)
    within = (0.0, 1.0) if classes else (-np.inf, np.inf)
    ready, pieces = np.asarray(data.encode_inputs(trained.preparation, inputs)), []
    for first in range(0, len(ready), ROWS):
        piece = ready[first : first + ROWS]
        size = 1 << (len(piece) - 1).bit_length()  # few sizes, so that few programs are compiled
        padded = np.concatenate([piece, np.repeat(piece[:1], size - len(piece), axis=0)])
        found = np.asarray(_program(trained.model, trained.params, trained.stats, jnp.asarray(padded), classes=classes))
        pieces.append(mean_intervals(found[:, : len(piece)], within=within))
    limits = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    return Interval(*(limits if classes else (data.rescaled(limit, labels) for limit in limits)))
