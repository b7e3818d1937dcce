"""How much of an image a unit of a stack of convolutions and poolings sees."""

from collections.abc import Sequence
from typing import NamedTuple


class Window(NamedTuple):
    """The kernel of a convolution or the window of a pooling, in pixels along each axis."""

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)


class Field(NamedTuple):
    """The pixels along each axis that one unit sees, and how far apart the fields of neighbouring units are."""

    size: tuple[int, int]
    step: tuple[int, int]


def receptive_field(windows: Sequence[Window]) -> Field:
    r"""The field of a unit after these windows, from first to last: $r = 1 + \sum_l d_l (k_l - 1) \prod_{i<l} s_i$.

    A window of $k$ places, $d$ apart, reaches over $d (k - 1) + 1$ units of the layer before, which are
    $\prod_{i<l} s_i$ pixels apart, the product of the strides so far. Padding moves the field and does not change its
    size. `receptive_field(Convnet(…).windows())`. Raises ValueError for a size, stride or dilation below 1.
    Araujo, Norris and Sim, *Computing receptive fields of convolutional neural networks* (2019).
    """
    size, step = [1, 1], [1, 1]
    for window in windows:
        if min(*window.size, *window.stride, *window.dilation) < 1:
            raise ValueError(f"a window must have sizes, strides and dilations of at least 1, but was {window}.")
        for axis in (0, 1):
            size[axis] += window.dilation[axis] * (window.size[axis] - 1) * step[axis]
            step[axis] *= window.stride[axis]
    return Field((size[0], size[1]), (step[0], step[1]))
