"""Fans: how many numbers each output of a kernel sums up, and how many each input reaches."""

import math
from collections.abc import Sequence


def fan_in(shape: Sequence[int]) -> int:
    r"""The number of terms in each output, $n_{in}$ = inputs × window.

    The shape is (inputs, outputs) or (*window, inputs, outputs); in a grouped convolution the inputs are those of one
    group. PyTorch, whose kernels are (outputs, inputs, *window), counts the same; but its transposed convolutions'
    are (inputs, outputs, *window), so that what it calls their fan_in is `fan_out` here. Raises ValueError for fewer
    than two axes.
    """
    *window, inputs, _ = _at_least_two_axes(shape)
    return math.prod(window) * inputs


def fan_out(shape: Sequence[int]) -> int:
    r"""The number of outputs that each input reaches, $n_{out}$ = outputs × window: the terms of its gradient.

    Raises ValueError for fewer than two axes.
    """
    *window, _, outputs = _at_least_two_axes(shape)
    return math.prod(window) * outputs


def fan_average(shape: Sequence[int]) -> float:
    r"""The mean of both, $\tfrac12 (n_{in} + n_{out})$.

    Raises ValueError for fewer than two axes.
    """
    return (fan_in(shape) + fan_out(shape)) / 2


def _at_least_two_axes(shape):
    if len(shape) < 2:
        raise ValueError(
            f"The shape of a kernel must have at least two axes, inputs and outputs, but was given as {tuple(shape)}: "
            "draw a bias by zeros, or pass a fan that does not ask for them."
        )
    return shape
