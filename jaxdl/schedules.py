r"""Learning rates that change from step to step: each is a function of the step, given where a rate is.

$t = 0, 1, \dots$ counts the steps and $\eta_t$ is the learning rate of step $t$; beyond its end a schedule stays where
it ended. Settings may be traced arrays, so that a sweep over them is a `vmap`; one that is impossible raises ValueError
where it is known, and gives NaN where it is traced. The result is float64 where jax is set to it, although steps are
int32 (optax's own schedules are float32 then).
"""

from collections.abc import Callable

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Integer

from jaxdl.functional._validity import check, one_or_nan

Scalar = float | Float[Array, ""]
Steps = int | Integer[Array, ""]


def constant(value: Scalar) -> optax.Schedule:
    r"""The same at every step, $\eta_t = \eta$."""
    return optax.constant_schedule(value)


def step(value: Scalar, *, every: Steps, factor: Scalar = 0.1) -> optax.Schedule:
    r"""A staircase, $\eta_t = \eta\, f^{\lfloor t / s \rfloor}$: times the factor $f$ after every $s \ge 1$ steps.

    PyTorch's `StepLR`. For steps of other lengths there is `optax.piecewise_constant_schedule`, which is PyTorch's
    `MultiStepLR`; for steps where the loss no longer falls, `jaxdl.optimizers.reduce_on_plateau`.
    """
    possible = check(every >= 1, _at_least_one("every", every))
    return _where(possible, lambda t: _real(value) * _real(factor) ** _real(t // every))


def exponential(value: Scalar, *, factor: Scalar) -> optax.Schedule:
    r"""The rate times the factor $f$ after each step, $\eta_t = \eta f^t$.

    A rate that is to halve every $s$ steps has $f = 2^{-1/s}$. In float32 $f$ itself is rounded, which grows to a
    relative error of up to $6 \cdot 10^{-8}\, t$. PyTorch's `ExponentialLR`.
    """
    return lambda t: _real(value) * _real(factor) ** _real(t)


def linear_warmup(value: Scalar, *, warmup: Steps, initial: Scalar = 0.0) -> optax.Schedule:
    r"""$\eta_t = \eta_0 + (\eta - \eta_0)\, t / w$ up to $\eta$ at step $w \ge 0$, then constant.

    With $\eta_0 = 0$ the first step changes nothing. PyTorch's `LinearLR` with `start_factor` $= \eta_0 / \eta$, which
    must be positive there. From a rate down to another it is a linear decay. `optax.join_schedules` puts it before any
    other schedule.
    Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour* (2017), section 2.2.
    """
    possible = check(warmup >= 0, f"warmup must be at least 0 steps, but was given as {warmup}: 0 is no warmup.")
    return _where(possible, lambda t: _mixed(_remaining(t, warmup), initial, value))


def cosine(value: Scalar, *, steps: Steps, final: Scalar = 0.0) -> optax.Schedule:
    r"""Half a cosine from $\eta$ at step 0 to $\eta_T$ at step $T \ge 1$, $\eta_t = c_t \eta + (1 - c_t)\, \eta_T$.

    $c_t = \tfrac12 (1 + \cos(\pi t / T)) = \sin^2(\tfrac\pi2 (1 - t / T))$; the second form keeps its digits when $c_t$
    is small. PyTorch's `CosineAnnealingLR` is the same to $T$, but rises again after it; that of optax is given
    $\eta_T / \eta$ as `alpha`. Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts* (2017),
    without the restarts.
    """
    possible = check(steps >= 1, _at_least_one("steps", steps))
    return _where(possible, lambda t: _mixed(_half_cosine(_remaining(t, steps)), value, final))


def warmup_cosine(
    value: Scalar, *, warmup: Steps, steps: Steps, initial: Scalar = 0.0, final: Scalar = 0.0
) -> optax.Schedule:
    r"""A `linear_warmup` from $\eta_0$ to $\eta$ at step $w$, then a `cosine` to $\eta_T$ at step $T$, $0 \le w < T$.

    $\eta_t = \eta_0 + (\eta - \eta_0)\, t / w$ for $t < w$ and
    $\eta_T + (\eta - \eta_T)\, \tfrac12 (1 + \cos(\pi (t - w) / (T - w)))$ for $w \le t \le T$: the steps count the
    warmup in, as in optax's `warmup_cosine_decay_schedule`, which is the same.
    """
    possible = check(
        (warmup >= 0) & (warmup < steps),
        f"warmup must be at least 0 and less than steps, but was given as {warmup} of {steps} steps: the steps of the "
        "warmup are counted in.",
    )

    def schedule(t):
        up, down = _remaining(t, warmup), _half_cosine(_remaining(t - warmup, steps - warmup))
        return jnp.where(t < warmup, _mixed(up, initial, value), _mixed(down, value, final))

    return _where(possible, schedule)


def one_cycle(
    peak: Scalar,
    *,
    steps: Steps,
    warmup_share: Scalar = 0.3,
    initial_divisor: Scalar = 25.0,
    final_divisor: Scalar = 1e4,
) -> optax.Schedule:
    r"""Half a cosine up from $\eta_0 = \eta / d$ to the peak $\eta$, and half a cosine down to $\eta_0 / d'$.

    With $c(u) = \tfrac12 (1 + \cos \pi u)$ and the top at $m = p T - 1$, where $0 \le p \le 1$ is the share of the
    warmup in the $T \ge 1$ steps, $\eta_t = \eta + (\eta_0 - \eta)\, c(t / m)$ for $t \le m$ and
    $\eta_0 / d' + (\eta - \eta_0 / d')\, c((t - m) / (T - 1 - m))$ from there to $T - 1$, the last step. $m$ need not
    be a whole number; where it is 0, the first step has the peak. PyTorch's `OneCycleLR` of two phases (its
    `pct_start`, `div_factor`, `final_div_factor`); optax's `cosine_onecycle_schedule` has its top at
    $\lfloor p T \rfloor$ and ends at $T$. The momentum is not cycled. Smith and Topin, *Super-convergence: very fast
    training of neural networks using large learning rates* (2019).
    """
    sized = check(steps >= 1, _at_least_one("steps", steps))
    shared = check(
        (warmup_share >= 0) & (warmup_share <= 1),
        f"warmup_share must be between 0 and 1, but was given as {warmup_share}: it is a share of the steps.",
    )
    divided = check(
        (initial_divisor > 0) & (final_divisor > 0),
        f"initial_divisor and final_divisor must be positive, but were given as {initial_divisor} and {final_divisor}: "
        "more than 1 starts and ends below the peak.",
    )

    def schedule(t):
        t, last = _real(jnp.clip(t, 0, steps - 1)), _real(steps - 1)
        top, initial = _real(warmup_share) * _real(steps) - 1, _real(peak) / _real(initial_divisor)
        up, down = _half_cosine(_ratio(top - t, top)), _half_cosine(_ratio(last - t, last - top))
        return jnp.where(t <= top, _mixed(up, initial, peak), _mixed(down, peak, initial / _real(final_divisor)))

    return _where(sized & shared & divided, schedule)


def cyclic(low: Scalar, high: Scalar, *, up: Steps, down: Steps, factor: Scalar = 1.0) -> optax.Schedule:
    r"""A zigzag between two rates, $\eta_t = l + (h - l)\, f^k \Delta_t$, whose height is multiplied by $f$ each cycle.

    A cycle has $a \ge 1$ steps up and $b \ge 1$ down; $k = \lfloor t / (a + b) \rfloor$ is its number. With the
    $i = t - k (a + b)$ steps into it, $\Delta_t = i / a$ for $i \le a$ and $(a + b - i) / b$ after that. PyTorch's
    `CyclicLR`: `triangular` with the factor 1, `triangular2` with 0.5. The momentum is not cycled.
    Smith, *Cyclical learning rates for training neural networks* (2017).
    """

    def height(t):
        return _real(factor) ** _real(t // (up + down))

    return _zigzag(low, high, up, down, height)


def exp_range(low: Scalar, high: Scalar, *, up: Steps, down: Steps, factor: Scalar) -> optax.Schedule:
    r"""The zigzag of `cyclic`, but its height is multiplied by $f$ each step: $\eta_t = l + (h - l)\, f^t \Delta_t$.

    PyTorch's `CyclicLR` in its mode of this name. Smith (2017), as there.
    """
    return _zigzag(low, high, up, down, lambda t: _real(factor) ** _real(t))


def _zigzag(low, high, up, down, height: Callable) -> optax.Schedule:
    rises = check(up >= 1, _at_least_one("up", up))
    falls = check(down >= 1, _at_least_one("down", down))

    def schedule(t):
        into = t % (up + down)
        triangle = jnp.where(into <= up, _real(into) / _real(up), _real(up + down - into) / _real(down))
        return _real(low) + (_real(high) - _real(low)) * height(t) * triangle

    return _where(rises & falls, schedule)


def _at_least_one(name, given):
    return f"{name} must be at least 1 step, but was given as {given}: count the updates, not the epochs."


def _where(possible, schedule: Callable) -> optax.Schedule:
    """The schedule, NaN where its settings turn out to be impossible."""
    return lambda t: schedule(t) * one_or_nan(possible, float)


def _real(number) -> Float[Array, "..."]:
    """A floating number, of 64 bits where jax is set to it; an int32 divided by an int32 has 32 even then."""
    return jnp.asarray(number, float)


def _ratio(part, whole) -> Float[Array, "..."]:
    """The quotient, 0 where both are 0."""
    return part / jnp.where(whole == 0, 1, whole)


def _remaining(t, steps) -> Float[Array, "..."]:
    r"""The share $1 - t / T$ of the steps that is still to come: 1 at the first step, 0 from step $T$ on."""
    return _ratio(_real(steps - jnp.clip(t, 0, steps)), _real(steps))


def _half_cosine(remaining) -> Float[Array, "..."]:
    r"""Down from 1 to 0, $\tfrac12 (1 + \cos(\pi (1 - r))) = \sin^2(\tfrac\pi2 r)$ for the remaining share $r$."""
    return jnp.sin(jnp.pi / 2 * remaining) ** 2


def _mixed(share, one, other) -> Float[Array, "..."]:
    """A share of one and the rest of the other; each exactly where the share is 1 or 0."""
    return share * _real(one) + (1 - share) * _real(other)
