r"""Adam and its family: momentum, and a rate for each parameter.

$m \leftarrow \beta_1 m + (1 - \beta_1) g_t$ and $v \leftarrow \beta_2 v + (1 - \beta_2) g_t^2$ start from zero, so that
they are too small at first by $1 - \beta_1^t$ and $1 - \beta_2^t$; corrected, $\hat m = m / (1 - \beta_1^t)$ and
$\hat v = v / (1 - \beta_2^t)$. All operations go element by element.
"""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._rule import Mask, Rate, Scalar, chain, check_decays, check_not_negative, downhill, leafwise


def adam(
    learning_rate: Rate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adaptive moments: $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)$.

    With $\hat m = m / (1 - \beta_1^t)$ and $\hat v = v / (1 - \beta_2^t)$ for the means
    $m \leftarrow \beta_1 m + (1 - \beta_1) g_t$ and $v \leftarrow \beta_2 v + (1 - \beta_2) g_t^2$, which start from
    zero. The same as in PyTorch and optax.
    Kingma and Ba, *Adam* (2015), algorithm 1.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})
    return chain(_by_moments(b1, b2, eps), downhill(learning_rate))


def adam_l2(
    learning_rate: Rate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    strength: Scalar = 1e-4,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam on the loss and the penalty $\tfrac\lambda2 \|w\|^2$: as `adam`, with $g_t + \lambda w$ for $g_t$.

    The penalty's part of the gradient is divided by $\sqrt{\hat v}$ like the rest, so that what has large gradients is
    hardly penalized; `adamw` is without that. The same as PyTorch's Adam with `weight_decay`. `mask` as for `adamw`.
    Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), algorithm 2, in violet.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "strength": strength})
    return chain(
        optax.add_decayed_weights(strength, mask),
        _by_moments(b1, b2, eps),
        downhill(learning_rate),
    )


def adamw(
    learning_rate: Rate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-4,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with decoupled decay: $w \leftarrow w - \eta\,(\hat m / (\sqrt{\hat v} + \epsilon) + \lambda w)$.

    The decay $\lambda w$ is not divided by $\sqrt{\hat v}$, as it would be if the loss held $\tfrac\lambda2 \|w\|^2$
    (`adam_l2`). Their algorithm multiplies $\lambda$ by the schedule but not by the rate; here, as in optax and
    PyTorch, by both (PyTorch's default is $\lambda = 0.01$). `mask`, a tree of Booleans or a function of the parameters
    that makes one, such as `weights`, says what decays; None is everything.
    Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), algorithm 2.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "weight_decay": weight_decay})
    return chain(
        _by_moments(b1, b2, eps),
        optax.add_decayed_weights(weight_decay, mask),
        downhill(learning_rate),
    )


def adamax(
    learning_rate: Rate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adam by the largest gradient: $w \leftarrow w - \eta\, \hat m / u$.

    $u \leftarrow \max(\beta_2 u, |g_t| + \epsilon)$ from zero is a norm of the past that forgets. The paper has no
    $\epsilon$, and so 0/0 where a gradient has never been but 0. The same as in PyTorch and optax. Kingma and Ba,
    *Adam* (2015), algorithm 2.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})
    return chain(optax.scale_by_adamax(b1, b2, eps), downhill(learning_rate))


def nadam(
    learning_rate: Rate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    momentum_decay: Scalar = 4e-3,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with Nesterov's momentum: $w \leftarrow w - \eta\, n / (\sqrt{\hat v} + \epsilon)$.

    It looks one step ahead,
    $n = \mu_{t+1} m / (1 - \prod_{i \le t+1} \mu_i) + (1 - \mu_t)\, g_t / (1 - \prod_{i \le t} \mu_i)$, where
    $\mu_t = \beta_1 (1 - \tfrac12 0.96^{t \psi})$ warms the momentum up; $\psi$ is the momentum decay. The same as in
    PyTorch; Dozat's own $m$ is averaged by $\mu_t$ instead of $\beta_1$, and optax has no warming up, $\psi = \infty$.
    Dozat, *Incorporating Nesterov momentum into Adam* (2016).
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "momentum_decay": momentum_decay})

    def mu(step):
        return b1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))

    def rule(g, step, moments):
        m, v, correction = moments  # the last is 1 less the product of all mu: the mean of ones
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        correction = 1 - (1 - correction) * mu(step)
        ahead = 1 - (1 - correction) * mu(step + 1)
        n = mu(step + 1) * m / ahead + (1 - mu(step)) * g / correction
        return n / (jnp.sqrt(v / (1 - b2**step)) + eps), (m, v, correction)

    def start(w):
        return *_two_zeros(w), _zero(w)

    return chain(leafwise(start, rule), downhill(learning_rate))


def radam(
    learning_rate: Rate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Rectified Adam, $w \leftarrow w - \eta\, r_t\, \hat m\, \sqrt{1 - \beta_2^t} / (\sqrt v + \epsilon)$.

    $v$ is the mean of about $\rho_t = \rho_\infty - 2 t \beta_2^t / (1 - \beta_2^t)$ squares, with
    $\rho_\infty = 2 / (1 - \beta_2) - 1$. Few are no measure: as long as $\rho_t \le 5$ the step is $\eta\, \hat m$,
    without $v$, and then the rectification
    $r_t^2 = \frac{(\rho_t - 4)(\rho_t - 2)\, \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2)\, \rho_t}$ lets its
    influence grow. The paper has no $\epsilon$ and $\rho_t \le 4$. The same as in PyTorch; optax adds $\epsilon$ to
    $\sqrt{\hat v}$.
    Liu et al., *On the variance of the adaptive learning rate and beyond* (2020), algorithm 2.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):
        # The last two are the sum of the weights of all squares so far and that of their ages, 1 for the newest: the
        # length is twice their mean age less 1. The difference that defines it loses its digits in float32.
        m, v, count, ages = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        count, ages = 1 + b2 * count, 1 + b2 * (ages + count)
        longest, length = 2 / (1 - b2) - 1, 2 * ages / count - 1
        squared = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
        measured = length > 5
        rectification = jnp.sqrt(jnp.where(measured, squared * (1 - b2) * count, 1.0))
        m_hat = m / (1 - b1**step)
        return m_hat * jnp.where(measured, rectification / (jnp.sqrt(v) + eps), 1.0), (m, v, count, ages)

    def start(w):
        return *_two_zeros(w), _zero(w), _zero(w)

    return chain(leafwise(start, rule), downhill(learning_rate))


def amsgrad(
    learning_rate: Rate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adam whose rates do not grow: $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat u} + \epsilon)$.

    $u = \max_{i \le t} v_i$ and $\hat u = u / (1 - \beta_2^t)$. The paper has no corrections, neither of $m$ nor of
    $u$. The same as PyTorch's Adam with `amsgrad`; optax takes the maximum of the corrected $\hat v_i$.
    Reddi, Kale and Kumar, *On the convergence of Adam and beyond* (2018), algorithm 2.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):
        m, v, u = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        u = jnp.maximum(u, v)
        m_hat, u_hat = m / (1 - b1**step), u / (1 - b2**step)
        return m_hat / (jnp.sqrt(u_hat) + eps), (m, v, u)

    return chain(leafwise(lambda w: (*_two_zeros(w), jnp.zeros_like(w)), rule), downhill(learning_rate))


def _by_moments(b1, b2, eps) -> optax.GradientTransformation:
    r"""The direction of Adam, $\hat m / (\sqrt{\hat v} + \epsilon)$, with one division an element.

    With $r = \sqrt{1 - \beta_2^t}$ it is $\frac{r}{1 - \beta_1^t}\, m / (\sqrt v + r \epsilon)$: both corrections are
    numbers for the whole of a step. Kingma and Ba, *Adam* (2015), section 2.
    """

    def rule(g, step, moments):
        m, v = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        r = jnp.sqrt(1 - b2**step)
        return r / (1 - b1**step) * m / (jnp.sqrt(v) + r * eps), (m, v)

    return leafwise(_two_zeros, rule)


def _two_zeros(w):
    return jnp.zeros_like(w), jnp.zeros_like(w)


def _zero(w):
    """A number for the whole of a leaf, in float32 at least."""
    return jnp.zeros((), jnp.promote_types(w.dtype, jnp.float32))
