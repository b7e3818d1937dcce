import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

import jaxdl.functional as F


def drawn(random, x, kernel):
    return [jnp.asarray(random.normal(size=shape)) for shape in (x, kernel, kernel[-1:])]


def compiled(f, **settings):
    return jax.jit(functools.partial(f, **settings))


@functools.partial(jax.jit, static_argnums=0)
def with_gradient(f, g, *arguments):
    """Return the value of f and the cotangents of g."""
    y, pull = jax.vjp(f, *arguments)
    return y, pull(g)


def channels_first(array):
    return np.ascontiguousarray(np.moveaxis(array, -1, 1))


def image(rows):
    return jnp.asarray(rows, jnp.float32)[None, :, :, None]


SETTINGS = [
    {},
    {"stride": (2, 1), "padding": ((1, 1), (2, 2))},
    {"stride": (1, 3), "padding": ((2, 2), (0, 0)), "dilation": (2, 1)},
    {"groups": 2, "stride": (2, 2)},
    {"groups": 4, "padding": ((1, 1), (1, 1)), "dilation": (1, 2)},
]


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_conv2d_equals_pytorch_with_gradients(torch, random, double, settings, batch):
    groups = settings.get("groups", 1)
    x, kernel, bias = drawn(random, (batch, 7, 8, 4), (3, 2, 4 // groups, 8))
    theirs = [
        torch.tensor(channels_first(x), requires_grad=True),
        torch.tensor(np.ascontiguousarray(np.transpose(kernel, (3, 2, 0, 1))), requires_grad=True),
        torch.tensor(np.array(bias), requires_grad=True),
    ]
    padding = tuple(ends[0] for ends in settings.get("padding", ((0, 0), (0, 0))))
    y = torch.nn.functional.conv2d(*theirs, **{**settings, "padding": padding})
    g = random.normal(size=np.moveaxis(y.detach().numpy(), 1, -1).shape)
    y.backward(torch.tensor(channels_first(g)))
    ours, (x_bar, kernel_bar, bias_bar) = with_gradient(functools.partial(F.conv2d, **settings), g, x, kernel, bias)
    np.testing.assert_allclose(channels_first(ours), y.detach(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(channels_first(x_bar), theirs[0].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(np.transpose(kernel_bar, (3, 2, 0, 1)), theirs[1].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(bias_bar, theirs[2].grad, rtol=1e-11)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("stride", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 3)), ((3, 2), (2, 1))]
)
def test_conv2d_equals_the_layer_of_flax(random, padding, stride, dilation):
    x, kernel, bias = drawn(random, (2, 9, 10, 2), (2, 3, 2, 4))
    layer = nn.Conv(4, (2, 3), stride, padding, kernel_dilation=dilation, precision="highest")
    theirs = jax.jit(layer.apply)({"params": {"kernel": kernel, "bias": bias}}, x)
    ours = compiled(F.conv2d, stride=stride, padding=padding, dilation=dilation)(x, kernel, bias)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_conv2d_gives_the_published_examples_of_dive_into_deep_learning():
    kernel = jnp.arange(4.0).reshape(2, 2, 1, 1)
    y = compiled(F.conv2d)(image(np.arange(9).reshape(3, 3)), kernel, jnp.zeros(1))
    assert y[0, :, :, 0].tolist() == [[19, 25], [37, 43]]
    two = np.concatenate([image(np.arange(9).reshape(3, 3)), image(np.arange(1, 10).reshape(3, 3))], axis=-1)
    kernels = np.stack([jnp.arange(4.0), jnp.arange(1.0, 5.0)], axis=-1).reshape(2, 2, 2, 1)
    assert compiled(F.conv2d)(two, kernels, jnp.zeros(1))[0, :, :, 0].tolist() == [[56, 72], [104, 120]]


def test_conv2d_equals_a_loop_over_windows(random, double):
    x, kernel, bias = drawn(random, (2, 5, 6, 2), (2, 3, 2, 3))
    ours = compiled(F.conv2d, stride=(2, 3))(x, kernel, bias)
    x, kernel, bias = map(np.asarray, (x, kernel, bias))
    y = np.zeros((2, 2, 2, 3))
    for n, h, w, o in np.ndindex(*y.shape):
        y[n, h, w, o] = bias[o] + np.sum(x[n, 2 * h : 2 * h + 2, 3 * w : 3 * w + 3] * kernel[..., o])
    np.testing.assert_allclose(ours, y, rtol=1e-12)


def test_convolution_flips_the_kernel_and_conv2d_does_not(random, double):
    x, kernel = random.normal(size=(5, 6)), random.normal(size=(2, 3))
    ours = [
        np.asarray(compiled(f)(x[None, :, :, None], kernel[:, :, None, None], np.zeros(1)))[0, :, :, 0]
        for f in (F.convolution, F.conv2d)
    ]
    np.testing.assert_allclose(ours[0], scipy.signal.convolve2d(x, kernel, mode="valid"), rtol=1e-11)
    np.testing.assert_allclose(ours[1], scipy.signal.correlate2d(x, kernel, mode="valid"), rtol=1e-11)
    assert np.abs(ours[0] - ours[1]).max() > 0.1


def test_convolution_commutes_and_conv2d_does_so_only_up_to_reversal(random, double):
    one, other = random.normal(size=(4, 5)), random.normal(size=(3, 2))

    @functools.partial(jax.jit, static_argnums=0)
    def full(f, x, kernel):
        ends = tuple((k - 1, k - 1) for k in kernel.shape)
        return f(x[None, :, :, None], kernel[:, :, None, None], jnp.zeros(1), padding=ends)[0, :, :, 0]

    np.testing.assert_allclose(full(F.convolution, one, other), full(F.convolution, other, one), rtol=1e-10)
    here, there = full(F.conv2d, one, other), full(F.conv2d, other, one)
    np.testing.assert_allclose(here, there[::-1, ::-1], rtol=1e-10)
    assert np.abs(here - there).max() > 0.1


def test_conv2d_is_linear_and_two_layers_equal_one(random, double):
    x, kernel, _ = drawn(random, (2, 8, 8, 2), (3, 3, 2, 4))
    other, second, _ = drawn(random, (2, 8, 8, 2), (3, 3, 4, 3))
    x, kernel, other, second = map(np.asarray, (x, kernel, other, second))
    plain = lambda x, kernel: conv2d(x, kernel, np.zeros(kernel.shape[-1]))
    conv2d = compiled(F.conv2d)
    apart = 2 * plain(x, kernel) - 3 * plain(other, kernel)
    np.testing.assert_allclose(plain(2 * x - 3 * other, kernel), apart, rtol=1e-10, atol=1e-12)
    twice = plain(plain(x, kernel), second)
    merged = compiled(F.convolution, padding=((2, 2), (2, 2)))(  # the composition of both has 5x5 kernels
        np.moveaxis(kernel, 2, 0), second, np.zeros(3)
    )
    np.testing.assert_allclose(twice, plain(x, np.moveaxis(merged, 0, 2)), rtol=1e-9, atol=1e-11)


def test_conv2d_is_equivariant_to_translation_with_circular_padding(random):
    x, kernel, bias = drawn(random, (1, 6, 7, 2), (3, 3, 2, 3))
    valid, same = compiled(F.conv2d), compiled(F.conv2d, padding="SAME")
    around = lambda x: valid(np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="wrap"), kernel, bias)
    moved = lambda x: np.roll(x, (2, 3), axis=(1, 2))
    assert np.array_equal(around(moved(x)), moved(around(x)))
    assert not np.allclose(same(moved(x), kernel, bias), moved(same(x, kernel, bias)), atol=1e-2)


@pytest.mark.parametrize("settings", [{}, {"stride": 2, "padding": 1}, {"padding": 2, "dilation": 3, "groups": 2}])
def test_conv1d_equals_pytorch_with_gradients(torch, random, double, settings):
    x, kernel, bias = drawn(random, (2, 9, 4), (3, 4 // settings.get("groups", 1), 6))
    theirs = [
        torch.tensor(channels_first(x), requires_grad=True),
        torch.tensor(np.ascontiguousarray(np.transpose(kernel, (2, 1, 0))), requires_grad=True),
        torch.tensor(np.array(bias), requires_grad=True),
    ]
    y = torch.nn.functional.conv1d(*theirs, **settings)
    ends = settings.get("padding", 0)
    g = random.normal(size=np.moveaxis(y.detach().numpy(), 1, -1).shape)
    y.backward(torch.tensor(channels_first(g)))
    f = functools.partial(F.conv1d, **{**settings, "padding": (ends, ends)})
    ours, (x_bar, kernel_bar, bias_bar) = with_gradient(f, g, x, kernel, bias)
    np.testing.assert_allclose(channels_first(ours), y.detach(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(channels_first(x_bar), theirs[0].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(np.transpose(kernel_bar, (2, 1, 0)), theirs[1].grad, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(bias_bar, theirs[2].grad, rtol=1e-11)


def test_a_causal_convolution_does_not_depend_on_the_future(random):
    x, kernel, bias = drawn(random, (1, 6, 2), (3, 2, 1))
    conv1d = compiled(F.conv1d, padding=(2, 0))
    changed = np.array(x)
    changed[:, 4:] = 99.0
    here, there = (np.asarray(conv1d(x, kernel, bias)) for x in (x, changed))
    assert here.shape == (1, 6, 1)
    assert np.array_equal(here[:, :4], there[:, :4])


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, 2])
@pytest.mark.parametrize(("window", "dilation"), [(1, 1), (3, 1), (2, 3)])
def test_output_size_equals_the_size_of_the_output(stride, padding, window, dilation):
    size = F.output_size(10, window, stride=stride, padding=padding, dilation=dilation)
    settings = {"stride": (stride, 1), "padding": ((padding, padding), (0, 0)), "dilation": (dilation, 1)}
    y = jax.eval_shape(
        lambda x, kernel: F.conv2d(x, kernel, jnp.zeros(1), **settings),
        jax.ShapeDtypeStruct((1, 10, 1, 1), jnp.float32),
        jax.ShapeDtypeStruct((window, 1, 1, 1), jnp.float32),
    )
    assert y.shape == (1, size, 1, 1)


def test_output_size_of_known_layers():
    assert F.output_size(10, 3, padding=1) == 10
    assert F.output_size(12, 3) == 10
    assert F.output_size(227, 11, stride=4) == 55  # the first layer of AlexNet


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"padding": 1}, r'padding must be "SAME", "VALID" or .* got 1'),
        ({"padding": "same"}, "padding must be .* got 'same'"),
        ({"padding": ((1, 1), (-1, 0))}, "padding must be"),
        ({"stride": (0, 1)}, r"stride must be two numbers of at least 1, such as \(2, 2\), got \(0, 1\)"),
        ({"dilation": 2}, "dilation must be two numbers"),
        ({"groups": 3}, "groups must divide channels and filters, .* got 4 channels, 6 filters, groups = 3"),
        ({"groups": 2}, r"and a kernel of shape \(2, 2, 4, 6\)"),
        ({"dilation": (9, 1)}, r"a window that spans \(10, 2\) pixels for an image of \(5, 5\)"),
    ],
)
def test_conv2d_raises_for_invalid_settings(unchecked, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        unchecked(F.conv2d)(jnp.zeros((1, 5, 5, 4)), jnp.zeros((2, 2, 4, 6)), jnp.zeros(6), **settings)


def test_wrong_shapes_raise(unchecked):
    with pytest.raises(ValueError, match=r"bias must have the shape \(filters,\) with filters = 6"):
        unchecked(F.conv2d)(jnp.zeros((1, 5, 5, 4)), jnp.zeros((2, 2, 4, 6)), jnp.zeros(1))
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, height, width, channels\)"):
        unchecked(F.conv2d)(jnp.zeros((5, 5, 4)), jnp.zeros((2, 2, 4, 6)), jnp.zeros(6))
    with pytest.raises(ValueError, match="4 channels, 6 filters"):
        unchecked(F.conv2d)(jnp.zeros((1, 5, 5, 4)), jnp.zeros((2, 2, 3, 6)), jnp.zeros(6))
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, length, channels\)"):
        unchecked(F.conv1d)(jnp.zeros((5, 4)), jnp.zeros((2, 4, 6)), jnp.zeros(6))
    with pytest.raises(ValueError, match="window must fit"):
        F.output_size(3, 5)


def test_convolution_and_conv1d_pass_all_settings_to_conv2d(random, double):
    settings = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 3), "groups": 2}
    x, kernel, bias = drawn(random, (2, 7, 9, 4), (2, 3, 2, 6))
    x, kernel = np.asarray(x), np.asarray(kernel)
    flipped = compiled(F.conv2d, **settings)(x, kernel[::-1, ::-1], bias)
    np.testing.assert_allclose(compiled(F.convolution, **settings)(x, kernel, bias), flipped, rtol=1e-12)
    for padding in ("SAME", "VALID"):
        in_1d = compiled(F.conv1d, stride=2, padding=padding, dilation=3, groups=2)
        in_2d = compiled(F.conv2d, stride=(1, 2), padding=padding, dilation=(1, 3), groups=2)
        row, image = in_1d(x[:, 0], kernel[0], bias), in_2d(x[:, :1], kernel[:1], bias)
        np.testing.assert_allclose(row, np.asarray(image)[:, 0], rtol=1e-12)


def test_output_size_includes_the_dilation():
    assert F.output_size(7, 3, dilation=3) == 1
    with pytest.raises(ValueError, match="window must fit"):
        F.output_size(6, 3, dilation=3)


@pytest.mark.parametrize("f", [F.conv2d, F.conv2d_transpose])
@pytest.mark.parametrize(("channels", "filters"), [(0, 2), (2, 0)])
def test_images_without_channels_and_kernels_without_filters_are_allowed(f, channels, filters):
    shapes = (1, 3, 3, channels), (3, 3, channels, filters), (filters,)
    arguments = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]

    def both(*arguments):
        y, pull = jax.vjp(f, *arguments)
        return y, pull(y), getattr(F, f"{f.__name__}_vjp")(y, *arguments)

    y, *cotangents = jax.eval_shape(both, *arguments)
    assert y.shape[3] == filters
    for found in cotangents:
        assert tuple(each.shape for each in found) == shapes


@pytest.mark.parametrize("f", [F.conv2d, F.convolution, F.conv2d_transpose])
@pytest.mark.parametrize("groups", [1, 2])
def test_an_empty_batch_gives_empty_outputs_and_zero_gradients(f, groups):
    x, kernel, bias = jnp.zeros((0, 5, 5, 4)), jnp.ones((2, 2, 4 // groups, 6)), jnp.ones(6)

    @jax.jit
    def both(*a):
        y, pull = jax.vjp(functools.partial(f, groups=groups), *a)
        return pull(y), getattr(F, f"{f.__name__}_vjp")(y, *a, groups=groups)

    for gradient in both(x, kernel, bias):
        assert [a.shape for a in gradient] == [x.shape, kernel.shape, bias.shape]
        assert not np.any(gradient[1])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"stride": (2,)}, r"stride of a sequence must be one number, such as 2, got \(2,\)"),
        ({"dilation": 2.0}, "dilation of a sequence must be one number, such as 2, got 2.0"),
        ({"padding": 1}, r'padding of a sequence must be "SAME", "VALID" or \(before, after\), got 1'),
    ],
)
def test_conv1d_raises_for_settings_of_images(unchecked, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        unchecked(F.conv1d)(jnp.zeros((1, 5, 4)), jnp.zeros((2, 4, 6)), jnp.zeros(6), **settings)


def test_a_stride_of_floats_raises(unchecked):
    with pytest.raises(ValueError, match="stride must be two numbers"):
        unchecked(F.conv2d)(jnp.zeros((1, 5, 5, 4)), jnp.zeros((2, 2, 4, 6)), jnp.zeros(6), stride=(1.0, 1.0))
