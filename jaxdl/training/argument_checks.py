"""Check the arguments of training, and the results of a user's functions, by their types and shapes.

The checks read no values, so they also run while jax traces, and cost nothing in the compiled program.
"""

import contextlib
import inspect
from collections.abc import Generator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxdl._formatting import format_argument
from jaxdl.data import Dataset, augmentation
from jaxdl.data._arguments import check_integer
from jaxdl.models.model import check_model
from jaxdl.system.keys import is_key
from jaxdl.training.sweep import Grid
from jaxdl.training.task import History, State, Task

OF_ONE_IMAGE = tuple(
    getattr(augmentation, name) for name in ("crop", "cutout", "elastic", "flip", "noise", "rotate", "scale", "shift")
)
SIGNATURES = {  # of the functions of a user, with an example
    "task": "(settings), such as lambda settings: Task(model, loss, optimizers.adam(settings['rate']), 32)",
    "loss": "(outputs, labels), such as F.cross_entropy",
    "objective": "(params, stats, batch, key)",
    "penalty": "(params), such as lambda params: 0.01 * F.l2(params)",
    "augment": "(key, batch), such as data.each_image(data.flip)",
    "transform": "(inputs), such as lambda pixels: pixels / 255",
    "metric": "(outputs, labels, weights), such as metrics.accuracy",
    "observe": "(state, dev)",
    "criterion": "(row), such as lowest_loss",
    "watch": "(progress), such as show in `with progress_bar(...) as show`",
}


def check_key(name: str, key: Any) -> None:
    """Raise TypeError unless `key` is a typed key, and ValueError if it is an array of them."""
    _check_typed_key(name, key)
    if key.ndim:
        raise ValueError(
            f"{name} must be a single key, got keys of the shape {key.shape}: take one of them, or train a model for "
            "each key with training.fit or training.population."
        )


def check_keys(keys: Any) -> None:
    """Raise TypeError unless `keys` is an array of typed keys, and ValueError unless it has one axis, the members."""
    _check_typed_key("keys", keys)
    if keys.ndim != 1 or not keys.size:
        got = f"keys of the shape {keys.shape}" if keys.ndim else "a single key"
        raise ValueError(
            f"keys must have the shape (members,), one key for each member, got {got}: make them with "
            "jax.random.split(key, members)."
        )


def _check_typed_key(name, key) -> None:
    if is_key(key):
        return
    if isinstance(key, Grid):
        advice = "write keys, settings = grid(...)"
    elif isinstance(key, list | tuple) and key and all(map(is_key, key)):
        advice = "stack keys with jnp.stack"
    elif getattr(key, "dtype", None) == jnp.uint32:
        advice = "make it with jax.random.key, not with jax.random.PRNGKey, or convert it with jax.random.wrap_key_data"
    elif name == "keys":
        advice = "make them with jax.random.split(jax.random.key(0), members)"
    else:
        advice = "make one with jax.random.key(0)"
    raise TypeError(f"{name} must be of the type that jax.random.key returns, got {format_argument(key)}: {advice}.")


def check_evaluated_task(task: Any) -> None:
    """Raise TypeError unless `task` is a Task whose model and functions are of the right types."""
    if not isinstance(task, Task):
        raise TypeError(
            f"task must be a Task, got {format_argument(task)}: make one with Task(model, loss, optimizer, batch_size)."
        )
    check_model(task.model)
    for name in ("loss", "objective"):
        check_function(name, getattr(task, name), optional=True)
    for name in ("penalty", "augment", "transform"):
        check_function(name, getattr(task, name))
    if not isinstance(task.metrics, Mapping):
        raise TypeError(
            f"metrics must be a dictionary of functions, got {format_argument(task.metrics)}: write "
            '{"accuracy": metrics.accuracy}, for example.'
        )
    for name, metric in task.metrics.items():
        check_function("metric", metric, title=f"metric {name!r}")


def check_task(task: Any) -> None:
    """Raise TypeError unless `task` is a Task that can be trained."""
    check_evaluated_task(task)
    optimizer = task.optimizer
    if not (callable(getattr(optimizer, "init", None)) and callable(getattr(optimizer, "update", None))):
        advice = "call it" if callable(optimizer) else "pass an optimizer"
        raise TypeError(
            f"optimizer must be an optax optimizer, got {format_argument(optimizer)}: {advice}, such as "
            "optimizers.adam(1e-3)."
        )
    for name in ("batch_size", "microbatches"):
        check_integer(name, getattr(task, name))


def check_state(state: Any) -> None:
    """Raise TypeError unless `state` is a State."""
    if isinstance(state, State):
        return
    if isinstance(getattr(state, "state", None), State):
        advice = "pass its field `best_state`, or `state` for the last epoch"
    elif hasattr(state, "value") and hasattr(state, "params"):  # a Best
        advice = "pass fit.best_state"
    elif isinstance(state, tuple) and any(isinstance(part, State) for part in state):
        advice = "train returns a state and a history; pass the state alone"
    else:
        advice = "pass the result of training.start, or the state that train, resume or fit return"
    raise TypeError(f"state must be a State, got {format_argument(state)}: {advice}.")


def check_devices(devices: Any) -> None:
    """Raise TypeError unless `devices` is None or a sequence of devices, and ValueError if it is empty."""
    if devices is None:
        return
    if not isinstance(devices, Sequence) or not all(isinstance(device, jax.Device) for device in devices):
        raise TypeError(
            f"devices must be a list of devices, got {format_argument(devices)}: take some of jax.devices(), or None "
            "for all."
        )
    if not devices:
        raise ValueError("devices must hold at least one device, got an empty list: use None for all devices.")


def check_untraced(name: str, tree: Any) -> None:
    """Raise TypeError if jax traces the arguments of a function that compiles programs of its own."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree)):
        raise TypeError(
            f"{name} must be called outside of jit, vmap and other transformations of jax, because it compiles a "
            "program of its own: use training.train and jax.vmap inside of them."
        )


@contextlib.contextmanager
def traceable(name: str, title: str = "") -> Generator[None]:
    """Raise TypeError, with its signature, for a function that uses the values of arrays while jax traces it."""
    try:
        yield
    except jax.errors.UnexpectedTracerError:
        raise
    except jax.errors.JAXTypeError as error:
        signature = f", a function of {SIGNATURES[name]}," if name in SIGNATURES else ""
        raise TypeError(
            f"{title or name}{signature} must be traceable by jax: it cannot use the value of an array in `if`, "
            "`float`, `int` or a function of NumPy; use jnp, and jnp.where or jax.lax.cond."
        ) from error


def check_function(name: str, function: Any, *, optional: bool = False, title: str = "") -> None:
    """Raise TypeError unless the argument is a function with the arguments in SIGNATURES, or an optional None."""
    if function is None and optional:
        return
    signature = SIGNATURES[name]
    if (
        not callable(function)
        or hasattr(function, "__enter__")
        or not accepts(function, signature.partition(")")[0].count(",") + 1)
    ):
        raise TypeError(
            f"{title or name} must be a function of {signature}, got {format_argument(function)}: pass a function with "
            "these arguments."
        )
    if name == "augment" and function in OF_ONE_IMAGE:
        raise TypeError(
            f"augment must be a function of {signature}, got data.{function.__name__}, which changes one image: write "
            f"data.each_image(data.{function.__name__})."
        )


def accepts(function, count) -> bool:
    """Return whether a function takes `count` positional arguments; True for one without a known signature."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def check_criterion(criterion: Any, row: History) -> None:
    """Raise unless a criterion returns one number for a row of the history, given by its shapes."""
    try:
        value = jax.eval_shape(criterion, row)
    except TypeError:  # the result is not an array: `highest`, for example, returns a function
        value = criterion
    if not isinstance(value, jax.ShapeDtypeStruct) or value.shape != ():
        raise ValueError(
            f"criterion must return one number for a row of the history, got {format_argument(value)}: pass "
            'lowest_loss, or highest("accuracy"), for example.'
        )


def check_batch(batch: Any) -> None:
    """Raise TypeError unless `augment` returned a batch."""
    if not isinstance(batch, Dataset):
        raise TypeError(
            f"augment must return a batch, got {format_argument(batch)}: return batch._replace(inputs=...)."
        )


def check_losses(losses: Any, weights: Any) -> None:
    """Raise ValueError unless the loss of a task returned one number for each example."""
    shape = jnp.shape(losses)
    if shape != weights.shape:
        advice = "sum over the outputs of each example"
        if not shape:
            advice = "return the losses without taking their mean"
        elif shape == weights.shape * 2:  # (n, 1) and (n,) broadcast to all pairs of examples
            advice = "give outputs and labels the same shape"
        raise ValueError(
            f"the loss must return one number for each example, of the shape {weights.shape}, got {shape}: {advice}."
        )


def check_objective(result: Any) -> None:
    """Raise unless an objective returned a pair of one number and the batch statistics."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"the objective must return a pair, (loss, stats), got {format_argument(result)}: return both.")
    if jnp.shape(result[0]) != ():
        raise ValueError(
            "the objective must return one number for a batch, got an array of shape "
            f"{jnp.shape(result[0])}: take its mean."
        )


def check_penalty(penalty: Any) -> None:
    """Raise ValueError unless the penalty of a task is one number."""
    if not isinstance(penalty, float | int | jax.Array) or jnp.shape(penalty) != ():
        raise ValueError(f"the penalty must be one number, got {format_argument(penalty)}: sum over all parameters.")


def check_metrics(values: dict[str, Any]) -> None:
    """Raise TypeError or ValueError unless each metric returned one number."""
    for name, value in values.items():
        if not hasattr(value, "shape") and not isinstance(value, int | float | complex):
            raise TypeError(f"metric {name!r} must return one number, got {format_argument(value)}: return a number.")
        if jnp.shape(value) != ():
            raise ValueError(
                f"metric {name!r} must return one number, got an array of shape {jnp.shape(value)}: take its mean, "
                "such as F.weighted_mean(values, weights)."
            )


def check_observed(values: Any) -> None:
    """Raise TypeError unless `observe` returned a dictionary of numbers or arrays."""
    if not isinstance(values, Mapping):
        raise TypeError(
            f'observe must return a dictionary of numbers, got {format_argument(values)}: return {{"name": number}}.'
        )
    missing = [value for value in values.values() if value is None]
    for leaf in [*missing, *jax.tree.leaves(dict(values))]:
        if not hasattr(leaf, "shape") and not isinstance(leaf, int | float | complex):
            raise TypeError(f"observe must return a dictionary of numbers, but it holds {format_argument(leaf)}.")
