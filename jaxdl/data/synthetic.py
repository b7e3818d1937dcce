"""Synthetic data sets, sampled from known formulas.

Examples are independent. Noise is normal and given as its standard deviation. Classes take turns, so that their
numbers of examples differ by at most one.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from jaxdl._types import ArrayLike
from jaxdl.data._arguments import (
    check_data,
    check_integer,
    check_key,
    check_probability,
)
from jaxdl.data.dataset import Dataset, array_of_numbers, from_arrays
from jaxdl.functional._validity import check_number


def xor() -> Dataset:
    """Return the exclusive or: the corners of the unit square, labeled 1 if exactly one coordinate is 1.

    Returns:
        Four examples of two features.

    Example:
        >>> from jaxdl import data
        >>> data.xor().inputs.tolist(), data.xor().labels.tolist()
        ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])
    """
    return from_arrays([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])


def moons(key: Key[Array, ""], *, examples: int = 200, noise: float = 0.1) -> Dataset:
    r"""Sample two interleaved half circles of radius 1.

    Class 0 is $(\cos t, \sin t)$ and class 1 is $(1 - \cos t, 1/2 - \sin t)$, with $t$ uniform between 0 and $\pi$ and
    noise on both coordinates. No straight line separates them.

    Args:
        key: Random key.
        examples: Number of examples, at least 2.
        noise: Standard deviation of the noise, at least 0.

    Returns:
        Examples of two features, in two classes.

    Raises:
        ValueError: If there are fewer examples than classes, or the noise is negative or not finite.

    Example:
        >>> from jaxdl import data
        >>> data.moons(jax.random.key(0), examples=5).labels.tolist()
        [0, 1, 0, 1, 0]
    """
    check_key(key)
    labels = _class_numbers(examples, 2)
    position_key, noise_key = jax.random.split(key)
    t = np.pi * _uniform(position_key, examples)
    points = np.where(labels == 0, [np.cos(t), np.sin(t)], [1 - np.cos(t), 0.5 - np.sin(t)]).T
    return from_arrays(points + _noise(noise_key, points.shape, noise), labels)


def rings(key: Key[Array, ""], *, examples: int = 200, classes: int = 2, noise: float = 0.1) -> Dataset:
    r"""Sample concentric circles: class $k$ is uniform on the circle of radius $k + 1$, with noise on both coordinates.

    No straight line separates two classes, but a threshold on $x_1^2 + x_2^2$ does.

    Args:
        key: Random key.
        examples: Number of examples, at least one for each class.
        classes: Number of circles.
        noise: Standard deviation of the noise, at least 0.

    Returns:
        Examples of two features.

    Raises:
        ValueError: If there are fewer examples than classes, or the noise is negative or not finite.

    Example:
        >>> from jaxdl import data
        >>> circles = data.rings(jax.random.key(0), examples=6, classes=3, noise=0.0)
        >>> jnp.linalg.norm(circles.inputs, axis=1).round().astype(int).tolist()
        [1, 2, 3, 1, 2, 3]
    """
    check_key(key)
    labels = _class_numbers(examples, classes)
    position_key, noise_key = jax.random.split(key)
    points = _polar(labels + 1, 2 * np.pi * _uniform(position_key, examples))
    return from_arrays(points + _noise(noise_key, points.shape, noise), labels)


def spirals(
    key: Key[Array, ""], *, examples: int = 200, classes: int = 2, turns: float = 1.0, noise: float = 0.02
) -> Dataset:
    r"""Sample the arms of a spiral inside the unit circle, one for each class, which meet at the origin.

    Class $k$ of $K$ has radius $r$ at the angle $2 \pi (k / K + r\,\text{turns})$, with $r$ uniform between 0 and 1 and
    noise on both coordinates.

    Args:
        key: Random key.
        examples: Number of examples, at least one for each class.
        classes: Number of arms.
        turns: Turns of each arm around the origin.
        noise: Standard deviation of the noise, at least 0.

    Returns:
        Examples of two features.

    Raises:
        ValueError: If there are fewer examples than classes, or the noise is negative or not finite.

    References:
        Lang and Witbrock, *Learning to tell two spirals apart* (1988).

    Example:
        >>> from jaxdl import data
        >>> arms = data.spirals(jax.random.key(0), examples=100, noise=0.0)
        >>> bool((jnp.linalg.norm(arms.inputs, axis=1) <= 1).all())
        True
    """
    check_key(key)
    check_number("turns", turns)
    labels = _class_numbers(examples, classes)
    radius_key, noise_key = jax.random.split(key)
    radius = _uniform(radius_key, examples)
    points = _polar(radius, 2 * np.pi * (labels / classes + turns * radius))
    return from_arrays(points + _noise(noise_key, points.shape, noise), labels)


def linear_regression(
    key: Key[Array, ""],
    *,
    weights: ArrayLike | Sequence[float] = (1.0, -2.0),
    bias: float = 0.5,
    examples: int = 100,
    noise: float = 0.1,
) -> Dataset:
    r"""Sample a linear regression $y = x \cdot w + b$ plus noise, with standard normal inputs.

    Args:
        key: Random key.
        weights: The weights $w$ (features,).
        bias: The bias $b$.
        examples: Number of examples, at least 1.
        noise: Standard deviation of the noise on the targets, at least 0.

    Returns:
        Inputs (examples, features) and targets (examples, 1).

    Raises:
        ValueError: If the weights are not a vector, there is no example, or the noise is negative or not finite.

    Example:
        >>> from jaxdl import data
        >>> plane = data.linear_regression(jax.random.key(0), weights=(3.0, 0.0), bias=1.0, noise=0.0)
        >>> bool(jnp.allclose(plane.labels[:, 0], 3 * plane.inputs[:, 0] + 1, atol=1e-5))
        True
    """
    check_key(key)
    weights = _vector("weights", weights)
    check_number("bias", bias)
    input_key, noise_key = jax.random.split(key)
    inputs = _noise(input_key, (_at_least_one(examples), weights.size), 1.0)
    targets = inputs @ weights + bias + _noise(noise_key, examples, noise)
    return from_arrays(inputs, targets[:, None])


def sparse_features(
    key: Key[Array, ""], *, features: int = 50, informative: int = 5, examples: int = 50, noise: float = 0.1
) -> Dataset:
    """Sample a linear regression in which only the first features matter: their weights are 1, all others 0.

    An L1 penalty finds the informative features from few examples; an L2 penalty needs about as many examples as there
    are features.

    Args:
        key: Random key.
        features: Number of features.
        informative: Number of features with weight 1, from 1 to `features`.
        examples: Number of examples, at least 1.
        noise: Standard deviation of the noise on the targets, at least 0.

    Returns:
        Inputs (examples, features) and targets (examples, 1).

    Raises:
        ValueError: If `informative` is out of range, there is no example, or the noise is negative or not finite.

    References:
        Ng, *Feature selection, L1 vs. L2 regularization, and rotational invariance* (2004).

    Example:
        >>> from jaxdl import data
        >>> sparse = data.sparse_features(jax.random.key(0), features=9, informative=2, examples=4, noise=0.0)
        >>> bool(jnp.allclose(sparse.labels, sparse.inputs[:, :2].sum(axis=1, keepdims=True), atol=1e-5))
        True
    """
    check_integer("features", features, 1)
    check_integer("informative", informative)
    if not 1 <= informative <= features:
        raise ValueError(f"informative must be from 1 to the {features} features, got {informative}.")
    weights = np.arange(features) < informative
    return linear_regression(key, weights=weights, bias=0.0, examples=examples, noise=noise)


def polynomial(
    key: Key[Array, ""],
    *,
    coefficients: ArrayLike | Sequence[float] = (0.0, -1.5, 0.0, 2.5),
    examples: int = 20,
    noise: float = 0.1,
) -> Dataset:
    r"""Sample a polynomial $y = \sum_k c_k x^k$ plus noise, with one input that is uniform between -1 and 1.

    Args:
        key: Random key.
        coefficients: The coefficients $c_0, c_1, \ldots$, beginning with the constant.
        examples: Number of examples, at least 1.
        noise: Standard deviation of the noise on the targets, at least 0.

    Returns:
        Inputs (examples, 1) and targets (examples, 1).

    Raises:
        ValueError: If the coefficients are not a vector, there is no example, or the noise is negative or not finite.

    Example:
        >>> from jaxdl import data
        >>> parabola = data.polynomial(jax.random.key(0), coefficients=(1.0, 0.0, 2.0), noise=0.0)
        >>> bool(jnp.allclose(parabola.labels, 1 + 2 * parabola.inputs**2, atol=1e-5))
        True
    """
    check_key(key)
    coefficients = _vector("coefficients", coefficients)
    input_key, noise_key = jax.random.split(key)
    inputs = 2 * _uniform(input_key, _at_least_one(examples)) - 1
    targets = np.polynomial.polynomial.polyval(inputs, coefficients) + _noise(noise_key, examples, noise)
    return from_arrays(inputs[:, None], targets[:, None])


def noisy_labels(key: Key[Array, ""], data: Dataset, *, rate: float) -> Dataset:
    """Replace a fixed share of the labels by other classes that occur in the data, all chosen uniformly.

    `label_noise` does the same for batches, with independent replacements.

    Args:
        key: Random key.
        data: A data set with class numbers (examples,).
        rate: Share of labels to replace, in [0, 1], rounded to the nearest example.

    Returns:
        The same examples with the new labels.

    Raises:
        ValueError: If the rate is out of range, or all labels are the same class.
        TypeError: If the labels are not class numbers.

    References:
        Angluin and Laird, *Learning from noisy examples* (1988).

    Example:
        >>> from jaxdl import data
        >>> moons = data.moons(jax.random.key(0), examples=10)
        >>> noisy = data.noisy_labels(jax.random.key(1), moons, rate=0.3)
        >>> int((noisy.labels != moons.labels).sum())
        3
    """
    check_key(key)
    check_data(data)
    check_probability("rate", rate)
    labels = np.asarray(data.labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise TypeError(f"labels must be class numbers (examples,), got {labels.dtype} of the shape {labels.shape}.")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"label noise needs at least two classes, but all labels are {classes[0]}.")
    selection_key, class_key = jax.random.split(key)
    replaced = np.asarray(jax.random.permutation(selection_key, len(labels)))[: round(rate * len(labels))]
    offset = np.asarray(jax.random.randint(class_key, replaced.shape, 1, len(classes)))
    numbers[replaced] = (numbers[replaced] + offset) % len(classes)
    return data._replace(labels=jnp.asarray(classes[numbers]))


def _class_numbers(examples, classes) -> np.ndarray:
    check_integer("examples", examples)
    check_integer("classes", classes)
    if not 1 <= classes <= examples:
        raise ValueError(f"examples must be at least one for each class, got {examples} for {classes} classes.")
    return np.arange(examples) % classes


def _at_least_one(examples) -> int:
    check_integer("examples", examples, 1)
    return examples


def _vector(name, numbers) -> np.ndarray:
    numbers = array_of_numbers(name, numbers, np.float64)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"{name} must be a vector of at least one number, got the shape {numbers.shape}.")
    return numbers


def _uniform(key, examples) -> np.ndarray:
    return np.asarray(jax.random.uniform(key, (examples,)), np.float64)


def _noise(key, shape, std) -> np.ndarray:
    check_number("noise", std)
    if not 0 <= std < np.inf:
        raise ValueError(f"noise must be a standard deviation of at least 0, got {std}.")
    return std * np.asarray(jax.random.normal(key, shape), np.float64)


def _polar(radius, angle) -> np.ndarray:
    """Return the points (examples, 2) with these polar coordinates."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
