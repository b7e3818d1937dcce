"""Data sets made by a formula: what there is to be learned from them is known.

Every call draws its examples independently. Noise is normal, and is given as its standard deviation. Classes come in
turn, so that their numbers of examples differ by one at most.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from numpy.typing import ArrayLike

from jaxdl.data.dataset import Dataset, from_arrays


def xor() -> Dataset:
    """The exclusive or: the four corners of the unit square, labelled 1 where exactly one coordinate is 1."""
    return from_arrays([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1, 0])


def moons(key: Key[Array, ""], *, examples: int = 200, noise: float = 0.1) -> Dataset:
    r"""Two half circles of radius 1 that reach into each other.

    $(\cos t, \sin t)$ in class 0 and $(1 - \cos t, 1/2 - \sin t)$ in class 1, with $t$ uniform between 0 and $\pi$ and
    noise on both coordinates. No straight line separates them. Raises ValueError for fewer examples than classes, and
    for noise below 0.
    """
    labels = _class_numbers(examples, 2)
    at, off = jax.random.split(key)
    t = np.pi * _uniform(at, examples)
    points = np.where(labels == 0, [np.cos(t), np.sin(t)], [1 - np.cos(t), 0.5 - np.sin(t)]).T
    return from_arrays(points + _noise(off, points.shape, noise), labels)


def rings(key: Key[Array, ""], *, examples: int = 200, classes: int = 2, noise: float = 0.1) -> Dataset:
    r"""Circles around the origin, class $k$ on that of radius $k + 1$, uniformly, with noise on both coordinates.

    No straight line separates them, but $x_1^2 + x_2^2$ does. Raises ValueError for fewer examples than classes, and
    for noise below 0.
    """
    labels = _class_numbers(examples, classes)
    at, off = jax.random.split(key)
    points = _polar(labels + 1, 2 * np.pi * _uniform(at, examples))
    return from_arrays(points + _noise(off, points.shape, noise), labels)


def spirals(
    key: Key[Array, ""], *, examples: int = 200, classes: int = 2, turns: float = 1.0, noise: float = 0.02
) -> Dataset:
    r"""Arms of a spiral inside the unit circle, one for each class, which meet at the origin.

    Class $k$ of $K$ has the radius $r$ at the angle $2 \pi (k / K + r\,\text{turns})$, with $r$ uniform between 0 and 1
    and noise on both coordinates. Raises ValueError for fewer examples than classes, and for noise below 0.
    After Lang and Witbrock, *Learning to tell two spirals apart* (1988).
    """
    labels = _class_numbers(examples, classes)
    at, off = jax.random.split(key)
    radius = _uniform(at, examples)
    points = _polar(radius, 2 * np.pi * (labels / classes + turns * radius))
    return from_arrays(points + _noise(off, points.shape, noise), labels)


def linear_regression(
    key: Key[Array, ""],
    *,
    weights: ArrayLike | Sequence[float] = (1.0, -2.0),
    bias: float = 0.5,
    examples: int = 100,
    noise: float = 0.1,
) -> Dataset:
    r"""A linear regression $y = x \cdot w + b$ plus noise: inputs are standard normal, one feature for each weight.

    Targets have the shape (examples, 1). Raises ValueError for weights that are no vector, for no examples, and for
    noise below 0.
    """
    weights = _vector("weights", weights)
    at, off = jax.random.split(key)
    inputs = _noise(at, (_at_least_one(examples), weights.size), 1.0)
    targets = inputs @ weights + bias + _noise(off, examples, noise)
    return from_arrays(inputs, targets[:, None])


def sparse_features(
    key: Key[Array, ""], *, features: int = 50, informative: int = 5, examples: int = 50, noise: float = 0.1
) -> Dataset:
    """A linear regression in which few of the features matter: the weights of the first are 1, of all others 0.

    A penalty on the absolute values of weights needs few examples to find which matter, one on their squares about as
    many as there are features: Ng, *Feature selection, L1 vs. L2 regularization, and rotational invariance* (2004).
    Raises ValueError for more informative features than there are, or for none, and what `linear_regression` raises.
    """
    if not 1 <= informative <= features:
        raise ValueError(f"informative must be from 1 to the {features} features, but was {informative}.")
    weights = np.arange(features) < informative
    return linear_regression(key, weights=weights, bias=0.0, examples=examples, noise=noise)


def polynomial(
    key: Key[Array, ""],
    *,
    coefficients: ArrayLike | Sequence[float] = (0.0, -1.5, 0.0, 2.5),
    examples: int = 20,
    noise: float = 0.1,
) -> Dataset:
    r"""A polynomial $y = \sum_k c_k x^k$ plus noise, with one input that is uniform between -1 and 1.

    The coefficients begin with the constant. Targets have the shape (examples, 1). Raises ValueError for coefficients
    that are no vector, for no examples, and for noise below 0.
    """
    coefficients = _vector("coefficients", coefficients)
    at, off = jax.random.split(key)
    inputs = 2 * _uniform(at, _at_least_one(examples)) - 1
    targets = np.polynomial.polynomial.polyval(inputs, coefficients) + _noise(off, examples, noise)
    return from_arrays(inputs[:, None], targets[:, None])


def noisy_labels(key: Key[Array, ""], data: Dataset, *, rate: float) -> Dataset:
    """The same examples, a share of them, to the nearest example, with the label of another class.

    Which they are is drawn at random, and so is the class, among those in the data. Raises ValueError for a rate that
    is not between 0 and 1 and for data of a single class, TypeError for labels that are no class numbers.
    Angluin and Laird, *Learning from noisy examples* (1988).
    """
    labels = np.asarray(data.labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise TypeError(
            f"labels must be class numbers to be replaced, but are {labels.dtype} of the shape {labels.shape}."
        )
    if not 0 <= rate <= 1:
        raise ValueError(f"rate must be between 0 and 1, but was {rate}.")
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"data must be of two classes at least, but all labels are {classes[0]}: none can replace it.")
    which, other = jax.random.split(key)
    wrong = np.asarray(jax.random.permutation(which, len(labels)))[: round(rate * len(labels))]
    step = np.asarray(jax.random.randint(other, wrong.shape, 1, len(classes)))
    numbers[wrong] = (numbers[wrong] + step) % len(classes)
    return data._replace(labels=jnp.asarray(classes[numbers]))


def _class_numbers(examples, classes) -> np.ndarray:
    if not 1 <= classes <= examples:
        raise ValueError(f"examples must be one or more for each class, but were {examples} for {classes} classes.")
    return np.arange(examples) % classes


def _at_least_one(examples) -> int:
    if examples < 1:
        raise ValueError(f"examples must be at least one, but were {examples}.")
    return examples


def _vector(name, numbers) -> np.ndarray:
    numbers = np.asarray(numbers, np.float64)
    if numbers.ndim != 1 or numbers.size == 0:
        raise ValueError(f"{name} must be a vector, but have the shape {numbers.shape}.")
    return numbers


def _uniform(key, examples) -> np.ndarray:
    return np.asarray(jax.random.uniform(key, (examples,)), np.float64)


def _noise(key, shape, deviation) -> np.ndarray:
    if not 0 <= deviation < np.inf:
        raise ValueError(f"noise must be a standard deviation, not below 0, but was {deviation}.")
    return deviation * np.asarray(jax.random.normal(key, shape), np.float64)


def _polar(radius, angle) -> np.ndarray:
    """Points as (examples, 2)."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
