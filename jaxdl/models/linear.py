"""Linear models: a single dense layer without activation. They differ in the loss to train them with."""

from collections.abc import Callable
from typing import Any

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models.mlp import mlp
from jaxdl.models.model import Model


def linear_regression(
    outputs: int = 1, *, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional
) -> Model:
    r"""Linear regression $\hat y = x W + b$.

    Train it with `functional.squared_error`, whose minimum is the least-squares fit. The kernel starts at zero: the
    loss is convex, so the minimum does not depend on the start, and there is no symmetry to break.

    Args:
        outputs: Number of targets to predict.
        kernel_init: Initializer of the kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model; its outputs have shape (batch, outputs).

    Raises:
        ValueError: If `outputs` is below 1.

    Example:
        >>> from jaxdl import models
        >>> model = models.linear_regression()
        >>> x, y = jnp.array([[0.0], [1.0], [2.0]]), jnp.array([[1.0], [3.0], [5.0]])
        >>> params, _ = model.init(jax.random.key(0), x)
        >>> gradient = jax.jit(jax.grad(lambda params: ((model.apply(params, {}, x)[0] - y) ** 2).mean()))
        >>> for _ in range(300):
        ...     params = jax.tree.map(lambda w, g: w - 0.2 * g, params, gradient(params))
        >>> {name: round(float(leaf.sum()), 3) for name, leaf in sorted(params["Dense_0"].items())}
        {'bias': 1.0, 'kernel': 2.0}
    """
    return mlp((), outputs, kernel_init=kernel_init, functional=functional)


def logistic_regression(*, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional) -> Model:
    r"""Logistic regression $P(1 \mid x) = \sigma(z)$, $z = x W + b$, between the classes 0 and 1.

    Train it with the binary cross-entropy of the logits `z[:, 0]`. The kernel starts at zero, where both classes have
    probability 1/2.

    Args:
        kernel_init: Initializer of the kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model; its outputs are the logits $z$, of shape (batch, 1).

    Example:
        >>> from jaxdl import models
        >>> model = models.logistic_regression()
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> F.sigmoid(model.apply(params, stats, jnp.ones((2, 4)))[0]).tolist()
        [[0.5], [0.5]]
    """
    return mlp((), 1, kernel_init=kernel_init, functional=functional)


def softmax_regression(
    classes: int | None = None, *, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional
) -> Model:
    r"""Softmax regression $P(k \mid x) = e^{z_k} / \sum_j e^{z_j}$, $z = x W + b$, for several classes.

    Train it with `functional.cross_entropy` of the logits. The kernel starts at zero, where all classes have the same
    probability and the loss is $\log(\text{classes})$.

    Args:
        classes: Number of classes; None leaves it to training, as `outputs` of `mlp`.
        kernel_init: Initializer of the kernel, `(key, shape, dtype) -> array`.
        functional: Module in which the layers look up their functions, as in `mlp`.

    Returns:
        The model; its outputs are the logits $z$, of shape (batch, classes).

    Raises:
        ValueError: If `classes` is below 1.

    Example:
        >>> from jaxdl import models
        >>> model = models.softmax_regression(3)
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> logits, _ = model.apply(params, stats, jnp.ones((1, 4)))
        >>> round(float(F.cross_entropy(logits, jnp.array([2]))[0]), 3), round(float(jnp.log(3)), 3)
        (1.099, 1.099)
    """
    return mlp((), classes, kernel_init=kernel_init, functional=functional)
