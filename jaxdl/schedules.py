r"""Learning rate schedules: functions of the step, which optimizers accept in place of a learning rate.

$t = 0, 1, \dots$ counts the steps, and $\eta_t$ is the learning rate of step $t$. After its last step, a schedule keeps
its final value. Settings may be traced arrays, so that `jax.vmap` can sweep over them. An invalid setting raises
ValueError, or gives NaN if it is traced. Results are float64 if jax computes in float64 (`jax_enable_x64`), even though
steps are int32; schedules of optax then give float32.
"""

from collections.abc import Callable

import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Integer
from typing_extensions import TypeAliasType

from jaxdl._formatting import format_argument
from jaxdl._names import offer_public_names
from jaxdl.functional._validity import check, one_or_nan
from jaxdl.optimizers._base import Scalar, Schedule

__all__ = [
    "constant",
    "cosine",
    "cyclic",
    "exp_range",
    "exponential",
    "linear_warmup",
    "one_cycle",
    "step",
    "warmup_cosine",
]

offer_public_names(__name__)

Steps = TypeAliasType("Steps", int | Integer[Array, ""])


def constant(value: Scalar) -> Schedule:
    r"""Return a constant schedule, $\eta_t = \eta$.

    Args:
        value: $\eta$.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.constant(0.5)
        >>> [float(schedule(t)) for t in (0, 100)]
        [0.5, 0.5]
    """
    _check_numbers(value=value)
    return optax.constant_schedule(value)


def step(value: Scalar, *, every: Steps, factor: Scalar = 0.1) -> Schedule:
    r"""Multiply the learning rate by a factor every $s$ steps: $\eta_t = \eta\, f^{\lfloor t / s \rfloor}$.

    It is PyTorch's `StepLR`. For intervals of different lengths, use `optax.piecewise_constant_schedule` (PyTorch's
    `MultiStepLR`). To react to the loss, use `jaxdl.optimizers.reduce_on_plateau`.

    Args:
        value: Initial learning rate $\eta$.
        every: Number of steps $s \ge 1$ between reductions.
        factor: $f$.

    Raises:
        ValueError: If `every` is below 1.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.step(1.0, every=2, factor=0.5)
        >>> [float(schedule(t)) for t in range(6)]
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    _check_numbers(value=value, every=every, factor=factor)
    is_valid = check(every >= 1, _at_least_one("every", every))
    return _nan_unless(is_valid, lambda t: _real(value) * _real(factor) ** _real(t // every))


def exponential(value: Scalar, *, factor: Scalar) -> Schedule:
    r"""Multiply the learning rate by a factor after each step: $\eta_t = \eta f^t$.

    For a learning rate that halves every $s$ steps, set $f = 2^{-1/s}$. In float32 the rounding of $f$ causes a
    relative error of up to $6 \cdot 10^{-8}\, t$. It is PyTorch's `ExponentialLR`.

    Args:
        value: Initial learning rate $\eta$.
        factor: $f$.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.exponential(1.0, factor=0.5)
        >>> [float(schedule(t)) for t in range(4)]
        [1.0, 0.5, 0.25, 0.125]
    """
    _check_numbers(value=value, factor=factor)
    return lambda t: _real(value) * _real(factor) ** _real(t)


def linear_warmup(value: Scalar, *, warmup: Steps, initial: Scalar = 0.0) -> Schedule:
    r"""Increase the learning rate linearly, then keep it: $\eta_t = \eta_0 + (\eta - \eta_0)\, \min(1, t / w)$.

    With $\eta_0 = 0$ the first step changes nothing. If $\eta < \eta_0$, the schedule is a linear decay. To continue
    with another schedule, use `optax.join_schedules`. It is PyTorch's `LinearLR` with `start_factor`
    $= \eta_0 / \eta$, which must be positive there.

    Args:
        value: Final learning rate $\eta$.
        warmup: Number of steps $w \ge 0$.
        initial: Initial learning rate $\eta_0$.

    Raises:
        ValueError: If `warmup` is negative.

    References:
        Goyal et al., *Accurate, large minibatch SGD: training ImageNet in 1 hour* (2017), section 2.2.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.linear_warmup(1.0, warmup=4)
        >>> [float(schedule(t)) for t in range(6)]
        [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """
    _check_numbers(value=value, warmup=warmup, initial=initial)
    is_valid = check(warmup >= 0, f"warmup must be at least 0 steps, got {warmup}.")
    return _nan_unless(is_valid, lambda t: _interpolate(_share_left(t, warmup), initial, value))


def cosine(value: Scalar, *, steps: Steps, final: Scalar = 0.0) -> Schedule:
    r"""Decrease the learning rate along half a cosine: $\eta_t = c_t \eta + (1 - c_t)\, \eta_T$.

    $$
    c_t = \frac12 \left(1 + \cos \frac{\pi t}{T}\right) = \sin^2 \left(\frac\pi2 \left(1 - \frac{t}{T}\right)\right)
    $$

    The second form is accurate also for small $c_t$. PyTorch's `CosineAnnealingLR` is the same up to step $T$, but
    increases again after it. optax takes $\eta_T / \eta$ as `alpha`.

    Args:
        value: Initial learning rate $\eta$.
        steps: Number of steps $T \ge 1$.
        final: Final learning rate $\eta_T$.

    Raises:
        ValueError: If `steps` is below 1.

    References:
        Loshchilov and Hutter, *SGDR: stochastic gradient descent with warm restarts* (2017), here without restarts.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.cosine(1.0, steps=4)
        >>> [round(float(schedule(t)), 3) for t in range(6)]
        [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    """
    _check_numbers(value=value, steps=steps, final=final)
    is_valid = check(steps >= 1, _at_least_one("steps", steps))
    return _nan_unless(is_valid, lambda t: _interpolate(_half_cosine(_share_left(t, steps)), value, final))


def warmup_cosine(
    value: Scalar, *, warmup: Steps, steps: Steps, initial: Scalar = 0.0, final: Scalar = 0.0
) -> Schedule:
    r"""Increase the learning rate as `linear_warmup`, then decrease it as `cosine`.

    $$
    \eta_t = \begin{cases}
    \eta_0 + (\eta - \eta_0)\, \frac{t}{w} & t < w \\
    \eta_T + (\eta - \eta_T)\, \tfrac12 \left(1 + \cos \frac{\pi\,(t - w)}{T - w}\right) & w \le t \le T
    \end{cases}
    $$

    It is optax's `warmup_cosine_decay_schedule`.

    Args:
        value: Largest learning rate $\eta$, at step $w$.
        warmup: Number of warmup steps, $0 \le w < T$.
        steps: Number of steps $T$, including the warmup.
        initial: Initial learning rate $\eta_0$.
        final: Final learning rate $\eta_T$.

    Raises:
        ValueError: If `warmup` is negative, or not less than `steps`.

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.warmup_cosine(1.0, warmup=2, steps=6)
        >>> [round(float(schedule(t)), 3) for t in range(7)]
        [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    _check_numbers(value=value, warmup=warmup, steps=steps, initial=initial, final=final)
    is_valid = check(
        (warmup >= 0) & (warmup < steps),
        f"warmup must be at least 0 and less than steps, which include it, got warmup {warmup} and steps {steps}.",
    )

    def schedule(t):
        rise, fall = _share_left(t, warmup), _half_cosine(_share_left(t - warmup, steps - warmup))
        return jnp.where(t < warmup, _interpolate(rise, initial, value), _interpolate(fall, value, final))

    return _nan_unless(is_valid, schedule)


def one_cycle(
    peak: Scalar,
    *,
    steps: Steps,
    warmup_share: Scalar = 0.3,
    initial_divisor: Scalar = 25.0,
    final_divisor: Scalar = 1e4,
) -> Schedule:
    r"""Increase the learning rate from $\eta_0 = \eta / d$ to a peak $\eta$, then decrease it to $\eta_0 / d'$.

    Both parts are half cosines. With $c(u) = \tfrac12 (1 + \cos \pi u)$ and the peak at $m = p T - 1$,

    $$
    \eta_t = \begin{cases}
    \eta + (\eta_0 - \eta)\, c\left(\frac{t}{m}\right) & t \le m \\
    \frac{\eta_0}{d'} + \left(\eta - \frac{\eta_0}{d'}\right) c\left(\frac{t - m}{T - 1 - m}\right) & m < t \le T - 1
    \end{cases}
    $$

    $m$ need not be an integer. If it is 0, the first step has the peak learning rate. The momentum does not change.

    It is PyTorch's `OneCycleLR` with two phases. optax's `cosine_onecycle_schedule` has its peak at
    $\lfloor p T \rfloor$ and ends at $T$.

    Args:
        peak: Largest learning rate $\eta$.
        steps: Number of steps $T \ge 1$.
        warmup_share: Share $p$ of the steps before the peak, in $[0, 1]$ (PyTorch's `pct_start`).
        initial_divisor: $d > 0$ (PyTorch's `div_factor`).
        final_divisor: $d' > 0$ (PyTorch's `final_div_factor`).

    Raises:
        ValueError: If a setting is out of range.

    References:
        Smith and Topin, *Super-convergence: very fast training of neural networks using large learning rates* (2019).

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.one_cycle(1.0, steps=7, warmup_share=3 / 7, initial_divisor=10.0, final_divisor=10.0)
        >>> [round(float(schedule(t)), 3) for t in range(8)]
        [0.1, 0.55, 1.0, 0.855, 0.505, 0.155, 0.01, 0.01]
    """
    _check_numbers(
        peak=peak, steps=steps, warmup_share=warmup_share, initial_divisor=initial_divisor, final_divisor=final_divisor
    )
    is_valid = check(steps >= 1, _at_least_one("steps", steps))
    is_valid &= check(
        (warmup_share >= 0) & (warmup_share <= 1), f"warmup_share must be between 0 and 1, got {warmup_share}."
    )
    is_valid &= check(
        (initial_divisor > 0) & (final_divisor > 0),
        f"initial_divisor and final_divisor must be positive, got {initial_divisor} and {final_divisor}.",
    )

    def schedule(t):
        t, last = _real(jnp.clip(t, 0, steps - 1)), _real(steps - 1)
        top, initial = _real(warmup_share) * _real(steps) - 1, _real(peak) / _real(initial_divisor)
        final = initial / _real(final_divisor)
        rise, fall = _half_cosine(_ratio(top - t, top)), _half_cosine(_ratio(last - t, last - top))
        return jnp.where(t <= top, _interpolate(rise, initial, peak), _interpolate(fall, peak, final))

    return _nan_unless(is_valid, schedule)


def cyclic(low: Scalar, high: Scalar, *, up: Steps, down: Steps, factor: Scalar = 1.0) -> Schedule:
    r"""Cycle linearly between two learning rates, with an amplitude that is multiplied by a factor after each cycle.

    $\eta_t = l + (h - l)\, f^k \Delta_t$, where $k = \lfloor t / (a + b) \rfloor$ is the number of the cycle. In each
    cycle $\Delta_t$ rises from 0 to 1 in $a$ steps and falls to 0 in $b$ steps. It is PyTorch's `CyclicLR`:
    `triangular` with factor 1, `triangular2` with factor 0.5. The momentum does not change.

    Args:
        low: Smallest learning rate $l$.
        high: Largest learning rate $h$.
        up: Number of steps up, $a \ge 1$.
        down: Number of steps down, $b \ge 1$.
        factor: $f$.

    Raises:
        ValueError: If `up` or `down` is below 1.

    References:
        Smith, *Cyclical learning rates for training neural networks* (2017).

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.cyclic(0.0, 1.0, up=2, down=2, factor=0.5)
        >>> [float(schedule(t)) for t in range(9)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """
    _check_numbers(low=low, high=high, up=up, down=down, factor=factor)

    def amplitude(t):
        return _real(factor) ** _real(t // (up + down))

    return _triangle_wave(low, high, up, down, amplitude)


def exp_range(low: Scalar, high: Scalar, *, up: Steps, down: Steps, factor: Scalar) -> Schedule:
    r"""Cycle as `cyclic`, but multiply the amplitude by a factor after each step.

    $\eta_t = l + (h - l)\, f^t \Delta_t$. It is PyTorch's `CyclicLR` in the mode `exp_range`.

    Args:
        low: Smallest learning rate $l$.
        high: Largest learning rate $h$.
        up: Number of steps up, at least 1.
        down: Number of steps down, at least 1.
        factor: $f$.

    Raises:
        ValueError: If `up` or `down` is below 1.

    References:
        Smith, *Cyclical learning rates for training neural networks* (2017).

    Example:
        >>> from jaxdl import schedules
        >>> schedule = schedules.exp_range(0.0, 1.0, up=1, down=1, factor=0.5)
        >>> [float(schedule(t)) for t in range(6)]
        [0.0, 0.5, 0.0, 0.125, 0.0, 0.03125]
    """
    _check_numbers(low=low, high=high, up=up, down=down, factor=factor)
    return _triangle_wave(low, high, up, down, lambda t: _real(factor) ** _real(t))


def _triangle_wave(low, high, up, down, amplitude: Callable) -> Schedule:
    is_valid = check(up >= 1, _at_least_one("up", up))
    is_valid &= check(down >= 1, _at_least_one("down", down))

    def schedule(t):
        position = t % (up + down)
        triangle = jnp.where(position <= up, _real(position) / _real(up), _real(up + down - position) / _real(down))
        return _real(low) + (_real(high) - _real(low)) * amplitude(t) * triangle

    return _nan_unless(is_valid, schedule)


def _check_numbers(**settings) -> None:
    """Raise TypeError for a setting that is neither a number nor an array with one number."""
    for name, setting in settings.items():
        is_array = hasattr(setting, "dtype") and getattr(setting, "ndim", 0) == 0
        if not is_array and not isinstance(setting, int | float):
            advice = ": its settings are numbers, and only an optimizer takes a schedule" if callable(setting) else ""
            raise TypeError(f"{name} must be a number, got {format_argument(setting)}{advice}.")
        if name in ("every", "warmup", "steps", "up", "down") and isinstance(setting, float) and setting % 1:
            raise TypeError(f"{name} must be a whole number of steps, got {setting}: count batches.")


def _at_least_one(name, given):
    return f"{name} must be at least 1 step, got {given}. Count batches, not epochs."


def _nan_unless(is_valid, schedule: Callable) -> Schedule:
    """Return the schedule, with NaN as its values if traced settings are invalid."""
    return lambda t: schedule(t) * one_or_nan(is_valid, float)


def _real(number) -> Float[Array, "..."]:
    """Convert to float64 if jax computes in it, else float32; the quotient of two int32 would always be float32."""
    return jnp.asarray(number, float)


def _ratio(part, whole) -> Float[Array, "..."]:
    """Divide, with the result 0 if both are 0."""
    return part / jnp.where(whole == 0, 1, whole)


def _share_left(t, steps) -> Float[Array, "..."]:
    r"""Return the share of steps that remain, $1 - t / T$: 1 at the first step, 0 from step $T$ on."""
    return _ratio(_real(steps - jnp.clip(t, 0, steps)), _real(steps))


def _half_cosine(share_left) -> Float[Array, "..."]:
    r"""Return $\tfrac12 (1 + \cos(\pi (1 - r))) = \sin^2(\tfrac\pi2 r)$, which falls from 1 to 0 with the share $r$."""
    return jnp.sin(jnp.pi / 2 * share_left) ** 2


def _interpolate(share, one, other) -> Float[Array, "..."]:
    """Mix two numbers, exactly `one` at share 1 and exactly `other` at share 0."""
    return share * _real(one) + (1 - share) * _real(other)
