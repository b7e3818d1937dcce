"""Adaptive learning rates: divide each gradient by the size of earlier gradients of that parameter, elementwise."""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._base import (
    LearningRate,
    Scalar,
    chain,
    check_decays,
    check_not_negative,
    leafwise,
    scale_by_learning_rate,
)


def adagrad(learning_rate: LearningRate, *, eps: Scalar = 1e-10) -> optax.GradientTransformationExtraArgs:
    r"""Adagrad: $s \leftarrow s + g_t^2$, then $w \leftarrow w - \eta\, g_t / (\sqrt s + \epsilon)$.

    $s$ starts at 0 and never decreases, so that the effective learning rate falls like $1 / \sqrt t$. The definition is
    that of PyTorch; optax starts at $s = 0.1$ and adds $\epsilon$ inside the root.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        eps: $\epsilon \ge 0$, which prevents division by zero.

    Raises:
        ValueError: If a hyperparameter is negative.

    References:
        Duchi, Hazan and Singer, *Adaptive subgradient methods for online learning and stochastic optimization* (2011).

    Example:
        With a constant gradient, step $t$ is $\eta / \sqrt t$:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.adagrad(1.0)
        >>> gradient, steps = jnp.array(7.0), []
        >>> state = optimizer.init(gradient)
        >>> for _ in range(4):
        ...     update, state = optimizer.update(gradient, state)
        ...     steps.append(round(float(update), 3))
        >>> steps
        [-1.0, -0.707, -0.577, -0.5]
    """
    check_not_negative({"eps": eps})

    def rule(g, step, s):  # noqa: ARG001
        s = s + g**2
        return g / (jnp.sqrt(s) + eps), s

    return chain(leafwise(jnp.zeros_like, rule), scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: LearningRate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""RMSProp: $w \leftarrow w - \eta v$ with $v \leftarrow \mu v + g_t / (\sqrt s + \epsilon)$.

    $s \leftarrow \rho s + (1 - \rho)\, g_t^2$ is a moving average of the squared gradient. Both $s$ and $v$ start at 0.
    The definition and the defaults are those of PyTorch. By default, optax adds $\epsilon$ inside the root and has
    $\rho = 0.9$, as the lecture does.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Decay rate $\rho$ of the average, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        momentum: $\mu$ in $[0, 1)$.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Tieleman and Hinton, *Lecture 6.5: RMSProp* (2012).
        Graves, *Generating sequences with recurrent neural networks* (2013), adds momentum.

    Example:
        The average starts at 0 and is not bias-corrected, so the first step is $\eta / \sqrt{1 - \rho}$:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.rmsprop(1.0, decay=0.75)
        >>> gradient = jnp.array(7.0)
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> round(float(update), 3)
        -2.0
    """
    check_decays({"decay": decay, "momentum": momentum})
    check_not_negative({"eps": eps})
    scaled = optax.scale_by_rms(decay, eps, eps_in_sqrt=False)
    return chain(scaled, optax.trace(momentum), scale_by_learning_rate(learning_rate))


def centered_rmsprop(
    learning_rate: LearningRate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""RMSProp that divides by the standard deviation: $v \leftarrow \mu v + g_t / (\sqrt{s - m^2} + \epsilon)$.

    $m \leftarrow \rho m + (1 - \rho)\, g_t$ and $s \leftarrow \rho s + (1 - \rho)\, g_t^2$ are moving averages of the
    gradient and its square, and $w \leftarrow w - \eta v$. If a gradient hardly changes, rounding can make $s - m^2$
    negative; jaxdl then uses 0. The step would be NaN in PyTorch, and also in optax below $-\epsilon$.
    The definition is otherwise that of PyTorch; the paper has $\epsilon$ inside the root.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Decay rate $\rho$ of both averages, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        momentum: $\mu$ in $[0, 1)$.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Graves, *Generating sequences with recurrent neural networks* (2013), equations 38 to 41.

    Example:
        The more a gradient repeats itself, the larger the steps:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.centered_rmsprop(1.0, decay=0.5)
        >>> gradient, steps = jnp.array(1.0), []
        >>> state = optimizer.init(gradient)
        >>> for _ in range(3):
        ...     update, state = optimizer.update(gradient, state)
        ...     steps.append(round(float(update), 2))
        >>> steps
        [-2.0, -2.31, -3.02]
    """
    check_decays({"decay": decay, "momentum": momentum})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):  # noqa: ARG001
        m, s = moments
        m, s = decay * m + (1 - decay) * g, decay * s + (1 - decay) * g**2
        return g / (jnp.sqrt(jnp.maximum(s - m**2, 0)) + eps), (m, s)

    scaled = leafwise(lambda w: (jnp.zeros_like(w), jnp.zeros_like(w)), rule)
    return chain(scaled, optax.trace(momentum), scale_by_learning_rate(learning_rate))


def adadelta(
    learning_rate: LearningRate = 1.0, *, decay: Scalar = 0.9, eps: Scalar = 1e-6
) -> optax.GradientTransformationExtraArgs:
    r"""Adadelta: $w \leftarrow w - \eta u$ with $u = g_t\, \sqrt{r + \epsilon} / \sqrt{s + \epsilon}$.

    $s \leftarrow \rho s + (1 - \rho)\, g_t^2$ averages squared gradients and is updated before the step.
    $r \leftarrow \rho r + (1 - \rho)\, u^2$ averages squared steps and is updated after it. Steps thus have the unit of
    the parameter. The paper has no learning rate ($\eta = 1$). The definition is that of PyTorch and optax.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Decay rate $\rho$ of both averages, in $[0, 1)$.
        eps: $\epsilon \ge 0$; it also sets the size of the first steps.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Zeiler, *ADADELTA: an adaptive learning rate method* (2012).

    Example:
        Steps do not depend on the scale of the loss:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.adadelta()
        >>> gradient = jnp.array([1.0, 100.0])
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> print(np.asarray(update).round(4))
        [-0.0032 -0.0032]
    """
    check_decays({"decay": decay})
    check_not_negative({"eps": eps})
    return chain(optax.scale_by_adadelta(decay, eps), scale_by_learning_rate(learning_rate))
