"""Early stopping: keep the best parameters over the epochs, and decide when patience has run out.

The functions are pure: every member of a `vmap` keeps its own best.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree
from typing_extensions import TypeAliasType

from jaxdl._display import short_repr
from jaxdl.training.task import History


class Best(NamedTuple):
    """The best epoch so far.

    Attributes:
        value: Value of the criterion, lower is better; infinite before the first epoch.
        epoch: Number of the epoch, counted from 1; 0 before the first.
        params: Parameters after that epoch.
        stats: Batch statistics after that epoch.
    """

    value: Float[Array, ""]
    epoch: Int[Array, ""]
    params: PyTree
    stats: PyTree

    __repr__ = short_repr


Criterion = TypeAliasType("Criterion", Callable[[History], Array])
"""value of a row of the history, lower is better"""


def lowest_loss(row: History) -> Array:
    """Return the criterion "lowest loss": the observed loss if there is one, else the training loss.

    Example:
        >>> from jaxdl.training import History, lowest_loss
        >>> loss = jnp.array(0.5)
        >>> float(lowest_loss(History(loss, {"loss": jnp.array(0.75)}))), float(lowest_loss(History(loss, {})))
        (0.75, 0.5)
    """
    return row.observed.get("loss", row.loss)


def highest(name: str) -> Criterion:
    """Return the criterion "highest observed value", for `fit(criterion=highest("accuracy"))`.

    Raises:
        ValueError: If the history has no such name, when the criterion is called.

    Example:
        >>> from jaxdl.training import History, highest
        >>> float(highest("accuracy")(History(jnp.array(0.5), {"accuracy": jnp.array(0.75)})))
        -0.75
    """

    def negative(row):
        if name not in row.observed:
            raise ValueError(
                f"highest needs a name that the history has, got {name!r}: available are "
                f"{', '.join(row.observed) or 'none'}. Add the metric to the task, or return it from observe."
            )
        return -row.observed[name]

    return negative


def init_best(params: PyTree, stats: PyTree) -> Best:
    """Return the best before the first epoch: the initial parameters with an infinite value.

    Example:
        >>> from jaxdl.training import init_best
        >>> best = init_best({"w": jnp.zeros(2)}, {})
        >>> float(best.value), int(best.epoch)
        (inf, 0)
    """
    return Best(jnp.float32(jnp.inf), jnp.int32(0), params, stats)


def update_best(best: Best, value: Float[Array, ""], epoch: Int[Array, ""], params: PyTree, stats: PyTree) -> Best:
    """Return the better of the best so far and the current epoch.

    Args:
        best: The best so far.
        value: Value of the criterion for the current epoch; NaN is never better.
        epoch: Number of the current epoch, counted from 1.
        params: Current parameters.
        stats: Current batch statistics.

    Returns:
        The epoch with the lower value; the earlier one if both are equal.

    Example:
        >>> from jaxdl.training import init_best, update_best
        >>> best = init_best({"w": jnp.zeros(2)}, {})
        >>> for epoch, loss in enumerate([0.7, 0.4, 0.5], start=1):
        ...     best = update_best(best, jnp.float32(loss), jnp.int32(epoch), {"w": jnp.full(2, loss)}, {})
        >>> int(best.epoch), round(float(best.value), 3)
        (2, 0.4)
    """
    new = Best(jnp.asarray(value, best.value.dtype), jnp.asarray(epoch, best.epoch.dtype), params, stats)
    return jax.tree.map(lambda now, before: jnp.where(new.value < best.value, now, before), new, best)


def out_of_patience(best: Best, epoch: Int[Array, ""], *, patience: int | Int[Array, ""]) -> Bool[Array, ""]:
    """Return whether at least `patience` epochs have passed since the best one.

    Args:
        best: The best so far.
        epoch: Number of finished epochs.
        patience: Epochs to wait for an improvement.

    Returns:
        A Boolean scalar.

    Example:
        >>> from jaxdl.training import init_best, out_of_patience
        >>> best = init_best({}, {})._replace(epoch=jnp.int32(3))
        >>> [bool(out_of_patience(best, jnp.int32(epoch), patience=2)) for epoch in (4, 5)]
        [False, True]
    """
    return epoch - best.epoch >= patience
