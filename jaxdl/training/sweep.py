"""Sweeps: a task as a function of settings that differ from member to member of one population."""

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Key, Shaped
from typing_extensions import TypeAliasType

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument
from jaxdl._types import ArrayLike
from jaxdl.data import Dataset
from jaxdl.data.stream import Stream, first_rows
from jaxdl.models._validity import lacks_outputs
from jaxdl.models.model import set_outputs
from jaxdl.system.keys import is_key
from jaxdl.training.task import Task

Settings = TypeAliasType("Settings", Mapping[str, Any])
"""values by name; in a population the members are the first axis of each"""

AnyTask = TypeAliasType("AnyTask", Task | Callable[[Settings], Task])
"""a Task, or a function `task(settings)` that returns one"""


class Grid(NamedTuple):
    """Keys and settings of a population.

    Attributes:
        keys: One key for each member.
        settings: The value of each setting for each member.
    """

    keys: Key[Array, "members"]
    settings: dict[str, Shaped[Array, "members"]]

    __repr__ = short_repr


def grid(keys: Key[Array, "seeds"], values: Mapping[str, ArrayLike]) -> Grid:
    """Combine every value of each setting with every other and with every key, for `fit(settings=...)`.

    All combinations share the same keys, so that they can be compared seed by seed. The keys vary fastest:
    `column.reshape(len(first), len(second), ..., len(keys))` turns a column of results into an array with an axis for
    each setting, in the order of `values`, and a last one for the seeds.

    Args:
        keys: Typed keys, one for each seed.
        values: For each setting, the list or array of its values.

    Returns:
        Keys and settings, one for each combination.

    Raises:
        ValueError: A setting has no values.
        TypeError: Values are not numbers.

    Example:
        >>> from jaxdl import training
        >>> keys = jax.random.split(jax.random.key(0), 2)
        >>> keys, settings = training.grid(keys, {"rate": [0.1, 0.2], "size": [0, 1, 2]})
        >>> len(keys), settings["size"].tolist()
        (12, [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2])
    """
    check_grid(keys, values)
    axes = {name: jnp.asarray(column) for name, column in values.items()}
    *rows, seeds = np.array(list(itertools.product(*map(range, map(len, axes.values())), range(len(keys))))).T
    return Grid(keys[seeds], {name: axis[row] for (name, axis), row in zip(axes.items(), rows, strict=True)})


def check_grid(keys: Any, values: Any) -> None:
    """Raise TypeError or ValueError for keys and values that `grid` cannot combine."""
    if not is_key(keys) or keys.ndim != 1 or not isinstance(values, Mapping):
        raise TypeError(
            f"grid takes keys and a dictionary of values, got {format_argument(keys)} and {format_argument(values)}: "
            'write grid(jax.random.split(key, seeds), {"rate": [0.1, 0.01]}).'
        )
    for name, column in values.items():
        _check_numbers(name, column)
        if np.ndim(column) == 0 or not len(column):
            raise ValueError(f"{name} must be a list of at least one value, got {column!r}.")


def task_of(task: AnyTask, settings: Settings) -> Task:
    """Return the task of one member's settings; a Task is returned as it is."""
    if not callable(task):
        return task
    if not settings:
        raise TypeError(
            "a task that is a function of settings needs settings: pass settings={'rate': 0.1}, for example, or a "
            "state that has them."
        )
    return _made(task, settings)


def _made(task, settings) -> Any:
    """Return `task(settings)`. Raises ValueError if it looks up a setting that is absent."""
    try:
        return task(settings)
    except KeyError as error:
        if error.args and error.args[0] not in settings:
            raise ValueError(
                f"task(settings) must use the settings that it is given, {', '.join(settings)}, but looks up "
                f"{error.args[0]!r}: correct the name, or add the setting."
            ) from error
        raise


def first_task(task: AnyTask, settings: Settings) -> Task:
    """Return the task of the first member: batch size, shapes and dtypes are those of every member."""
    return task_of(task, of_member(settings, 0))


def with_outputs(task: AnyTask, settings: Settings, *parts: Dataset | Stream | None) -> AnyTask:
    """Return the task with the number of outputs that the labels of the parts need, if its model has none.

    Args:
        task: A Task, or a function of the settings.
        settings: The settings of one member.
        *parts: Data whose labels are not traced.

    Raises:
        ValueError: The labels have no values, because they are traced or read during training.
    """
    model = getattr(task_of(task, settings), "model", None)
    if not lacks_outputs(getattr(model, "init", None)):
        return task
    outputs = max((_count_outputs(part) for part in parts if isinstance(part, Dataset | Stream)), default=1)
    if callable(task):
        return functools.partial(_task_with_outputs, task, outputs)
    return task._replace(model=set_outputs(task.model, outputs))


def _task_with_outputs(task, outputs, settings) -> Task:
    made = task(settings)
    return made._replace(model=set_outputs(made.model, outputs))


def _count_outputs(part) -> int:
    if isinstance(part, Dataset):
        return part.outputs
    labels = first_rows(part, 1).labels
    if labels.ndim != 2:
        raise ValueError(
            "the number of classes of a Stream is unknown, because its labels are read during training: give the model "
            "its number of outputs."
        )
    return labels.shape[1]


def as_settings(task: AnyTask, settings: Any, members: int) -> Settings:
    """Return the settings of a population as arrays, checked.

    Raises TypeError or ValueError if task and settings do not belong together, if a setting is not an array with one
    row for each member, or for what `task` raises for the values of a member.
    """
    if isinstance(settings, Grid):
        raise TypeError("settings must be the settings of the grid, got a Grid: write keys, settings = grid(...).")
    if settings is not None and not isinstance(settings, Mapping):
        raise TypeError(f"settings must be a dictionary of arrays, got {format_argument(settings)}: name each of them.")
    if callable(task) != bool(settings):
        raise TypeError(
            "settings need a task that is a function of them, and such a function needs settings: pass both, "
            'fit(lambda settings: Task(..., optimizers.adam(settings["rate"]), ...), settings={"rate": rates}), or '
            "neither."
        )
    if not settings:
        return {}
    arrays = {name: _as_array(name, values, members) for name, values in settings.items()}
    _check_traceable(task, arrays)
    rows = {tuple(column[member].tobytes() for column in arrays.values()): member for member in range(members)}
    for member in rows.values():  # each distinct row once
        _check_task(task_of(task, of_member(arrays, member)))
    return {name: jnp.asarray(values) for name, values in arrays.items()}


def of_member(settings: Settings, member: int) -> Settings:
    """Return the settings of one member, as known values: numbers, or arrays."""
    rows = {name: np.asarray(values)[member] for name, values in settings.items()}
    return {name: jnp.asarray(row) if row.ndim else row.item() for name, row in rows.items()}


def _as_array(name, values, members) -> np.ndarray:
    _check_numbers(name, values)
    array = np.asarray(jnp.asarray(values))
    if array.shape[:1] != (members,):
        raise ValueError(
            f"the setting {name} must have one row for each of the {members} keys, got shape {array.shape}: "
            "training.grid combines values and keys."
        )
    return array


def _check_numbers(name, values) -> None:
    """Raise TypeError unless the values are numbers."""
    try:
        kind = np.asarray(values).dtype.kind
    except ValueError:  # lists of different lengths
        kind = "O"
    if kind not in "biuf":
        raise TypeError(
            f"the setting {name} must be numbers, got {format_argument(values)}: number the alternatives, and choose "
            "one with jnp.where or jax.lax.switch, or a size with models.mlp_of_sizes."
        )


def shapes_of_member(mapped: Any) -> Any:
    """Return the shapes and dtypes of one member of arrays whose first axis are the members."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), mapped)


def _check_traceable(task, arrays) -> None:
    """Raise TypeError if the task decides by the value of a setting, which all members of one program share."""
    row = shapes_of_member(arrays)

    def build(settings):
        made = _made(task, settings)
        _check_task(made)
        for name in ("batch_size", "microbatches"):
            if isinstance(getattr(made, name), Tracer):
                raise TypeError(
                    f"{name} must be equal for all members, because one program trains them, got a setting: call fit "
                    "once for each value."
                )
        return 0

    try:
        jax.eval_shape(build, row)
    except jax.errors.JAXTypeError as error:
        raise TypeError(
            "task(settings) must work for traced settings, because one program trains all members: it cannot use the "
            "value of a setting in `if`, `float`, `int`, as a size, or as an entry of a list. Use jnp.where or "
            "jax.lax.switch, or call fit once for each value."
        ) from error


def _check_task(task) -> None:
    if not isinstance(task, Task):
        raise TypeError(f"task(settings) must return a Task, got {type(task).__name__}.")
