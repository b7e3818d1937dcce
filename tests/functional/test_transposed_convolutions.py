import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def random_arguments(random, x, kernel):
    return [jnp.asarray(random.normal(size=shape)) for shape in (x, kernel, kernel[-1:])]


def compiled(f, **settings):
    return jax.jit(functools.partial(f, **settings))


def channels_first(array):
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stride": (2, 3), "padding": (1, 0)},
        {"stride": (1, 2), "dilation": (2, 1), "padding": (2, 1)},
        {"stride": (3, 3), "groups": 2},
    ],
    ids=str,
)
def test_value_and_gradients_equal_pytorch(torch, random, double, settings):
    groups = settings.get("groups", 1)
    x, kernel, bias = random_arguments(random, (2, 4, 5, 4), (3, 2, 4 // groups, 6))
    per_group = np.asarray(kernel).reshape(3, 2, 4 // groups, groups, 6 // groups)  # PyTorch: (channels, F/G, rows, …)
    weights = np.transpose(per_group, (3, 2, 4, 0, 1)).reshape(4, 6 // groups, 3, 2)
    theirs = [torch.tensor(np.array(a), requires_grad=True) for a in (channels_first(x), weights, bias)]
    y = torch.nn.functional.conv_transpose2d(*theirs, **settings)
    ends = tuple((p, p) for p in settings.get("padding", (0, 0)))
    g = random.normal(size=np.moveaxis(y.detach().numpy(), 1, -1).shape)
    y.backward(torch.tensor(channels_first(g)))

    def with_gradient(g, *a):
        ours, pull = jax.vjp(functools.partial(F.conv2d_transpose, **{**settings, "padding": ends}), *a)
        return ours, pull(g)

    ours, (x_bar, kernel_bar, bias_bar) = jax.jit(with_gradient)(g, x, kernel, bias)
    np.testing.assert_allclose(channels_first(ours), y.detach(), rtol=1e-11, atol=1e-12)
    kernel_bar = np.transpose(np.asarray(kernel_bar).reshape(per_group.shape), (3, 2, 4, 0, 1)).reshape(weights.shape)
    np.testing.assert_allclose(channels_first(x_bar), theirs[0].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(kernel_bar, theirs[1].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(bias_bar, theirs[2].grad, rtol=1e-11)


def assert_transpose(random, x, kernel, **settings):
    """Check <y, other> = <x, conv2d(other)> for y = conv2d_transpose(x) with the same kernel. Return y."""
    y = np.asarray(compiled(F.conv2d_transpose, **settings)(x, kernel, np.zeros(5)))
    other = random.normal(size=y.shape)
    back = compiled(F.conv2d, **settings)(other, np.swapaxes(kernel, 2, 3), np.zeros(3))
    np.testing.assert_allclose((y * other).sum(), np.sum(np.asarray(x) * back), rtol=1e-10)
    return y


@pytest.mark.parametrize("stride", [(1, 1), (2, 3), (4, 2)])
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((1, 0), (0, 2))])
def test_conv2d_transpose_is_the_transpose_of_conv2d(random, double, stride, padding):
    x, kernel, _ = random_arguments(random, (2, 3, 4, 3), (3, 3, 3, 5))
    y = assert_transpose(random, x, kernel, stride=stride, padding=padding)
    if padding == "SAME":
        assert y.shape[1:3] == (3 * stride[0], 4 * stride[1])


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 3)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_value_equals_jax_with_a_flipped_kernel(random, double, stride, padding):
    x, kernel, bias = random_arguments(random, (2, 4, 5, 2), (3, 3, 2, 4))
    flipped, numbers = np.asarray(kernel)[::-1, ::-1], ("NHWC", "HWIO", "NHWC")
    theirs = jax.lax.conv_transpose(x, flipped, stride, padding, dimension_numbers=numbers)
    ours = compiled(F.conv2d_transpose, stride=stride, padding=padding)(x, kernel, bias)
    np.testing.assert_allclose(ours, np.asarray(theirs) + bias, rtol=1e-10, atol=1e-12)


def test_each_pixel_adds_a_weighted_copy_of_the_kernel():
    x = np.float32([[1.0, 0.0], [0.0, 10.0]])[None, :, :, None]
    kernel = np.float32([[1.0, 2.0], [3.0, 4.0]])[:, :, None, None]
    y = np.asarray(compiled(F.conv2d_transpose, stride=(2, 2))(x, kernel, jnp.zeros(1)))[0, :, :, 0]
    assert y.tolist() == [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 10, 20], [0, 0, 30, 40]]


def test_invalid_settings_raise(unchecked):
    x, kernel, bias = jnp.zeros((1, 2, 2, 4)), jnp.zeros((2, 2, 4, 6)), jnp.zeros(6)
    with pytest.raises(ValueError, match=r"padding \(\(2, 1\), \(0, 0\)\) crops all of the \(3, 3\) pixels"):
        unchecked(F.conv2d_transpose)(x, kernel, bias, padding=((2, 1), (0, 0)))
    with pytest.raises(ValueError, match="stride must be two numbers"):
        unchecked(F.conv2d_transpose)(x, kernel, bias, stride=2)
    with pytest.raises(ValueError, match="groups must divide"):
        unchecked(F.conv2d_transpose)(x, kernel, bias, groups=2)


def test_same_padding_with_dilation_enlarges_by_the_stride_and_keeps_the_transpose(random, double):
    x, kernel, _ = random_arguments(random, (2, 3, 4, 3), (3, 2, 3, 5))
    y = assert_transpose(random, x, kernel, stride=(2, 3), dilation=(2, 3), padding="SAME")
    assert y.shape == (2, 6, 12, 5)
