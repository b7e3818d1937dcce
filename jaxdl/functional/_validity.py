"""Values out of range become NaN, in the result and in the derivative, so that they never give a plausible number.

Settings whose values are known before tracing can raise an error instead: `check`.
"""

import jax
import jax.core
import jax.numpy as jnp


def check(condition, message: str):
    """Return the condition. Raise ValueError with this message if it is false; a traced condition is not checked."""
    if not isinstance(condition, jax.core.Tracer) and not condition:
        raise ValueError(message)
    return condition


def check_number(name: str, number) -> None:
    """Raise TypeError unless the setting is a number or an array with one number."""
    if isinstance(number, dict):
        raise TypeError(
            f"{name} must be a number, got a dictionary: take one of its entries, {', '.join(map(repr, number))}."
        )
    if getattr(number, "ndim", 0):
        raise TypeError(
            f"{name} must be a number, got an array of the shape {number.shape}: training.fit(task, ..., settings=) "
            "gives each member of a population its own value."
        )
    if not hasattr(number, "dtype") and not isinstance(number, int | float):
        raise TypeError(f"{name} must be a number, got {number!r}.")


def one_or_nan(condition, dtype) -> jnp.ndarray:
    """Return 1 where the condition holds, NaN elsewhere: a factor that makes invalid results NaN."""
    return jnp.where(condition, 1, jnp.nan).astype(dtype)


def is_positive(setting):
    """Return whether the setting is above 0; false for NaN."""
    return setting > 0


def is_not_negative(setting):
    """Return whether the setting is at least 0; false for NaN."""
    return setting >= 0


def is_fraction(setting):
    """Return whether the setting is between 0 and 1, both included; false for NaN."""
    return (setting >= 0) & (setting <= 1)


def finite_or_nan(number) -> jnp.ndarray:
    """Return the number, or NaN where it is infinite: dividing by an overflowed square would give a plausible 0."""
    return number * one_or_nan(number < jnp.inf, number.dtype)


def in_range(setting, condition, dtype) -> jnp.ndarray:
    """Return the setting, in the dtype of the data, where the condition holds; NaN elsewhere."""
    return jnp.asarray(setting, dtype) * one_or_nan(condition, dtype)


def over_root(square, epsilon) -> jnp.ndarray:
    r"""Return $1 / \sqrt{v + \epsilon}$, or NaN for $\epsilon < 0$ and where $v$ has overflowed to infinity."""
    total = square + in_range(epsilon, epsilon >= 0, square.dtype)
    return jax.lax.rsqrt(finite_or_nan(total))


def is_class(labels, classes) -> jnp.ndarray:
    """Return whether each label, of any integer dtype, is one of the numbers 0 to classes - 1."""
    numbers = labels.astype(int)  # an int8 cannot count 300 classes, and an unsigned -1 is no large class
    return (numbers >= 0) & (numbers < classes)


def is_number(labels, number) -> jnp.ndarray:
    """Return whether each label, of any integer dtype, equals this number; an unsigned 255 does not equal -1."""
    return (labels.astype(int) == number) & ((labels >= 0) == (number >= 0))


def sign_or_nan(labels, dtype) -> jnp.ndarray:
    """Return each label, of any integer dtype, where it is -1 or 1; NaN elsewhere."""
    return jnp.where(is_number(labels, 1), 1, jnp.where(is_number(labels, -1), -1, jnp.nan)).astype(dtype)
