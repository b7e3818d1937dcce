"""Steps in a direction only: the signs of a gradient or its momentum, or the orthogonal factor of a matrix."""

import jax.numpy as jnp
import optax

from jaxdl.functional._validity import check
from jaxdl.optimizers._base import (
    LearningRate,
    Mask,
    Scalar,
    chain,
    check_decays,
    check_learning_rate,
    check_not_negative,
    leafwise,
    scale_by_learning_rate,
    with_finite_squares,
)


def lion(
    learning_rate: LearningRate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    weight_decay: Scalar = 0.0,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Lion: $w \leftarrow w - \eta\,(\mathrm{sign}(\beta_1 m + (1 - \beta_1) g_t) + \lambda w)$.

    $$
    \begin{aligned}
    w &\leftarrow w - \eta \left(\mathrm{sign}(\beta_1 m + (1 - \beta_1)\, g_t) + \lambda w\right) \\
    m &\leftarrow \beta_2 m + (1 - \beta_2)\, g_t
    \end{aligned}
    $$

    The momentum $m$ starts at zero and is updated after the step. Every parameter moves by $\eta$, so choose a learning
    rate 3 to 10 times smaller than for `adamw`, and a weight decay as many times larger. The definition is that of
    optax, whose default weight decay is 0.001. PyTorch has no Lion.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        b1: Weight $\beta_1$ of the momentum in the step, in $[0, 1)$.
        b2: Decay rate $\beta_2$ of the momentum, in $[0, 1)$.
        weight_decay: $\lambda \ge 0$, decoupled as in `adamw`.
        mask: Parameters that decay, as for `adamw`.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Chen et al., *Symbolic discovery of optimization algorithms* (2023), algorithm 2.

    Example:
        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.lion(0.5)
        >>> gradient = jnp.array([0.01, -100.0])
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient), gradient)
        >>> update.tolist()
        [-0.5, 0.5]
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"weight_decay": weight_decay})
    return chain(
        optax.scale_by_lion(b1, b2),
        optax.add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def rprop(
    learning_rate: Scalar,
    *,
    eta_minus: Scalar = 0.5,
    eta_plus: Scalar = 1.2,
    min_step_size: Scalar = 1e-6,
    max_step_size: Scalar = 50.0,
) -> optax.GradientTransformationExtraArgs:
    r"""Resilient backpropagation (Rprop): $w \leftarrow w - \Delta\,\mathrm{sign}(g_t)$.

    Each entry has a step size $\Delta$, which starts at $\eta$:

    $$
    \Delta \leftarrow \begin{cases}
    \eta_+ \Delta & g_t\, g_{t-1} > 0 \\
    \eta_- \Delta & g_t\, g_{t-1} < 0 \\
    \Delta & g_t\, g_{t-1} = 0
    \end{cases}
    $$

    If the sign has changed, a minimum lies between: the entry does not move in this step, and it keeps its $\Delta$ in
    the next, as if $g_t$ had been 0. $\Delta$ is clipped to $[\Delta_{min}, \Delta_{max}]$. The signs of gradients of
    small batches are noisy, so use the whole training set as one batch.

    The definition and the defaults are those of PyTorch. optax has the same step sizes, but up to version 0.2.8 it
    takes each step one update later.

    Args:
        learning_rate: First step size $\eta \ge 0$, a number or a scalar array; schedules have no meaning here.
        eta_minus: Factor $0 < \eta_- < 1$ after a change of sign.
        eta_plus: Factor $\eta_+ > 1$ without one.
        min_step_size: Smallest step size $\Delta_{min} \ge 0$.
        max_step_size: Largest step size $\Delta_{max} \ge \Delta_{min}$.

    Raises:
        TypeError: If the learning rate is a schedule.
        ValueError: If a hyperparameter is out of range.

    References:
        Riedmiller and Braun, *A direct adaptive method for faster backpropagation learning: the RPROP algorithm*
        (1993).
        Igel and Hüsken, *Empirical evaluation of the improved Rprop learning algorithms* (2003), algorithm 3 (iRprop⁻).

    Example:
        Steps grow while the sign stays the same, whatever the size of the gradient:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.rprop(1.0)
        >>> state, steps = optimizer.init(jnp.array(0.0)), []
        >>> for gradient in (7.0, 0.1, -3.0, -3.0, -3.0):
        ...     update, state = optimizer.update(jnp.array(gradient), state)
        ...     steps.append(round(float(update), 3))
        >>> steps
        [-1.0, -1.2, -0.0, 0.6, 0.72]
    """
    if callable(learning_rate):
        raise TypeError("learning_rate must be a number, the first step size of rprop, got a schedule.")
    check_not_negative({"learning_rate": learning_rate, "min_step_size": min_step_size})
    check((eta_minus > 0) & (eta_minus < 1), f"eta_minus must be above 0 and below 1, got {eta_minus}.")
    check(eta_plus > 1, f"eta_plus must be above 1, got {eta_plus}.")
    check(
        max_step_size >= min_step_size,
        f"max_step_size must be at least min_step_size ({min_step_size}), got {max_step_size}.",
    )

    def rule(g, step, moments):  # noqa: ARG001
        before, size = moments
        agreement = jnp.sign(g) * before
        factor = jnp.where(agreement > 0, eta_plus, jnp.where(agreement < 0, eta_minus, 1.0))
        size = jnp.clip(size * factor.astype(size.dtype), min_step_size, max_step_size).astype(size.dtype)
        sign = jnp.where(agreement < 0, 0, jnp.sign(g))
        return -size * sign, (sign, size)

    return chain(leafwise(lambda w: (jnp.zeros_like(w), jnp.full_like(w, learning_rate)), rule))


def muon(
    learning_rate: LearningRate,
    *,
    decay: Scalar = 0.95,
    weight_decay: Scalar = 0.0,
    mask: Mask = None,
    nesterov: bool = True,
    adam_learning_rate: LearningRate | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Muon, orthogonalized momentum: $W \leftarrow W - \eta\,(\sqrt{\max(1, n_{out}/n_{in})}\; O + \lambda W)$.

    $O$ approximates $U V^\top$ for the momentum $M = U \Sigma V^\top$, so that the step has about the same length in
    all singular directions. It is computed by five Newton–Schulz iterations, starting from $X = M / \lVert M \rVert_F$:

    $$
    X \leftarrow a X + (b A + c A^2)\, X \qquad \text{with} \qquad A = X X^\top .
    $$

    An iteration maps each singular value $\sigma$ to $a \sigma + b \sigma^3 + c \sigma^5$ and keeps the singular
    vectors. The coefficients $(a, b, c) = (3.4445, -4.775, 2.0315)$ bring singular values above a hundredth of the norm
    between 0.68 and 1.14, but not closer to 1. The momentum is $M \leftarrow \mu M + (1 - \mu) g_t$; its Nesterov form
    looks one step ahead.

    All matrices are updated like this, including embeddings and the output layer, which the author leaves to Adam: use
    `partition` to give them another optimizer. All other parameters, including the kernels of convolutions, are updated
    by Adam, or by optax's NAdam if `nesterov` is true.

    The definition is that of `optax.contrib.muon`, which corrects the bias of $M$. PyTorch does not (without the
    Nesterov form this makes no difference, because $O$ does not depend on the scale of $M$) and computes $O$ in
    bfloat16.

    Args:
        learning_rate: $\eta$, at least 0: a number, a scalar array or a schedule.
        decay: Momentum $\mu$ in $[0, 1)$.
        weight_decay: $\lambda \ge 0$, decoupled as in `adamw`.
        mask: Matrices that decay, as for `adamw`.
        nesterov: Use the Nesterov form of the momentum.
        adam_learning_rate: Learning rate for the other parameters; by default `learning_rate`.

    Raises:
        ValueError: If a hyperparameter is out of range.

    References:
        Jordan et al., *Muon: an optimizer for hidden layers in neural networks* (2024).
        Liu et al., *Muon is scalable for LLM training* (2025).

    Example:
        The singular values of this gradient differ by a factor of 10, those of the step hardly:

        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.muon(1.0)
        >>> gradient = {"kernel": jnp.diag(jnp.array([10.0, 1.0]))}
        >>> update, state = optimizer.update(gradient, optimizer.init(gradient), gradient)
        >>> singular_values = jnp.linalg.svd(update["kernel"], compute_uv=False)
        >>> bool((0.68 < singular_values).all() and (singular_values < 1.14).all())
        True
    """
    check_decays({"decay": decay})
    check_not_negative({"weight_decay": weight_decay})
    check_learning_rate(learning_rate)
    if adam_learning_rate is not None:
        check_learning_rate(adam_learning_rate)
    return chain(
        with_finite_squares(
            optax.contrib.muon(
                learning_rate,
                beta=decay,
                weight_decay=weight_decay,
                weight_decay_mask=mask,
                nesterov=nesterov,
                adam_learning_rate=adam_learning_rate,
            )
        )
    )
