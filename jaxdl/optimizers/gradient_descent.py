"""Gradient descent, plain and with momentum: all parameters share one learning rate."""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._base import LearningRate, Scalar, chain, check_decays, scale_by_learning_rate


def sgd(learning_rate: LearningRate) -> optax.GradientTransformationExtraArgs:
    r"""Gradient descent: $w \leftarrow w - \eta g_t$.

    It is stochastic gradient descent if $g_t$ is the gradient of a random batch.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.

    Raises:
        ValueError: If the learning rate is negative.

    References:
        Robbins and Monro, *A stochastic approximation method* (1951).

    Example:
        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.sgd(0.5)
        >>> params = jnp.array([1.0, -2.0])
        >>> gradient = params  # of the loss |w|² / 2
        >>> updates, state = optimizer.update(gradient, optimizer.init(params), params)
        >>> (params + updates).tolist()
        [0.5, -1.0]
    """
    return chain(scale_by_learning_rate(learning_rate))


def momentum(
    learning_rate: LearningRate, *, decay: Scalar = 0.9, dampening: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""Heavy-ball momentum: $v \leftarrow \mu v + (1 - d)\, g_t$, then $w \leftarrow w - \eta v$.

    At the first step $v$ is the gradient itself; the dampening $d$ applies from the second step on. Unrolled, for
    $d = 0$,

    $$
    v = g_t + \mu\, g_{t-1} + \mu^2 g_{t-2} + \dots + \mu^{t-1} g_1 .
    $$

    This is PyTorch's SGD with `momentum` and `dampening`, except that PyTorch ignores the dampening if the momentum is
    0. optax has no dampening ($d = 0$).

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Momentum $\mu$ in $[0, 1)$.
        dampening: $d$, usually in $[0, 1]$.

    Raises:
        ValueError: If the learning rate is negative or the decay is outside $[0, 1)$.

    References:
        Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).

    Example:
        If the gradient stays the same, the steps grow to $1 / (1 - \mu)$ times those of `sgd`:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.momentum(1.0, decay=0.5)
        >>> gradient, steps = jnp.array(1.0), []
        >>> state = optimizer.init(gradient)
        >>> for _ in range(4):
        ...     update, state = optimizer.update(gradient, state)
        ...     steps.append(float(update))
        >>> steps
        [-1.0, -1.5, -1.75, -1.875]
    """
    check_decays({"decay": decay})
    undampened_first_step = optax.scale_by_schedule(lambda step: jnp.where(step == 0, 1.0, 1.0 - dampening))
    return chain(undampened_first_step, optax.trace(decay), scale_by_learning_rate(learning_rate))


def nesterov(learning_rate: LearningRate, *, decay: Scalar = 0.9) -> optax.GradientTransformationExtraArgs:
    r"""Nesterov's accelerated gradient: $v \leftarrow \mu v + g_t$, then $w \leftarrow w - \eta\,(g_t + \mu v)$.

    Nesterov evaluates the gradient at a lookahead point. For the position $x$ and the next velocity $v'$

    $$
    g_t = \nabla f(x - \eta \mu v), \qquad v' = \mu v + g_t, \qquad x' = x - \eta v' .
    $$

    Here, as in optax and PyTorch, the parameters are that point, $w = x - \eta \mu v$, so that gradients are evaluated
    at the parameters. The two forms are equivalent if the learning rate is constant:

    $$
    \begin{aligned}
    w' &= x' - \eta \mu v' \\
    &= (w + \eta \mu v) - \eta v' - \eta \mu v' \\
    &= w - \eta\,(g_t + \mu v') ,
    \end{aligned}
    $$

    since $\mu v - v' = -g_t$.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Momentum $\mu$ in $[0, 1)$.

    Raises:
        ValueError: If the learning rate is negative or the decay is outside $[0, 1)$.

    References:
        Nesterov, *A method for solving a convex programming problem with convergence rate $O(1/k^2)$* (1983).
        Sutskever et al., *On the importance of initialization and momentum in deep learning* (2013), has this form.

    Example:
        The first step is already $1 + \mu$ times that of `sgd`:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.nesterov(1.0, decay=0.5)
        >>> gradient = jnp.array(1.0)
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> float(update)
        -1.5
    """
    check_decays({"decay": decay})
    return chain(optax.trace(decay, nesterov=True), scale_by_learning_rate(learning_rate))
