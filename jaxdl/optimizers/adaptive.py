"""A rate for each parameter: divided by the size that its gradients have had. All operations go element by element."""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._rule import Rate, Scalar, chain, check_decays, check_not_negative, downhill, leafwise


def adagrad(learning_rate: Rate, *, eps: Scalar = 1e-10) -> optax.GradientTransformationExtraArgs:
    r"""Adaptive gradients: $s \leftarrow s + g_t^2$ from $s = 0$, $w \leftarrow w - \eta\, g_t / (\sqrt s + \epsilon)$.

    $s$ only grows, so that the rate falls like $1 / \sqrt t$. The same as in PyTorch; optax begins with $s = 0.1$ and
    has $\epsilon$ inside the root.
    Duchi, Hazan and Singer, *Adaptive subgradient methods for online learning and stochastic optimization* (2011).
    """
    check_not_negative({"eps": eps})

    def rule(g, step, s):  # noqa: ARG001
        s = s + g**2
        return g / (jnp.sqrt(s) + eps), s

    return chain(leafwise(jnp.zeros_like, rule), downhill(learning_rate))


def rmsprop(
    learning_rate: Rate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""Root mean square propagation: $s \leftarrow \rho s + (1 - \rho)\, g_t^2$ from $s = 0$, a moving mean.

    $u = g_t / (\sqrt s + \epsilon)$, $v \leftarrow \mu v + u$ and $w \leftarrow w - \eta v$; without momentum, $v = u$.
    The same as in PyTorch; optax's default has $\epsilon$ inside the root, and $\rho = 0.9$, as in the lecture.
    Tieleman and Hinton, *Lecture 6.5: RMSProp* (2012); with momentum Graves, *Generating sequences with recurrent
    neural networks* (2013).
    """
    check_decays({"decay": decay, "momentum": momentum})
    check_not_negative({"eps": eps})
    scaled = optax.scale_by_rms(decay, eps, eps_in_sqrt=False)
    return chain(scaled, optax.trace(momentum), downhill(learning_rate))


def centered_rmsprop(
    learning_rate: Rate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""RMSProp by the standard deviation: $u = g_t / (\sqrt{s - m^2} + \epsilon)$.

    Beside $s$, as in `rmsprop`, there is the mean $m \leftarrow \rho m + (1 - \rho)\, g_t$. For a gradient that hardly
    changes $s - m^2$ can round to less than 0; it is then taken to be 0 (in PyTorch, and in optax if it is below
    $-\epsilon$, the step is NaN).
    Graves, *Generating sequences with recurrent neural networks* (2013), equations 38 to 41, has $\epsilon$ inside the
    root; here, as in PyTorch, it is outside.
    """
    check_decays({"decay": decay, "momentum": momentum})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):  # noqa: ARG001
        m, s = moments
        m, s = decay * m + (1 - decay) * g, decay * s + (1 - decay) * g**2
        return g / (jnp.sqrt(jnp.maximum(s - m**2, 0)) + eps), (m, s)

    scaled = leafwise(lambda w: (jnp.zeros_like(w), jnp.zeros_like(w)), rule)
    return chain(scaled, optax.trace(momentum), downhill(learning_rate))


def adadelta(
    learning_rate: Rate = 1.0, *, decay: Scalar = 0.9, eps: Scalar = 1e-6
) -> optax.GradientTransformationExtraArgs:
    r"""Steps in the unit of the parameter: $u = g_t\, \sqrt{r + \epsilon} / \sqrt{s + \epsilon}$.

    $s \leftarrow \rho s + (1 - \rho)\, g_t^2$ before, and $r \leftarrow \rho r + (1 - \rho)\, u^2$ after;
    $w \leftarrow w - \eta u$. The paper has no rate, $\eta = 1$. The same as in PyTorch and optax.
    Zeiler, *ADADELTA* (2012).
    """
    check_decays({"decay": decay})
    check_not_negative({"eps": eps})
    return chain(optax.scale_by_adadelta(decay, eps), downhill(learning_rate))
