"""Check data against a task and a state. Values are only checked of arrays that are not traced.

A traced array has a shape and a dtype, but no values: in `jit`, `vmap` and `population`, data that are arguments are
checked by shape, and data in a closure by value, too.
"""

import weakref
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import PyTree

from jaxdl._formatting import format_argument
from jaxdl.data import Dataset, Split
from jaxdl.data._arguments import check_integer
from jaxdl.data.stream import Stream, first_rows
from jaxdl.models._validity import lacks_outputs
from jaxdl.models.model import set_outputs
from jaxdl.training.argument_checks import (
    check_evaluated_task,
    check_function,
    check_key,
    check_task,
)
from jaxdl.training.label_checks import check_labels
from jaxdl.training.sweep import shapes_of_member
from jaxdl.training.task import State, Task, transform_inputs

FROM_ARRAYS = "make the Dataset with data.from_arrays(inputs, labels)"
_finite: weakref.WeakValueDictionary[int, jax.Array] = weakref.WeakValueDictionary()  # arrays that passed the check


def checked_start(task: Task, data: Any, key: Any) -> Any:
    """Check the arguments of `start`; return the data with jax arrays in place of numpy arrays."""
    check_task(task)
    check_key("key", key)
    return checked_data(task, data)


def checked_training(
    task: Task, data: Any, state: State, *, dev: Any, epochs: int, observe: Any, order: Any
) -> tuple[Any, Any]:
    """Check the arguments of `resume`; return data and dev with jax arrays in place of numpy arrays."""
    check_task(task)
    task = with_outputs_of(task, state, data)
    if state.key.ndim:
        raise ValueError(
            f"state must be that of one model, got that of {state.key.shape[0]} members: take one of them, such as "
            "state.member(0), or train all with training.fit and more epochs."
        )
    check_integer("epochs", epochs, 1)
    check_function("observe", observe, optional=True)
    if order is not None:
        check_key("order", order)
    data = checked_data(task, data)
    check_counts(task, data)
    if not isinstance(data, Stream):
        check_total_weight("data", data)
        check_state_fits(task, state, "data", data)
        _check_optimizer_state(task, state)
    if dev is not None and observe is None:  # an observe of the user accepts any dev
        dev = checked_dataset("dev", task, dev)
        check_total_weight("dev", dev)
        check_state_fits(task, state, "dev", dev)
    return data, dev


def checked_evaluation(task: Task, state: State, data: Any) -> Dataset:
    """Check task and data of `evaluate`; return the data with jax arrays. Rows of weight 0 may hold anything."""
    check_evaluated_task(task)
    task = with_outputs_of(task, state, data)
    data = checked_dataset("data", task, data, skip_unweighted=True)
    check_total_weight("data", data)
    check_state_fits(task, state, "data", data)
    return data


def checked_inputs(task: Task, state: State, data: Any) -> PyTree:
    """Check task and data of `outputs_of`, which reads no labels and no weights; return the inputs as jax arrays."""
    check_evaluated_task(task)
    check_is_dataset("data", data)
    data = Dataset(data.inputs, None, None)
    _check_numbers("inputs of data", data.inputs)
    check_bytes("data", task, data)
    _check_finite("data", "inputs", data.inputs)
    check_state_fits(with_outputs_of(task, state, data), state, "data", data)
    return _as_jax(data.inputs)


def checked_data(task: Task, data: Any) -> Any:
    """Check training data; return a Dataset with jax arrays, or a Stream that checks the labels of each batch."""
    if isinstance(data, Stream):
        return stream_with_checked_labels(task, data, first_rows(data, 1))
    return checked_dataset("data", task, data)


def checked_dataset(name: str, task: Task, data: Any, *, skip_unweighted: bool = False) -> Dataset:
    """Check types, shapes and values of a data set; return it with jax arrays in place of numpy arrays."""
    check_is_dataset(name, data)
    check_arrays(name, data)
    if data.size == 0:
        raise ValueError(f"{name} has no examples: give it at least one.")
    check_bytes(name, task, data)
    check_values(name, data, skip_unweighted=skip_unweighted)
    labels = _on_host(data.labels)
    if labels is not None and labels.ndim == 1 and labels.dtype.kind in "iu":
        weights = _on_host(data.weights) if skip_unweighted else None
        counted = labels if weights is None else labels[weights != 0]
        check_labels(name, task, counted, output_shapes(task, data))
    return _as_jax(data)


def check_is_dataset(name: str, data: Any) -> None:
    """Raise TypeError unless `data` is a Dataset."""
    if isinstance(data, Dataset):
        return
    advice = "make one with data.from_arrays(inputs, labels)"
    if data is None and name == "dev":
        advice = "pass one that is not trained on, such as split.dev"
    elif isinstance(data, Split):
        advice = f"pass one of its parts, such as split.{'dev' if name == 'dev' else 'train'}"
    raise TypeError(f"{name} must be a Dataset, got {format_argument(data)}: {advice}.")


def check_arrays(name: str, data: Dataset) -> None:
    """Raise unless all fields of a Dataset are arrays of numbers with one row for each example."""
    for field, tree in data._asdict().items():
        _check_numbers(f"{field} of {name}", tree)
    weights = data.weights
    if weights is None or weights.ndim != 1 or not jnp.issubdtype(weights.dtype, jnp.floating):
        raise TypeError(
            f"weights of {name} must be floating, with the shape (examples,), got {format_argument(weights)}: "
            f"{FROM_ARRAYS}."
        )
    for field, tree in data._asdict().items():
        for leaf in jax.tree.leaves(tree):
            if leaf.shape[:1] != weights.shape:
                raise ValueError(
                    f"{field} of {name} must have one row for each of its {len(weights)} weights, got an array of "
                    f"shape {leaf.shape}: {FROM_ARRAYS}."
                )


def _check_numbers(name, tree) -> None:
    """Raise TypeError for leaves that are not arrays of numbers."""
    for leaf in jax.tree.leaves(tree):
        if not hasattr(leaf, "shape"):
            raise TypeError(f"{name} must be an array, but contains a {type(leaf).__name__}: {FROM_ARRAYS}.")
        if getattr(leaf.dtype, "kind", "f") in "OSUMm":
            raise TypeError(f"{name} must be numbers, got {leaf.dtype}: encode them with data.prepare.")


def check_counts(task: Task, data: Dataset | Stream) -> None:
    """Raise ValueError for batch sizes that do not fit the data."""
    if not 1 <= task.batch_size <= data.size:
        raise ValueError(
            f"batch_size must be between 1 and the number of examples, {data.size}, got {task.batch_size}: use a "
            "smaller batch or more data."
        )
    if task.microbatches < 1 or task.batch_size % task.microbatches:
        raise ValueError(f"microbatches must divide the batch_size {task.batch_size}, got {task.microbatches}.")


def check_bytes(name, task, data) -> None:
    """Raise TypeError if images are still bytes after the transform."""
    if getattr(data.inputs, "dtype", None) != jnp.uint8:
        return
    inputs = shapes_of(task, data, 1).inputs
    if getattr(inputs, "dtype", None) == jnp.uint8 and inputs.ndim > 2:
        raise TypeError(
            f"inputs of {name} must be floating point, got bytes: divide images by 255, or keep them as bytes on the "
            "device with Task(..., transform=lambda pixels: pixels / 255)."
        )


def check_values(name: str, data: Dataset, *, skip_unweighted: bool = False) -> None:
    """Raise ValueError for weights, inputs or labels that cannot be averaged."""
    weights = _on_host(data.weights)
    if weights is not None and not (np.isfinite(weights).all() and weights.min() >= 0):
        raise ValueError(f"weights of {name} must be finite and not negative.")
    counted = weights if skip_unweighted else None
    for field in ("inputs", "labels"):
        _check_finite(name, field, getattr(data, field), counted)


def check_total_weight(name: str, data: Dataset) -> None:
    """Raise ValueError if all weights are 0."""
    weights = _on_host(data.weights)
    if weights is not None and not weights.any():
        raise ValueError(f"weights of {name} are all 0, so the weighted mean of the loss is undefined.")


def may_lack_weight(data: Dataset | Stream, batch_size: int) -> bool:
    """Return whether a batch can have the total weight 0: also if the weights are traced or will be read later."""
    if isinstance(data, Stream):
        return data.weighted
    weights = _on_host(data.weights)
    return weights is None or int((weights == 0).sum()) >= batch_size


def _check_finite(name, field, tree, counted=None) -> None:
    """Raise ValueError for NaN or infinity, unless the row counts 0."""
    for leaf in jax.tree.leaves(tree):
        if _finite.get(id(leaf)) is leaf or not jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        array = _on_host(leaf)
        if array is None:
            continue
        with np.errstate(all="ignore"):
            finite = bool(np.isfinite(array.sum())) or bool(np.isfinite(array).all())  # a sum is faster
        if finite:
            if isinstance(leaf, jax.Array):  # which never changes
                _finite[id(leaf)] = leaf
            continue
        wrong = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        rows = np.flatnonzero(wrong if counted is None else wrong & (counted != 0))
        if rows.size:
            raise ValueError(
                f"{name} contains NaN or infinity: {field} of {len(rows)} of {len(array)} rows, the first of them row "
                f"{rows[0]}. Drop or impute them."
            )


def shapes_of(task: Task, data: Dataset, rows: int) -> Dataset:
    """Return the shapes and dtypes of some transformed examples, without computing them."""
    return jax.eval_shape(lambda data: transform_inputs(task, jax.tree.map(lambda array: array[:rows], data)), data)


def model_shapes(task: Task, inputs: PyTree) -> tuple[PyTree, PyTree]:
    """Return the shapes of the model's parameters and statistics for transformed inputs, given by their shapes."""
    try:
        return jax.eval_shape(task.model.init, jax.eval_shape(jax.random.key, 0), inputs)
    except TypeError as error:
        dtypes = [leaf.dtype for leaf in jax.tree.leaves(inputs)]
        if any(jnp.issubdtype(dtype, jnp.floating) for dtype in dtypes):
            raise
        raise TypeError(
            f"inputs must be of a type that the model accepts, got {dtypes[0]}: convert them with "
            "inputs.astype('float32')."
        ) from error


def with_outputs_of(task: Task, state: State, data: Dataset | Stream) -> Task:
    """Return the task with the number of outputs that the parameters of a state have, if its model has none."""
    if not lacks_outputs(task.model.init) or not isinstance(data, Dataset | Stream):
        return task
    first = shapes_of(task, first_rows(data, 1) if isinstance(data, Stream) else data, 1).inputs
    variables = (state.params, state.stats)
    if state.key.ndim:
        variables = shapes_of_member(variables)
    outputs, _ = jax.eval_shape(task.model.apply, *variables, first)
    return task._replace(model=set_outputs(task.model, outputs.shape[-1]))


def output_shapes(task: Task, data: Dataset) -> PyTree:
    """Return the shapes and dtypes of the model's outputs for one example."""
    first = shapes_of(task, data, 1).inputs
    return jax.eval_shape(task.model.apply, *model_shapes(task, first), first)[0]


def check_state_fits(task: Task, state: State, name: str, data: Dataset) -> None:
    """Raise ValueError unless a state has the parameters that the model has for these inputs."""
    first = shapes_of(task, data, 1).inputs
    expected = _named_shapes(model_shapes(task, first)[0])
    found = {path: shape[state.key.ndim :] for path, shape in _named_shapes(state.params).items()}
    for path in expected | found:
        if expected.get(path) != found.get(path):
            model, given = (
                f"of the shape {shapes[path]}" if path in shapes else "absent" for shapes in (expected, found)
            )
            inputs = ", ".join(str(leaf.shape[1:]) for leaf in jax.tree.leaves(first))
            raise ValueError(
                f"the state must fit the model and the inputs of {name}, which have the shape {inputs}, but {path} is "
                f"{model} in the model and {given} in the state: use the model and the shape of inputs that the state "
                "was made for."
            )


def _check_optimizer_state(task, state) -> None:
    """Raise ValueError unless the state of the optimizer has the shapes of this optimizer."""
    expected = jax.tree.leaves(jax.eval_shape(task.optimizer.init, state.params))
    if [leaf.shape for leaf in expected] != [jnp.shape(leaf) for leaf in jax.tree.leaves(state.optimizer_state)]:
        raise ValueError(
            "optimizer_state of the state does not have the arrays of this optimizer: resume with the optimizer that "
            "the state was made for."
        )


def _named_shapes(params) -> dict[str, tuple[int, ...]]:
    """Return the shape of each parameter by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    return {f"params{jax.tree_util.keystr(path)}": jnp.shape(leaf) for path, leaf in leaves}


def stream_with_checked_labels(task: Task, data: Stream, first: Dataset) -> Stream:
    """Return the stream, which checks the labels of each batch that it reads."""
    outputs = output_shapes(task, first)

    def fetch(rows):
        examples = data.fetch(rows)
        check_labels("data", task, np.asarray(examples.labels), outputs)
        return examples

    return data._replace(fetch=fetch)


def _on_host(leaf) -> np.ndarray | None:
    """Return an array in numpy; None for a traced one, one that other processes hold in part, and no array."""
    traced = isinstance(leaf, Tracer)
    if traced or not hasattr(leaf, "dtype") or not getattr(leaf, "is_fully_addressable", True):
        return None
    return np.asarray(leaf)


def _as_jax(tree) -> PyTree:
    """Put numpy arrays on the device; leave jax arrays as they are."""
    return jax.tree.map(lambda leaf: leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf), tree)
