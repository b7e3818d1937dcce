r"""Adam and its variants: momentum, and an adaptive learning rate for each parameter.

Two moving averages start at zero, $m$ of the gradient and $v$ of its square:

$$
m \leftarrow \beta_1 m + (1 - \beta_1)\, g_t, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g_t^2 .
$$

Unrolled, $m$ after step $t$ is a weighted sum of all gradients. Its weights do not sum to 1, because it starts at
zero:

$$
m = (1 - \beta_1) \sum_{i=1}^t \beta_1^{t-i} g_i,
\qquad
(1 - \beta_1) \sum_{i=1}^t \beta_1^{t-i} = 1 - \beta_1^t .
$$

So early on $m$ is too small by the factor $1 - \beta_1^t$, and $v$ by $1 - \beta_2^t$. The bias-corrected averages
are

$$
\hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t} .
$$

All operations are elementwise.
"""

import jax.numpy as jnp
import optax

from jaxdl.optimizers._base import (
    LearningRate,
    Mask,
    Scalar,
    chain,
    check_decays,
    check_not_negative,
    leafwise,
    scale_by_learning_rate,
    square,
)


def adam(
    learning_rate: LearningRate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adam: $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat v} + \epsilon)$.

    $$
    \begin{aligned}
    m &\leftarrow \beta_1 m + (1 - \beta_1)\, g_t & \hat m &= \frac{m}{1 - \beta_1^t} \\
    v &\leftarrow \beta_2 v + (1 - \beta_2)\, g_t^2 & \hat v &= \frac{v}{1 - \beta_2^t} \\
    w &\leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon}
    \end{aligned}
    $$

    The averages $m$ and $v$ start at zero; $\hat m$ and $\hat v$ correct that bias. The definition is that of PyTorch
    and optax.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Kingma and Ba, *Adam: a method for stochastic optimization* (2015), algorithm 1.

    Example:
        The first step is the learning rate times the sign of the gradient, for any scale of the gradient:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.adam(0.1)
        >>> gradient = jnp.array([0.01, -100.0])
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> print(np.asarray(update).round(3))
        [-0.1  0.1]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})
    return chain(_scale_by_adam(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adam_l2(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    l2: Scalar = 1e-4,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam on the loss plus the L2 penalty $\tfrac\lambda2 \|w\|^2$: `adam` with $g_t + \lambda w$ instead of $g_t$.

    The gradient of the penalty is divided by $\sqrt{\hat v}$ like that of the loss. Parameters with large gradients are
    therefore hardly penalized, and those with none are moved by the learning rate however small the penalty is.
    `adamw` avoids both. The definition is that of PyTorch's Adam with `weight_decay`.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        l2: Coefficient $\lambda \ge 0$ of the penalty.
        mask: Parameters to penalize, as for `adamw`.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), algorithm 2 (violet).

    Example:
        If the loss does not depend on the parameters, all shrink by the learning rate, large or small:

        >>> from jaxdl import optimizers
        >>> params = jnp.array([1.0, 10.0])
        >>> optimizer = optimizers.adam_l2(0.1, l2=0.01)
        >>> update, state = optimizer.update(jnp.zeros(2), optimizer.init(params), params)
        >>> print(np.asarray(update).round(3))
        [-0.1 -0.1]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "l2": l2})
    return chain(
        optax.add_decayed_weights(l2, mask),
        _scale_by_adam(b1, b2, eps),
        scale_by_learning_rate(learning_rate),
    )


def adamw(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    weight_decay: Scalar = 1e-4,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with decoupled weight decay: $w \leftarrow w - \eta\,(\hat m / (\sqrt{\hat v} + \epsilon) + \lambda w)$.

    $$
    w \leftarrow w - \eta \left(\frac{\hat m}{\sqrt{\hat v} + \epsilon} + \lambda w\right)
    $$

    $\hat m$ and $\hat v$ are as for `adam`. The decay $\lambda w$ is not divided by $\sqrt{\hat v}$, as the gradient of
    an L2 penalty would be (`adam_l2`). The paper multiplies $\lambda$ by the schedule, but not by the learning rate.
    Here, as in optax and PyTorch, it is multiplied by both. The default $\lambda = 10^{-4}$ is that of optax; PyTorch
    has $10^{-2}$.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        weight_decay: $\lambda \ge 0$.
        mask: Parameters that decay: a pytree of Booleans, or a function that returns one for the parameters, such as
            `decay_mask`. By default all decay.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Loshchilov and Hutter, *Decoupled weight decay regularization* (2019), algorithm 2 (green).

    Example:
        If the loss does not depend on the parameters, each shrinks in proportion to its size:

        >>> from jaxdl import optimizers
        >>> params = jnp.array([1.0, 10.0])
        >>> optimizer = optimizers.adamw(0.1, weight_decay=0.01)
        >>> update, state = optimizer.update(jnp.zeros(2), optimizer.init(params), params)
        >>> print(np.asarray(update).round(3))
        [-0.001 -0.01 ]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "weight_decay": weight_decay})
    return chain(
        _scale_by_adam(b1, b2, eps),
        optax.add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def adamax(
    learning_rate: LearningRate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adam scaled by the largest recent gradient: $w \leftarrow w - \eta\, \hat m / u$.

    $$
    u \leftarrow \max(\beta_2 u,\; |g_t| + \epsilon), \qquad w \leftarrow w - \eta\, \frac{\hat m}{u}
    $$

    The norm $u$ starts at zero and replaces $\sqrt{\hat v}$ by an exponentially weighted infinity norm; $\hat m$ is as
    for `adam`. The paper has no $\epsilon$, so that a parameter without any gradient gives 0/0. The definition is that
    of PyTorch and optax.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the norm, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Kingma and Ba, *Adam: a method for stochastic optimization* (2015), algorithm 2.

    Example:
        No step is longer than the learning rate if there is no momentum:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.adamax(0.1, b1=0.0)
        >>> state, steps = optimizer.init(jnp.array(0.0)), []
        >>> for gradient in (1.0, 100.0, 50.0):
        ...     update, state = optimizer.update(jnp.array(gradient), state)
        ...     steps.append(round(float(update), 3))
        >>> steps
        [-0.1, -0.1, -0.05]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})
    return chain(optax.scale_by_adamax(b1, b2, eps), scale_by_learning_rate(learning_rate))


def nadam(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.999,
    eps: Scalar = 1e-8,
    momentum_decay: Scalar = 4e-3,
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with Nesterov momentum: $w \leftarrow w - \eta\, n / (\sqrt{\hat v} + \epsilon)$.

    $m$, $v$ and $\hat v$ are as for `adam`. The numerator looks one step ahead,

    $$
    n = \frac{\mu_{t+1}\, m}{1 - \prod_{i \le t+1} \mu_i} + \frac{(1 - \mu_t)\, g_t}{1 - \prod_{i \le t} \mu_i}
    \qquad \text{with} \qquad
    \mu_t = \beta_1 \left(1 - \tfrac12 \cdot 0.96^{t \psi}\right) ,
    $$

    a momentum schedule that rises to $\beta_1$. The definition is that of PyTorch. Dozat averages $m$ by $\mu_t$
    instead of $\beta_1$; optax has no schedule ($\psi = \infty$).

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        momentum_decay: $\psi \ge 0$; the larger, the sooner the momentum reaches $\beta_1$.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Dozat, *Incorporating Nesterov momentum into Adam* (2016).

    Example:
        Without the schedule, the first step is longer than that of `adam`:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.nadam(0.1, momentum_decay=1e9)
        >>> gradient = jnp.array([0.01, -100.0])
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> print(np.asarray(update).round(3))
        [-0.147  0.147]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps, "momentum_decay": momentum_decay})

    def mu(step):
        return b1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))

    def rule(g, step, moments):
        m, v, correction = moments  # correction is 1 - mu(1) mu(2) … mu(step)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * square(g)
        correction = 1 - (1 - correction) * mu(step)
        correction_ahead = 1 - (1 - correction) * mu(step + 1)
        n = mu(step + 1) * m / correction_ahead + (1 - mu(step)) * g / correction
        return n / (jnp.sqrt(v / (1 - b2**step)) + eps), (m, v, correction)

    def init_leaf(w):
        return *_two_zeros(w), _scalar_zero(w)

    return chain(leafwise(init_leaf, rule), scale_by_learning_rate(learning_rate))


def radam(
    learning_rate: LearningRate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Rectified Adam: $w \leftarrow w - \eta\, r_t\, \hat m\, \sqrt{1 - \beta_2^t} / (\sqrt v + \epsilon)$.

    The average $v$ is that of about $\rho_t$ squared gradients,

    $$
    \rho_t = \rho_\infty - \frac{2\, t\, \beta_2^t}{1 - \beta_2^t}, \qquad \rho_\infty = \frac{2}{1 - \beta_2} - 1 .
    $$

    Too few give a poor estimate: while $\rho_t \le 5$ the step is $\eta\, \hat m$, without $v$. After that, the
    rectification

    $$
    r_t^2 = \frac{(\rho_t - 4)(\rho_t - 2)\, \rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2)\, \rho_t}
    $$

    rises to 1. $m$, $v$ and $\hat m$ are as for `adam`. The paper has no $\epsilon$, and $\rho_t \le 4$ instead of 5.
    The definition is that of PyTorch; optax adds $\epsilon$ to $\sqrt{\hat v}$.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Liu et al., *On the variance of the adaptive learning rate and beyond* (2020), algorithm 2.

    Example:
        With the default $\beta_2$, the first five steps are those of `sgd` with (bias-corrected) momentum:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.radam(1.0)
        >>> gradient, steps = jnp.array(0.5), []
        >>> state = optimizer.init(gradient)
        >>> for _ in range(6):
        ...     update, state = optimizer.update(gradient, state)
        ...     steps.append(round(float(update), 3))
        >>> steps
        [-0.5, -0.5, -0.5, -0.5, -0.5, -0.026]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):
        # weight_sum is the sum of the weights of all squares, and age_sum that of weight × age (the newest has age 1).
        # rho_t is twice the mean age less 1. The difference in its definition would lose digits in float32.
        m, v, weight_sum, age_sum = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * square(g)
        weight_sum, age_sum = 1 + b2 * weight_sum, 1 + b2 * (age_sum + weight_sum)
        rho_inf, rho = 2 / (1 - b2) - 1, 2 * age_sum / weight_sum - 1
        r_squared = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        is_rectified = rho > 5
        numerator = jnp.sqrt(jnp.where(is_rectified, r_squared * (1 - b2) * weight_sum, 1.0))
        m_hat = m / (1 - b1**step)
        update = m_hat * jnp.where(is_rectified, numerator / (jnp.sqrt(v) + eps), 1.0)
        return update, (m, v, weight_sum, age_sum)

    def init_leaf(w):
        return *_two_zeros(w), _scalar_zero(w), _scalar_zero(w)

    return chain(leafwise(init_leaf, rule), scale_by_learning_rate(learning_rate))


def amsgrad(
    learning_rate: LearningRate, *, b1: Scalar = 0.9, b2: Scalar = 0.999, eps: Scalar = 1e-8
) -> optax.GradientTransformationExtraArgs:
    r"""Adam with non-increasing learning rates: $w \leftarrow w - \eta\, \hat m / (\sqrt{\hat u} + \epsilon)$.

    $$
    u = \max_{i \le t} v_i, \qquad
    \hat u = \frac{u}{1 - \beta_2^t}, \qquad
    w \leftarrow w - \eta\, \frac{\hat m}{\sqrt{\hat u} + \epsilon}
    $$

    $v$ and $\hat m$ are as for `adam`. The paper corrects the bias of neither $m$ nor $u$. The definition is that of
    PyTorch's Adam with `amsgrad`; optax takes the maximum of the corrected $\hat v_i$.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Decay rate $\beta_1$ of the average of gradients, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the average of squared gradients, in $[0, 1)$.
        eps: $\epsilon \ge 0$, which prevents division by zero.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Reddi, Kale and Kumar, *On the convergence of Adam and beyond* (2018), algorithm 2.

    Example:
        After one large gradient all later steps are short, while `adam` forgets it:

        >>> from jaxdl import optimizers
        >>> def last_step(optimizer):
        ...     state = optimizer.init(jnp.array(0.0))
        ...     for gradient in [10.0] + 20 * [0.1]:
        ...         update, state = optimizer.update(jnp.array(gradient), state)
        ...     return round(float(update), 3)
        >>> last_step(optimizers.amsgrad(1.0, b1=0.0, b2=0.5)), last_step(optimizers.adam(1.0, b1=0.0, b2=0.5))
        (-0.014, -0.998)
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"eps": eps})

    def rule(g, step, moments):
        m, v, u = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * square(g)
        u = jnp.maximum(u, v)
        m_hat, u_hat = m / (1 - b1**step), u / (1 - b2**step)
        return m_hat / (jnp.sqrt(u_hat) + eps), (m, v, u)

    return chain(leafwise(lambda w: (*_two_zeros(w), jnp.zeros_like(w)), rule), scale_by_learning_rate(learning_rate))


def _scale_by_adam(b1, b2, eps) -> optax.GradientTransformation:
    r"""Scale updates to $\hat m / (\sqrt{\hat v} + \epsilon)$, with one division per element.

    With $r = \sqrt{1 - \beta_2^t}$, $\sqrt{\hat v} = \sqrt v / r$. Expanding the fraction by $r$ gives

    $$
    \frac{\hat m}{\sqrt{\hat v} + \epsilon} = \frac{r}{1 - \beta_1^t} \cdot \frac{m}{\sqrt v + r\,\epsilon} ,
    $$

    in which both corrections are scalars. Kingma and Ba, *Adam* (2015), section 2.
    """

    def rule(g, step, moments):
        m, v = moments
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * square(g)
        r = jnp.sqrt(1 - b2**step)
        return r / (1 - b1**step) * m / (jnp.sqrt(v) + r * eps), (m, v)

    return leafwise(_two_zeros, rule)


def _two_zeros(w):
    return jnp.zeros_like(w), jnp.zeros_like(w)


def _scalar_zero(w):
    """Return a scalar zero for a whole leaf, in at least float32."""
    return jnp.zeros((), jnp.promote_types(w.dtype, jnp.float32))
