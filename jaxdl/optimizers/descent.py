"""Descent along the gradient, and with momentum: every parameter at the same rate."""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._rule import Rate, Scalar, chain, check_decays, downhill


def sgd(learning_rate: Rate) -> optax.GradientTransformationExtraArgs:
    r"""Gradient descent $w \leftarrow w - \eta g_t$, stochastic where $g_t$ is that of a batch.

    Robbins and Monro, *A stochastic approximation method* (1951).
    """
    return chain(downhill(learning_rate))


def momentum(
    learning_rate: Rate, *, decay: Scalar = 0.9, dampening: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""Heavy ball: $v \leftarrow \mu v + (1 - d)\, g_t$ and $w \leftarrow w - \eta v$ for a decay $\mu$ in $[0, 1)$.

    $v$ begins as the first gradient itself, and the dampening $d$ acts from the second on, as in PyTorch (whose SGD
    with `momentum` and `dampening` this is; without momentum it does not dampen); optax has none, $d = 0$.
    Polyak, *Some methods of speeding up the convergence of iteration methods* (1964).
    """
    check_decays({"decay": decay})
    undamped_at_first = optax.scale_by_schedule(lambda step: jnp.where(step == 0, 1.0, 1.0 - dampening))
    return chain(undamped_at_first, optax.trace(decay), downhill(learning_rate))


def nesterov(learning_rate: Rate, *, decay: Scalar = 0.9) -> optax.GradientTransformationExtraArgs:
    r"""Accelerated gradient: $v \leftarrow \mu v + g_t$ and $w \leftarrow w - \eta\,(g_t + \mu v)$.

    Nesterov takes the gradient where the momentum is about to lead, $g_t = \nabla f(x - \eta \mu v)$ at the position
    $x$; here, as in optax and PyTorch, $w$ is that point ahead, $w = x - \eta \mu v$, so that gradients are taken at
    the parameters (the same for a constant rate).
    Nesterov, *A method for solving a convex programming problem with convergence rate $O(1/k^2)$* (1983); in this form
    Sutskever et al., *On the importance of initialization and momentum in deep learning* (2013).
    """
    check_decays({"decay": decay})
    return chain(optax.trace(decay, nesterov=True), downhill(learning_rate))
