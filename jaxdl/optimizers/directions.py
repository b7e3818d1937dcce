"""Momentum of which the direction alone is kept: its signs, or, of a matrix, its orthogonal factor."""

import optax

from jaxdl.optimizers._rule import Mask, Rate, Scalar, chain, check_decays, check_not_negative, check_rate, downhill


def lion(
    learning_rate: Rate,
    *,
    b1: Scalar = 0.9,
    b2: Scalar = 0.99,
    weight_decay: Scalar = 0.0,
    mask: Mask = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Evolved sign momentum: $w \leftarrow w - \eta\,(\mathrm{sign}(\beta_1 m + (1 - \beta_1) g_t) + \lambda w)$.

    Then $m \leftarrow \beta_2 m + (1 - \beta_2) g_t$, from zero. Every parameter moves by $\eta$, so the rate is that
    of Adam divided by 3 to 10 and the decay as many times larger. The same as in optax, whose decay is 0.001 by
    default; PyTorch has none. `mask` says what decays, as for `adamw`.
    Chen et al., *Symbolic discovery of optimization algorithms* (2023), algorithm 2.
    """
    check_decays({"b1": b1, "b2": b2})
    check_not_negative({"weight_decay": weight_decay})
    return chain(
        optax.scale_by_lion(b1, b2),
        optax.add_decayed_weights(weight_decay, mask),
        downhill(learning_rate),
    )


def muon(
    learning_rate: Rate,
    *,
    decay: Scalar = 0.95,
    weight_decay: Scalar = 0.0,
    mask: Mask = None,
    nesterov: bool = True,
    adam_learning_rate: Rate | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Momentum orthogonalized: $W \leftarrow W - \eta\,(\sqrt{\max(1, n_{out}/n_{in})}\; O + \lambda W)$.

    $O$ approximates $U V^\top$ of the momentum $M = U \Sigma V^\top$: all its directions are taken equally far. It is
    computed by five Newton–Schulz steps $X \leftarrow a X + (b A + c A^2) X$ with $A = X X^\top$ from $X = M / \lVert M
    \rVert_F$, and $(a, b, c) = (3.4445, -4.775, 2.0315)$, which bring singular values above a hundredth of the norm to
    between 0.68 and 1.14 and no nearer to 1. $M \leftarrow \mu M + (1 - \mu) g_t$, and Nesterov's form looks one step
    ahead.

    All matrices are trained so, tables of vectors and the output layer too, which the author leaves to Adam: `grouped`
    gives them a rule of their own. All else, the kernels of convolutions too, is trained by Adam (by optax's NAdam with
    `nesterov`), with the same rate unless `adam_learning_rate` names another. `mask` says which matrices decay, as for
    `adamw`.

    The same as `optax.contrib.muon`, which corrects $M$ for its start from zero. PyTorch's does not (without Nesterov's
    form that is the same, since $O$ does not depend on the size of $M$) and computes $O$ in bfloat16.
    Jordan et al., *Muon* (2024); Liu et al., *Muon is scalable for LLM training* (2025).
    """
    check_decays({"decay": decay})
    check_not_negative({"weight_decay": weight_decay})
    check_rate(learning_rate)
    if adam_learning_rate is not None:
        check_rate(adam_learning_rate)
    whole = optax.contrib.muon(
        learning_rate,
        beta=decay,
        weight_decay=weight_decay,
        weight_decay_mask=mask,
        nesterov=nesterov,
        adam_learning_rate=adam_learning_rate,
    )
    return chain(whole)
