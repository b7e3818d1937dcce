"""Train one model: a scan over epochs, each a scan over steps. Pure and traceable; a population is a `vmap` of it."""

import jax
from jaxtyping import Array, Float, Key

from jaxdl.data import Dataset
from jaxdl.data.stream import Stream
from jaxdl.training.argument_checks import check_state
from jaxdl.training.batching import batches, shard_batch
from jaxdl.training.data_checks import checked_training, may_lack_weight
from jaxdl.training.step import mean_loss, start, step
from jaxdl.training.streaming import resume_stream
from jaxdl.training.supervised import observed
from jaxdl.training.sweep import AnyTask, Settings, task_of, with_outputs
from jaxdl.training.task import History, Observe, State, Task


def train(
    task: AnyTask,
    data: Dataset | Stream,
    key: Key[Array, ""],
    *,
    epochs: int,
    settings: Settings | None = None,
    dev: Dataset | None = None,
    observe: Observe | None = None,
    order: Key[Array, ""] | None = None,
) -> tuple[State, History]:
    """Train one model from one key.

    Args:
        task: Model, loss, optimizer and batch size, or a function of the settings that returns them.
        data: Training data. A Stream is read during training; the loop then runs in Python and is not traceable (`fit`
            trains populations on streams).
        key: A typed key for initial parameters, order of the data and noise.
        epochs: Passes over the data, at least 1.
        settings: Values for a task that is a function of them.
        dev: Data to evaluate after every epoch; loss and metrics become columns of the history.
        observe: Called as `observe(state, dev)` after every epoch, in place of `evaluate(task, state, dev)`; dev is
            None if none is given.
        order: A key for the order of the data only. Members of a population that get the same one see the same batches.

    Returns:
        The last state, and the history with one row per epoch.

    Raises:
        ValueError: Fewer than one epoch, a batch size that the data cannot fill, data that do not fit the task, or
            NaN, infinity or labels outside the classes in data that are not traced.
        TypeError: An argument has the wrong type.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.mlp((8,), 2)
        >>> task = training.Task(model, F.cross_entropy, optimizers.adam(0.1), batch_size=8)
        >>> moons = data.moons(jax.random.key(0), examples=32)
        >>> state, history = training.train(task, moons, jax.random.key(1), epochs=20)
        >>> bool(history.loss[-1] < history.loss[0]), int(state.step)
        (True, 80)
    """
    task = with_outputs(task, settings or {}, data, dev)
    state = start(task, data, key, settings=settings)
    return resume(task, data, state, epochs=epochs, dev=dev, observe=observe, order=order)


def resume(
    task: AnyTask,
    data: Dataset | Stream,
    state: State,
    *,
    epochs: int,
    dev: Dataset | None = None,
    observe: Observe | None = None,
    order: Key[Array, ""] | None = None,
) -> tuple[State, History]:
    """Train for more epochs from a state; two calls give the same bits as one call with the sum of their epochs.

    Args:
        task: Model, loss, optimizer and batch size, or a function of the settings of the state.
        data: Training data, as in `train`.
        state: A state from `start`, `train` or `resume`.
        epochs: Additional passes over the data, at least 1.
        dev: Data to evaluate after every epoch, as in `train`.
        observe: Called as `observe(state, dev)` after every epoch, as in `train`.
        order: A key for the order of the data only, as in `train`.

    Returns:
        The last state, and the history of the additional epochs.

    Raises:
        ValueError: Fewer than one epoch, a batch size that the data cannot fill, data that do not fit the task, or
            NaN, infinity or labels outside the classes in data that are not traced.
        TypeError: An argument has the wrong type.

    Example:
        >>> from jaxdl import data, models, optimizers, training
        >>> model = models.mlp((), 2)
        >>> task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), batch_size=8)
        >>> moons = data.moons(jax.random.key(0), examples=16)
        >>> state, _ = training.train(task, moons, jax.random.key(1), epochs=1)
        >>> state, history = training.resume(task, moons, state, epochs=2)
        >>> int(state.epoch), history.loss.shape
        (3, (2,))
    """
    check_state(state)
    task = task_of(task, state.settings)
    data, dev = checked_training(task, data, state, dev=dev, epochs=epochs, observe=observe, order=order)
    if isinstance(data, Stream):
        return resume_stream(task, data, state, dev, epochs=epochs, observe=observe, order=order)

    skip_unweighted = may_lack_weight(data, task.batch_size)

    def one_epoch(state, _):
        state, loss = epoch(task, data, state, state.key if order is None else order, skip_unweighted=skip_unweighted)
        return state, History(loss, observed(task, state, dev, observe))

    return jax.lax.scan(one_epoch, state, length=epochs)


def epoch(
    task: Task, data: Dataset, state: State, order: Key[Array, ""], *, skip_unweighted: bool = False
) -> tuple[State, Float[Array, ""]]:
    """Train for one pass over the data; return the new state and the mean loss of its steps."""

    def one_step(state, rows):
        rows = shard_batch(rows)
        batch = jax.tree.map(lambda array: array[rows], data)
        return step(task, batch, state, skip_unweighted=skip_unweighted)

    state, losses = jax.lax.scan(one_step, state, batches(task, data.size, order, state.epoch))
    return state._replace(epoch=state.epoch + 1), mean_loss(losses, skip_unweighted=skip_unweighted)
