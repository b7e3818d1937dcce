"""What is out of range becomes NaN, in value and derivative both, so that it never gives a plausible number.

At the edge, where it is known, it can be told instead: `check`.
"""

import jax
import jax.core
import jax.numpy as jnp


def check(holds, told: str):
    """The condition; where it is known not to hold, ValueError. What is traced is not known yet."""
    if not isinstance(holds, jax.core.Tracer) and not holds:
        raise ValueError(told)
    return holds


def one_or_nan(holds, dtype) -> jnp.ndarray:
    """One where the condition holds, NaN elsewhere: a factor that changes nothing, or spoils everything."""
    return jnp.where(holds, 1, jnp.nan).astype(dtype)


def is_positive(setting):
    """Is it above 0? NaN is not."""
    return setting > 0


def is_not_negative(setting):
    """Is it 0 or above? NaN is not."""
    return setting >= 0


def is_fraction(setting):
    """Is it between 0 and 1, both included? NaN is not."""
    return (setting >= 0) & (setting <= 1)


def in_range(setting, holds, dtype) -> jnp.ndarray:
    """The setting, in the dtype of the data, where the condition holds; NaN elsewhere."""
    return jnp.asarray(setting, dtype) * one_or_nan(holds, dtype)


def over_root(square, epsilon) -> jnp.ndarray:
    r"""$1 / \sqrt{v + \epsilon}$, and NaN for an $\epsilon$ below 0."""
    return jax.lax.rsqrt(square + in_range(epsilon, epsilon >= 0, square.dtype))


def is_class(labels, classes) -> jnp.ndarray:
    """Is the label, of any integer dtype, one of the numbers 0 to classes - 1?"""
    numbers = labels.astype(int)  # an int8 cannot count 300 classes, and an unsigned -1 is no large class
    return (numbers >= 0) & (numbers < classes)


def is_number(labels, number) -> jnp.ndarray:
    """Is the label, of any integer dtype, this number? An unsigned 255 is not -1."""
    return (labels.astype(int) == number) & ((labels >= 0) == (number >= 0))


def sign_or_nan(labels, dtype) -> jnp.ndarray:
    """The label, of any integer dtype, where it is -1 or 1; NaN elsewhere."""
    return jnp.where(is_number(labels, 1), 1, jnp.where(is_number(labels, -1), -1, jnp.nan)).astype(dtype)
