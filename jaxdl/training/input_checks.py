"""Check data and task of `fit` before anything is compiled; warn about data that train badly."""

import numbers
import os
import warnings
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl._formatting import format_argument
from jaxdl.data import Dataset
from jaxdl.data._arguments import check_integer
from jaxdl.models import check_batch_norm
from jaxdl.training.argument_checks import (
    check_devices,
    check_function,
    check_key,
    check_task,
)
from jaxdl.training.data_checks import (
    check_arrays,
    check_bytes,
    check_counts,
    check_is_dataset,
    check_total_weight,
    checked_dataset,
    model_shapes,
    shapes_of,
)
from jaxdl.training.early_stopping import lowest_loss
from jaxdl.training.supervised import objective_of
from jaxdl.training.task import Task

SAMPLE, LARGE = 1000, 30.0  # examples looked at, and the root mean square of inputs that triggers a warning


def check_fit(config: Any, *, order: Any, watch: Any, checkpoints: Any, devices: Any) -> None:
    """Raise TypeError or ValueError for arguments of `fit`, other than the data, of a wrong type or value."""
    check_task(config.task)
    check_integer("epochs", config.epochs, 1)
    if config.patience is not None:
        check_integer("patience", config.patience)
    check_function("criterion", config.criterion)
    _warn_of_criterion(config)
    check_function("observe", config.observe, optional=True)
    check_function("watch", watch, optional=True)
    if order is not None:
        check_key("order", order)
    check_devices(devices)
    if checkpoints is not None and not hasattr(checkpoints, "settings"):
        raise TypeError(
            f"checkpoints must be training.Checkpoints, got {format_argument(checkpoints)}: write "
            "training.Checkpoints(directory)."
        )
    seconds = getattr(checkpoints, "seconds", None)
    if seconds is not None and not (isinstance(seconds, numbers.Real) and seconds >= 0):
        raise ValueError(
            f"the seconds of checkpoints must be None or a number from 0 on, got {format_argument(seconds)}."
        )
    if checkpoints is not None and not isinstance(checkpoints.directory, str | os.PathLike):
        raise TypeError(
            f"the directory of checkpoints must be a path, got {format_argument(checkpoints.directory)}: write "
            "training.Checkpoints(directory)."
        )
    if checkpoints is not None and not isinstance(checkpoints.settings, Mapping):
        raise TypeError(
            f"the settings of checkpoints must be a dictionary, got {format_argument(checkpoints.settings)}: name each "
            "of them."
        )


def warn_of_equal_members(keys: Any, settings: Mapping[str, Any]) -> None:
    """Warn about two members with the same key and settings, whose trainings are equal."""
    columns = [np.asarray(jax.random.key_data(jax.random.clone(keys))), *map(np.asarray, settings.values())]
    first: dict[tuple[bytes, ...], int] = {}
    for member in range(len(columns[0])):
        other = first.setdefault(tuple(column[member].tobytes() for column in columns), member)
        if other != member:
            warnings.warn(
                f"members {other} and {member} have the same key{' and settings' * bool(settings)}, so that they train "
                "equally: give each member a key of its own, such as jax.random.split(key, members)"
                + ("." if settings else ", or pass the settings of the grid that the keys are from."),
                stacklevel=4,
            )
            return


def _warn_of_criterion(config) -> None:
    """Warn about patience that counts on the training loss, because nothing on dev is called loss."""
    has_loss = config.observe is not None or config.task.loss is not None or "loss" in config.task.metrics
    if config.patience is not None and config.criterion is lowest_loss and not has_loss:
        warnings.warn(
            "patience counts epochs without a lower training loss, because a task with an objective has no loss on "
            'dev: pass criterion=highest("accuracy"), or add a metric named "loss".',
            stacklevel=4,
        )


def check_inputs(task: Task, data: Dataset, dev: Dataset) -> None:
    """Raise ValueError or TypeError for data that the task cannot be trained on; warn about data that trains badly."""
    for name, part in [("data", data), ("dev", dev)]:
        check_is_dataset(name, part)
        check_arrays(name, part)
        check_bytes(name, task, part)
    check_counts(task, data)
    _check_same_shapes(data, dev)
    _warn_of_images(task, data.inputs)
    key, batch = jax.random.key(0), shapes_of(task, data, task.batch_size // task.microbatches)
    params, stats = model_shapes(task, batch.inputs)
    for name, part in [("data", data), ("dev", dev)]:
        checked_dataset(name, task, part)
        check_total_weight(name, part)
    check_batch_norm(task.model, batch.inputs)
    _, after = jax.eval_shape(objective_of(task), params, stats, batch, key)  # raises for a wrong loss or objective
    if jax.tree.map(jnp.shape, after) != jax.tree.map(jnp.shape, stats):
        raise ValueError(
            "the objective must return the batch statistics in the structure and shapes that it received, got "
            f"{jax.tree.map(jnp.shape, after)} for {jax.tree.map(jnp.shape, stats)}: return those of model.apply."
        )


def _check_same_shapes(data, dev) -> None:
    """Raise ValueError for inputs of dev with other shapes than those of the data."""
    of_data, of_dev = (jax.tree.map(lambda leaf: leaf.shape[1:], part.inputs) for part in (data, dev))
    if of_data != of_dev:
        raise ValueError(f"inputs of dev must have the shape {of_data}, got {of_dev}: encode both in the same way.")


def _warn_of_images(task, inputs) -> None:
    """Warn about inputs that are far from 1 in size, and about images with channels first."""
    inputs = task.transform(jax.tree.map(lambda array: jax.device_put(np.asarray(array)[:SAMPLE]), inputs))
    if not hasattr(inputs, "dtype") or not jnp.issubdtype(inputs.dtype, jnp.floating):
        return
    size = float(np.sqrt(np.square(np.asarray(inputs), dtype=np.float64).mean()))
    if size > LARGE:
        warnings.warn(
            f"the root mean square of the inputs is about {size:.0f}; networks train badly on inputs far from 1. "
            "Divide images by 255, or standardize with data.standardized.",
            stacklevel=5,
        )
    if inputs.ndim == 4 and inputs.shape[1] in (1, 3) and inputs.shape[2] == inputs.shape[3] > 4:
        warnings.warn(
            f"inputs of shape {inputs.shape[1:]} look like images with channels first, but jaxdl expects channels "
            "last: inputs.transpose(0, 2, 3, 1).",
            stacklevel=5,
        )
