import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import models
from jaxdl.models import Stage, Window, receptive_field


@pytest.mark.parametrize(
    ("windows", "size", "step"),
    [
        ((), (1, 1), (1, 1)),
        ((Window((3, 5)),), (3, 5), (1, 1)),
        ((Window((3, 3)), Window((3, 3))), (5, 5), (1, 1)),
        ((Window((5, 5)), Window((2, 2), (2, 2)), Window((5, 5)), Window((2, 2), (2, 2))), (16, 16), (4, 4)),
        ((Window((3, 3), (2, 1)), Window((3, 2), (1, 1), (2, 3))), (11, 6), (2, 1)),
    ],
)
def test_the_receptive_field_contains_the_pixels_with_a_gradient(windows, size, step):
    assert receptive_field(windows) == (size, step)
    image = jnp.zeros((1, 40, 40, 1))

    @jax.jit
    @jax.grad
    def gradient(image, row, column):
        for window in windows:
            kernel = jnp.ones((*window.size, 1, 1))
            image = F.conv2d(image, kernel, jnp.zeros(1), stride=window.stride, dilation=window.dilation)
        return image[0, row, column, 0]

    def bounds(row, column):
        pixels = np.argwhere(np.asarray(gradient(image, row, column))[0, :, :, 0])
        return pixels.min(0), pixels.max(0) + 1

    (start, end), (next_start, _) = bounds(1, 1), bounds(2, 2)
    assert tuple(end - start) == size
    assert tuple(next_start - start) == step


def test_the_windows_of_a_convnet_are_those_of_its_stages():
    net = models.ConvNet((Stage(6, (5, 5)), Stage(16, (5, 3), (2, 1), pool=None)), (), 3)
    assert receptive_field(net.windows()) == ((14, 10), (4, 2))
    pool = functools.partial(F.max_pool, stride=(1, 1), dilation=(3, 2))
    assert models.ConvNet((Stage(6, pool=pool),), (), 3).windows()[1] == Window((2, 2), (1, 1), (3, 2))
    with pytest.raises(ValueError, match=r"pool must have the parameters window and stride .* with the parameters x"):
        models.ConvNet((Stage(4, pool=F.global_avg_pool),), (), 3).windows()


@pytest.mark.parametrize("window", [Window((0, 1)), Window((3, 3), dilation=(1, 0)), Window((3, 3), stride=(0, 1))])
def test_windows_below_one_raise(window):
    with pytest.raises(ValueError, match=r"size, stride and dilation of a window must be at least 1, got Window"):
        receptive_field((window,))
