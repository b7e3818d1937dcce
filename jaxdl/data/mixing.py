"""Changes of a whole training batch: mixup, label noise, and a chain of several changes."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from jaxdl._formatting import format_argument
from jaxdl.data._arguments import (
    check_above_zero,
    check_data,
    check_functions,
    check_integer,
    check_key,
    check_probability,
)
from jaxdl.data.dataset import Augmentation, Dataset
from jaxdl.functional._types import Scalar


def chained(*changes: Augmentation) -> Augmentation:
    """Return one function that applies several changes to a batch, one after another, each with its own key.

    Args:
        *changes: Functions of a key and a batch, such as `each_image(flip)` or `mixup` with its settings.

    Returns:
        A function of a key and a batch for `training.Task(augment=...)`. Without changes it is the identity.

    Raises:
        TypeError: If a change is not a function.

    Example:
        >>> from jaxdl import data
        >>> double = lambda key, batch: batch._replace(inputs=2 * batch.inputs)
        >>> increment = lambda key, batch: batch._replace(inputs=batch.inputs + 1)
        >>> data.chained(increment, double)(jax.random.key(0), data.xor()).inputs[0].tolist()
        [2.0, 2.0]
    """
    check_functions("chained", changes)

    def change(key: Key[Array, ""], batch: Dataset) -> Dataset:
        for number, one in enumerate(changes):
            batch = one(jax.random.fold_in(key, number), batch)
        return batch

    return change


def mixup(key: Key[Array, ""], batch: Dataset, *, alpha: Scalar = 0.2, classes: int) -> Dataset:
    r"""Mix every example with its predecessor in the batch: $\tilde x = \lambda x + (1 - \lambda) x'$, labels likewise.

    The batch shares one $\lambda \sim \mathrm{Beta}(\alpha, \alpha)$. Batches are in random order, so the predecessor
    is a random partner. Weights count with their own example: $\tilde w = \lambda w + (1 - \lambda) w'$ and
    $\tilde y = (\lambda w y + (1 - \lambda) w' y') / \tilde w$. The weighted loss is then the mixture of both losses.

    Args:
        key: Random key.
        batch: A batch with class numbers (examples,) as labels.
        alpha: Parameter of the Beta distribution, above 0. The smaller, the closer $\lambda$ is to 0 or 1.
        classes: Number of classes.

    Returns:
        The mixed batch. Its labels are distributions (examples, classes): train with `soft_cross_entropy`.

    Raises:
        TypeError: If the labels are not class numbers.
        ValueError: If `alpha` is not above 0.

    References:
        Zhang, Cisse, Dauphin and Lopez-Paz, *mixup: beyond empirical risk minimization* (2018).

    Example:
        >>> from jaxdl import data
        >>> mixed = data.mixup(jax.random.key(0), data.xor(), alpha=1.0, classes=2)
        >>> mixed.labels.shape, mixed.labels.sum(axis=1).round(3).tolist()
        ((4, 2), [1.0, 1.0, 1.0, 1.0])
    """
    _check_classes(key, batch, classes, "mix targets or distributions with data.mixup_targets")
    return mixup_targets(key, batch._replace(labels=jax.nn.one_hot(batch.labels, classes)), alpha=alpha)


def mixup_targets(key: Key[Array, ""], batch: Dataset, *, alpha: Scalar = 0.2) -> Dataset:
    """Apply `mixup` to labels that are distributions or regression targets.

    Args:
        key: Random key.
        batch: A batch with labels (examples, outputs).
        alpha: Parameter of the Beta distribution, above 0.

    Returns:
        The mixed batch, with labels of the same shape.

    Raises:
        ValueError: If `alpha` is not above 0, or the labels do not have the shape (examples, outputs).

    Example:
        >>> from jaxdl import data
        >>> line = data.from_arrays([[0.0], [1.0], [4.0]], [[0.0], [2.0], [8.0]])
        >>> mixed = data.mixup_targets(jax.random.key(0), line, alpha=1.0)
        >>> bool(jnp.allclose(mixed.labels, 2 * mixed.inputs))
        True
    """
    check_key(key)
    check_data(batch, "batch")
    check_above_zero("alpha", alpha)
    if np.ndim(batch.labels) != 2:
        raise ValueError(
            f"labels must have the shape (examples, outputs), got {np.shape(batch.labels)}: mix class numbers with "
            "data.mixup."
        )
    share = jax.random.beta(key, alpha, alpha)

    def mix(array):
        own = share.astype(array.dtype)
        return own * array + (1 - own) * jnp.roll(array, 1, axis=0)

    weights = mix(batch.weights)
    labels = mix(batch.weights[:, None] * batch.labels) / jnp.where(weights > 0, weights, 1)[:, None]
    return Dataset(jax.tree.map(mix, batch.inputs), labels, weights)


def label_noise(key: Key[Array, ""], batch: Dataset, *, rate: Scalar, classes: int) -> Dataset:
    """Replace each label, with the given probability, by another class chosen uniformly.

    Args:
        key: Random key.
        batch: A batch with class numbers (examples,) as labels.
        rate: Probability of replacing a label, in [0, 1].
        classes: Number of classes.

    Returns:
        The batch with some labels replaced.

    Raises:
        TypeError: If the labels are not class numbers.
        ValueError: If the rate is out of range, or there are fewer than 2 classes.

    Example:
        >>> from jaxdl import data
        >>> data.label_noise(jax.random.key(0), data.xor(), rate=1.0, classes=2).labels.tolist()
        [1, 0, 0, 1]
    """
    _check_classes(key, batch, classes, "only class numbers can be replaced")
    check_probability("rate", rate)
    check_integer("classes", classes, 2)
    selection_key, class_key = jax.random.split(key)
    replaced = jax.random.bernoulli(selection_key, rate, batch.labels.shape)
    offset = jax.random.randint(class_key, batch.labels.shape, 1, classes)
    return batch._replace(labels=jnp.where(replaced, (batch.labels + offset) % classes, batch.labels))


def _check_classes(key, batch, classes, advice) -> None:
    """Raise TypeError unless the arguments are a random key, a batch with class numbers, and a number of classes."""
    check_key(key)
    check_data(batch, "batch")
    check_integer("classes", classes, 1)
    dtype = getattr(batch.labels, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jnp.integer):
        raise TypeError(f"labels must be class numbers, got {format_argument(batch.labels)}: {advice}.")
