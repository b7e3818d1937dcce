"""Linear models: one dense layer and no activation. They differ in the loss that they are trained on."""

from collections.abc import Callable
from typing import Any

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models.mlp import mlp
from jaxdl.models.model import Model


def linear_regression(
    outputs: int = 1, *, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional
) -> Model:
    r"""Linear regression $\hat y = x W + b$: to be trained on `squared_error`, whose minimum is the least-squares fit.

    It starts from zero: the loss is convex, so that nothing depends on the start, and there is no symmetry to break.
    Raises ValueError for a number of outputs that is not positive.
    """
    return mlp((), outputs, kernel_init=kernel_init, functional=functional)


def logistic_regression(*, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional) -> Model:
    r"""Logistic regression $P(1 \mid x) = \sigma(z)$, $z = x W + b$, between two classes, 0 and 1.

    The output is the logit $z$, of shape (batch, 1): to be trained on `binary_cross_entropy(z[:, 0], labels)`. It
    starts from zero, where both classes are equally likely.
    """
    return mlp((), 1, kernel_init=kernel_init, functional=functional)


def softmax_regression(
    classes: int, *, kernel_init: Callable = initializers.zeros, functional: Any = jaxdl.functional
) -> Model:
    r"""Softmax regression $P(k \mid x) = e^{z_k} / \sum_j e^{z_j}$, $z = x W + b$, among so many classes.

    The outputs are the logits $z$: to be trained on `cross_entropy`. It starts from zero, where all classes are equally
    likely and the loss is the logarithm of their number. Raises ValueError for a number of classes that is not
    positive.
    """
    return mlp((), classes, kernel_init=kernel_init, functional=functional)
