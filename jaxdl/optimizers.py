r"""Rules for taking a step, each an optax chain of named pieces.

$g_t$ is the gradient at step $t = 1, 2, \dots$, $\eta$ the learning rate (a number, a traced array or a schedule). All
hyperparameters may be traced arrays, so that a sweep over them is a `vmap`.
"""

from collections.abc import Callable

import optax
from jaxtyping import Array, Float, PyTree

Scalar = float | Float[Array, ""]
Rate = Scalar | optax.Schedule


def sgd(learning_rate: Rate) -> optax.GradientTransformation:
    r"""Gradient descent $w \leftarrow w - \eta g_t$, stochastic where $g_t$ is that of a batch.

    Robbins and Monro, *A stochastic approximation method* (1951).
    """
    return optax.chain(optax.scale_by_learning_rate(learning_rate))


def momentum(learning_rate: Rate, *, decay: Scalar = 0.9) -> optax.GradientTransformation:
    r"""Heavy ball: $v \leftarrow \mu v + g_t$ from $v = 0$, $w \leftarrow w - \eta v$; $\mu$ is the decay in $[0, 1)$.

    Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).
    """
    return optax.chain(optax.trace(decay), optax.scale_by_learning_rate(learning_rate))


def adam(
    learning_rate: Rate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformation:
    r"""Adaptive moments: $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)$.

    $m \leftarrow \beta_1 m + (1 - \beta_1) g_t$ and $v \leftarrow \beta_2 v + (1 - \beta_2) g_t^2$ start from zero,
    hence the corrections $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$.
    Kingma and Ba, *Adam* (2015), algorithm 1.
    """
    return optax.chain(optax.scale_by_adam(b1, b2, eps), optax.scale_by_learning_rate(learning_rate))


def adamw(
    learning_rate: Rate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-4,
    mask: PyTree | Callable | None = None,
) -> optax.GradientTransformation:
    r"""Adam with decoupled decay: $w \leftarrow w - \eta\,(\hat m / (\sqrt{\hat v} + \epsilon) + \lambda w)$.

    The decay $\lambda w$ is not divided by $\sqrt{\hat v}$, as it would be if the loss held $\tfrac\lambda2 \|w\|^2$.
    Their algorithm multiplies $\lambda$ by the schedule but not by the rate; here, as in optax and PyTorch, by both.
    `mask(params)`, a tree of Booleans, says what decays; None is everything.
    Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), algorithm 2.
    """
    return optax.chain(
        optax.scale_by_adam(b1, b2, eps),
        optax.add_decayed_weights(weight_decay, mask),
        optax.scale_by_learning_rate(learning_rate),
    )
