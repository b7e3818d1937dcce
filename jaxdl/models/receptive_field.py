"""Receptive field: the part of an image that a unit of a stack of convolutions and poolings sees."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxdl._formatting import format_argument


class Window(NamedTuple):
    """The kernel of a convolution or the window of a pooling.

    Attributes:
        size: Height and width, in units of the layer's input.
        stride: Step between neighboring windows along height and width.
        dilation: Distance between neighboring points of the window along height and width.
    """

    size: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)


class ReceptiveField(NamedTuple):
    """The receptive field of one unit.

    Attributes:
        size: Its height and width in pixels of the image.
        step: Distance in pixels between the fields of neighboring units, along height and width.
    """

    size: tuple[int, int]
    step: tuple[int, int]


def receptive_field(windows: Sequence[Window]) -> ReceptiveField:
    r"""Return the receptive field of a unit after these windows: $r = 1 + \sum_l d_l (k_l - 1) \prod_{i<l} s_i$.

    A window of $k$ points at distance $d$ spans $d (k - 1) + 1$ units of the layer before. These units are
    $\prod_{i<l} s_i$ pixels apart, the product of the strides so far. Padding shifts the field and does not change its
    size.

    Args:
        windows: The windows from the first layer to the last; `ConvNet(...).windows()` returns those of a `convnet`.

    Returns:
        The field's size and step, along height and width.

    Raises:
        TypeError: If `windows` is not a list of Windows.
        ValueError: If a size, stride or dilation is below 1.

    References:
        Araujo, Norris and Sim, *Computing receptive fields of convolutional neural networks* (2019).

    Example:
        >>> from jaxdl import models
        >>> models.receptive_field([models.Window((3, 3)), models.Window((3, 3))])  # two 3×3 see as much as one 5×5
        ReceptiveField(size=(5, 5), step=(1, 1))
        >>> models.receptive_field(models.ConvNet((8, 16), (), 10).windows())  # 3×3, pooling, 3×3, pooling
        ReceptiveField(size=(10, 10), step=(4, 4))
    """
    size, step = [1, 1], [1, 1]
    if not (isinstance(windows, Sequence) and all(isinstance(window, Window) for window in windows)):
        raise TypeError(
            f"windows must be a list of Windows, got {format_argument(windows)}: write [models.Window((3, 3))]."
        )
    for window in windows:
        if min(*window.size, *window.stride, *window.dilation) < 1:
            raise ValueError(f"size, stride and dilation of a window must be at least 1, got {window}.")
        for axis in (0, 1):
            size[axis] += window.dilation[axis] * (window.size[axis] - 1) * step[axis]
            step[axis] *= window.stride[axis]
    return ReceptiveField((size[0], size[1]), (step[0], step[1]))
