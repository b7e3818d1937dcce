"""Adaptive learning rates: divide each gradient by the size of earlier gradients of that parameter, elementwise."""

import jax.numpy as jnp
import optax

from jaxdl.functional._validity import check
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
    with_finite_squares,
)


def adagrad(
    learning_rate: LearningRate, *, eps: Scalar = 1e-10, initial_accumulator_value: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""Adagrad: $s \leftarrow s + g_t^2$, then $w \leftarrow w - \eta\, g_t / (\sqrt s + \epsilon)$.

    $$
    s \leftarrow s + g_t^2, \qquad w \leftarrow w - \eta\, \frac{g_t}{\sqrt s + \epsilon}
    $$

    The sum $s$ never decreases, so that the effective learning rate falls like $1 / \sqrt t$. The definition and the
    defaults are those of PyTorch; optax starts at $s = 0.1$ and adds $\epsilon$ inside the root.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        initial_accumulator_value: $s \ge 0$ before the first step. A larger value makes the first steps shorter.

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
    check_not_negative({"eps": eps, "initial_accumulator_value": initial_accumulator_value})

    def rule(g, step, s):  # noqa: ARG001
        s = s + square(g)
        return g / (jnp.sqrt(s) + eps), s

    scaled = leafwise(lambda w: jnp.full_like(w, initial_accumulator_value), rule)
    return chain(scaled, scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: LearningRate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""RMSProp: $w \leftarrow w - \eta v$ with $v \leftarrow \mu v + g_t / (\sqrt s + \epsilon)$.

    $$
    \begin{aligned}
    s &\leftarrow \rho s + (1 - \rho)\, g_t^2 \\
    v &\leftarrow \mu v + \frac{g_t}{\sqrt s + \epsilon} \\
    w &\leftarrow w - \eta v
    \end{aligned}
    $$

    $s$ is a moving average of the squared gradient. Both $s$ and $v$ start at 0. The definition and the defaults are
    those of PyTorch. By default, optax adds $\epsilon$ inside the root and has $\rho = 0.9$, as the lecture does.

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
    scaled = with_finite_squares(optax.scale_by_rms(decay, eps, eps_in_sqrt=False))
    return chain(scaled, optax.trace(momentum), scale_by_learning_rate(learning_rate))


def centered_rmsprop(
    learning_rate: LearningRate, *, decay: Scalar = 0.99, eps: Scalar = 1e-8, momentum: Scalar = 0.0
) -> optax.GradientTransformationExtraArgs:
    r"""RMSProp that divides by the standard deviation: $v \leftarrow \mu v + g_t / (\sqrt{s - m^2} + \epsilon)$.

    $$
    \begin{aligned}
    m &\leftarrow \rho m + (1 - \rho)\, g_t \\
    s &\leftarrow \rho s + (1 - \rho)\, g_t^2 \\
    v &\leftarrow \mu v + \frac{g_t}{\sqrt{s - m^2} + \epsilon} \\
    w &\leftarrow w - \eta v
    \end{aligned}
    $$

    $m$ and $s$ are moving averages of the gradient and its square. If a gradient hardly changes, rounding can make
    $s - m^2$ negative; jaxdl then uses 0. The step would be NaN in PyTorch, and also in optax below $-\epsilon$. The
    definition is otherwise that of PyTorch; the paper has $\epsilon$ inside the root.

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
        m, s = decay * m + (1 - decay) * g, decay * s + (1 - decay) * square(g)
        return g / (jnp.sqrt(jnp.maximum(s - m**2, 0)) + eps), (m, s)

    scaled = leafwise(lambda w: (jnp.zeros_like(w), jnp.zeros_like(w)), rule)
    return chain(scaled, optax.trace(momentum), scale_by_learning_rate(learning_rate))


def adadelta(
    learning_rate: LearningRate = 1.0, *, decay: Scalar = 0.9, eps: Scalar = 1e-6
) -> optax.GradientTransformationExtraArgs:
    r"""Adadelta: $w \leftarrow w - \eta u$ with $u = g_t\, \sqrt{r + \epsilon} / \sqrt{s + \epsilon}$.

    $$
    \begin{aligned}
    s &\leftarrow \rho s + (1 - \rho)\, g_t^2 \\
    u &= \frac{\sqrt{r + \epsilon}}{\sqrt{s + \epsilon}}\, g_t \\
    r &\leftarrow \rho r + (1 - \rho)\, u^2 \\
    w &\leftarrow w - \eta u
    \end{aligned}
    $$

    $s$ averages squared gradients and is updated before the step. $r$ averages squared steps and is updated after it.
    Steps thus have the unit of the parameter. The paper has no learning rate ($\eta = 1$). The definition is that of
    PyTorch and optax.

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
    return chain(with_finite_squares(optax.scale_by_adadelta(decay, eps)), scale_by_learning_rate(learning_rate))


def adafactor(
    learning_rate: LearningRate,
    *,
    decay_rate: Scalar = 0.8,
    eps: Scalar = 1e-30,
    clipping_threshold: Scalar = 1.0,
    multiply_by_parameter_scale: bool = True,
    min_dim_size_to_factor: int = 128,
    weight_decay: Scalar = 0.0,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Adafactor: $w \leftarrow w - \eta\,(\max(\mathrm{RMS}(w), 10^{-3})\,\hat u + \lambda w)$ with little memory.

    $$
    \begin{aligned}
    v &\leftarrow \beta_t v + (1 - \beta_t)(g_t^2 + \epsilon) & \beta_t &= 1 - t^{-\rho} \\
    u &= \frac{g_t}{\sqrt v} & \hat u &= \frac{u}{\max(1,\; \mathrm{RMS}(u) / d)} \\
    w &\leftarrow w - \eta \left(\max(\mathrm{RMS}(w), 10^{-3})\,\hat u + \lambda w\right)
    \end{aligned}
    $$

    The root mean square (RMS) is that of one array. $v$ starts as $g_1^2 + \epsilon$, because $\beta_1 = 0$. For an
    array with two large axes only the averages $r$ of $v$ over the columns and $c$ over the rows are stored, and
    $v_{ij} \approx r_i c_j / \bar r$ with the mean $\bar r$ of $r$.

    The definition and the defaults are those of optax, except that $\eta$ multiplies the weight decay, as in PyTorch.
    PyTorch uses $\min(\eta, 1 / \sqrt t)$ as learning rate, has no $\epsilon$ in $v$, and factors all matrices.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule; the paper has
            $\min(0.01, 1 / \sqrt t)$.
        decay_rate: Exponent $\rho \ge 0$ of $\beta_t$.
        eps: $\epsilon \ge 0$, which prevents division by zero.
        clipping_threshold: Largest root mean square $d > 0$ of $u$.
        multiply_by_parameter_scale: Whether steps are proportional to the parameters. Without it, the factor
            $\max(\mathrm{RMS}(w), 10^{-3})$ is 1.
        min_dim_size_to_factor: Arrays are factored if their two largest axes have at least this size.
        weight_decay: $\lambda \ge 0$, decoupled as in `adamw`.
        mask: Parameters that decay, as for `adamw`.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Shazeer and Stern, *Adafactor: adaptive learning rates with sublinear memory cost* (2018), algorithm 4.

    Example:
        The statistics of a matrix are one number for each row and each column:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.adafactor(0.01)
        >>> state = optimizer.init(jnp.zeros((1000, 500)))
        >>> sum(leaf.size for leaf in jax.tree.leaves(state)) < 1510
        True
    """
    check_not_negative({"decay_rate": decay_rate, "eps": eps, "weight_decay": weight_decay})
    check(clipping_threshold > 0, f"clipping_threshold must be above 0, got {clipping_threshold}.")

    def beta(step, exponent):  # optax's own is rounded to float32
        return 1 - (step + 1.0) ** -exponent

    return chain(
        with_finite_squares(optax.scale_by_factored_rms(True, decay_rate, 0, min_dim_size_to_factor, eps, beta)),
        optax.clip_by_block_rms(clipping_threshold),
        optax.scale_by_param_block_rms() if multiply_by_parameter_scale else optax.identity(),
        optax.add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )
