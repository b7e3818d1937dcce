"""Changes of a whole batch in training: examples mixed with each other, labels that are wrong on purpose."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.data.dataset import Dataset


def chained(*changes: Callable[[Array, Dataset], Dataset]) -> Callable[[Array, Dataset], Dataset]:
    """All of them, one after another, each with a key of its own; without any, nothing is changed."""

    def change(key: Key[Array, ""], batch: Dataset) -> Dataset:
        for number, one in enumerate(changes):
            batch = one(jax.random.fold_in(key, number), batch)
        return batch

    return change


def mixup(key: Key[Array, ""], batch: Dataset, *, alpha: Float[ArrayLike, ""] = 0.2, classes: int) -> Dataset:
    r"""Every example mixed with the one before it: $\tilde x = \lambda x + (1 - \lambda) x'$, and labels likewise.

    One $\lambda \sim \mathrm{Beta}(\alpha, \alpha)$ a batch; in one drawn at random the one before is as good as any.
    Class numbers become distributions (examples, classes), for `soft_cross_entropy`. A weight counts with its own
    example: $\tilde w = \lambda w + (1 - \lambda) w'$ and $\tilde y = (\lambda w y + (1 - \lambda) w' y') / \tilde w$,
    so that the weighted loss is the mixture of the two losses.
    Zhang, Cisse, Dauphin and Lopez-Paz, *mixup: beyond empirical risk minimization* (2018).
    """
    return mixup_targets(key, batch._replace(labels=jax.nn.one_hot(batch.labels, classes)), alpha=alpha)


def mixup_targets(key: Key[Array, ""], batch: Dataset, *, alpha: Float[ArrayLike, ""] = 0.2) -> Dataset:
    """`mixup` for labels that are distributions or the targets of a regression (examples, outputs)."""
    share = jax.random.beta(key, alpha, alpha)

    def mixed(array):
        own = share.astype(array.dtype)
        return own * array + (1 - own) * jnp.roll(array, 1, axis=0)

    weights = mixed(batch.weights)
    labels = mixed(batch.weights[:, None] * batch.labels) / jnp.where(weights > 0, weights, 1)[:, None]
    return Dataset(jax.tree.map(mixed, batch.inputs), labels, weights)


def label_noise(key: Key[Array, ""], batch: Dataset, *, rate: Float[ArrayLike, ""], classes: int) -> Dataset:
    """Each label replaced, with this probability, by one of the other classes, all equally likely."""
    of_which, of_what = jax.random.split(key)
    wrong = jax.random.bernoulli(of_which, rate, batch.labels.shape)
    by = jax.random.randint(of_what, batch.labels.shape, 1, classes)
    return batch._replace(labels=jnp.where(wrong, (batch.labels + by) % classes, batch.labels))
