"""Fans of a kernel: the number of terms that each output sums, and the number of outputs that each input reaches."""

import math
from collections.abc import Sequence


def fan_in(shape: Sequence[int]) -> int:
    r"""Return the number of terms that each output sums, $n_{in}$ = inputs × window size.

    PyTorch counts the same for its kernels of shape (outputs, inputs, *window). Kernels of its transposed convolutions
    have the shape (inputs, outputs, *window), so that what PyTorch calls their fan_in is `fan_out` here.

    Args:
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs). In a grouped convolution, the inputs
            are those of one group.

    Raises:
        ValueError: If the shape has fewer than two axes.

    Example:
        >>> from jaxdl import initializers
        >>> initializers.fan_in((784, 10)), initializers.fan_in((3, 3, 16, 32))
        (784, 144)
    """
    *window, inputs, _ = _check_axes(shape)
    return math.prod(window) * inputs


def fan_out(shape: Sequence[int]) -> int:
    r"""Return the number of outputs that each input reaches, $n_{out}$ = outputs × window size.

    It is the number of terms that the gradient with respect to an input sums.

    Args:
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).

    Raises:
        ValueError: If the shape has fewer than two axes.

    Example:
        >>> from jaxdl import initializers
        >>> initializers.fan_out((784, 10)), initializers.fan_out((3, 3, 16, 32))
        (10, 288)
    """
    *window, _, outputs = _check_axes(shape)
    return math.prod(window) * outputs


def fan_average(shape: Sequence[int]) -> float:
    r"""Return the mean of `fan_in` and `fan_out`, $\tfrac12 (n_{in} + n_{out})$.

    Args:
        shape: Shape of a kernel, (inputs, outputs) or (*window, inputs, outputs).

    Raises:
        ValueError: If the shape has fewer than two axes.

    Example:
        >>> from jaxdl import initializers
        >>> initializers.fan_average((784, 10))
        397.0
    """
    return (fan_in(shape) + fan_out(shape)) / 2


def _check_axes(shape):
    if len(shape) < 2:
        raise ValueError(
            f"a kernel must have at least two axes, inputs and outputs, got the shape {tuple(shape)}. For a bias, use "
            "zeros, or pass a fan that accepts this shape."
        )
    return shape
