import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


def with_cotangent(pool, g, x, **settings):
    """Return the pooled images, and the cotangent of the images by the hand-derived VJP, by one compiled program."""
    pool_vjp = getattr(F, f"{pool.__name__}_vjp")
    return jax.device_get(jax.jit(lambda g, x: (pool(x, **settings), *pool_vjp(g, x, **settings)))(g, x))


def image(rows):
    return jnp.asarray(rows, jnp.float32)[None, :, :, None]


def test_max_pool_of_the_example_in_dive_into_deep_learning():
    pooled = run(F.max_pool, image(np.arange(9).reshape(3, 3)), window=(2, 2), stride=(1, 1))
    assert pooled[0, :, :, 0].tolist() == [[4, 5], [7, 8]]


@pytest.mark.parametrize(
    ("window", "stride", "padding", "dilation"),
    [
        ((2, 2), (2, 2), (0, 0), (1, 1)),
        ((3, 3), (2, 2), (1, 1), (1, 1)),
        ((2, 3), (1, 2), (0, 1), (1, 1)),
        ((1, 1), (2, 3), (0, 0), (1, 1)),
        ((3, 2), (3, 1), (1, 0), (1, 1)),
        ((3, 2), (2, 1), (1, 1), (2, 3)),
        ((2, 3), (1, 3), (0, 1), (3, 1)),
    ],
)
def test_max_pool_and_its_gradient_equal_pytorch_including_ties(torch, random, window, stride, padding, dilation):
    x = random.normal(size=(2, 7, 6, 3)).clip(min=0).astype(np.float32) - 1
    theirs = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
    y = torch.nn.functional.max_pool2d(theirs, window, stride, padding, dilation)
    g = random.normal(size=tuple(y.shape)).astype(np.float32)
    y.backward(torch.tensor(g))
    padding = tuple((p, p) for p in padding)
    settings = {"window": window, "stride": stride, "padding": padding, "dilation": dilation}
    ours, x_bar = with_cotangent(F.max_pool, np.moveaxis(g, 1, -1), x, **settings)
    assert np.array_equal(np.moveaxis(ours, -1, 1), y.detach())
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs.grad, rtol=1e-6)


def test_rows_and_columns_have_separate_windows_and_strides():
    pooled = run(F.max_pool, jnp.arange(20.0).reshape(1, 4, 5, 1), window=(1, 2), stride=(3, 2))
    assert pooled[0, :, :, 0].tolist() == [[1, 3], [16, 18]]


def test_first_of_tied_pixels_in_row_major_order_gets_the_gradient():
    x = image([[1, 5], [5, 5]])
    assert run(jax.grad(lambda x: F.max_pool(x).sum()), x)[0, :, :, 0].tolist() == [[0, 1], [0, 0]]


def test_gradient_of_max_pool_has_the_sum_of_its_cotangent(random):
    x, g = jnp.asarray(random.normal(size=(2, 6, 6, 3))), jnp.asarray(random.normal(size=(2, 3, 3, 3)))
    np.testing.assert_allclose(run(F.max_pool_vjp, g, x)[0].sum(), g.sum(), rtol=1e-5)


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_max_pool_keeps_nan(place):
    rows = np.array([[1.0, 5.0], [2.0, 3.0]])
    rows[place] = np.nan
    assert np.isnan(run(F.max_pool, image(rows))).all()


@pytest.mark.parametrize("pair", [2, (2,), (0, 2), (2, 2, 2)])
def test_an_invalid_window_stride_or_dilation_raises(unchecked, pair):
    for name in ("window", "stride", "dilation"):
        with pytest.raises(ValueError, match=f"{name} must be two numbers of at least 1"):
            unchecked(F.max_pool)(image(np.zeros((4, 4))), **{name: pair})


def test_image_without_channels_raises(unchecked):
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, height, width, channels\), got"):
        unchecked(F.max_pool)(jnp.zeros((2, 4, 4)))


def test_window_larger_than_the_image_raises():
    for window in [(3, 3), (3, 1), (1, 3)]:
        with pytest.raises(ValueError, match=r"a window that spans \(., .\) pixels for an image of \(2, 2\)"):
            F.max_pool(image(np.zeros((2, 2))), window=window)


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize(
    ("window", "stride", "padding"), [((2, 2), (2, 2), (0, 0)), ((3, 2), (1, 2), (1, 1)), ((3, 3), (3, 2), (0, 1))]
)
def test_avg_pool_and_its_gradient_equal_pytorch(torch, random, double, window, stride, padding, count_include_pad):
    x = random.normal(size=(2, 7, 6, 3))
    theirs = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
    y = torch.nn.functional.avg_pool2d(theirs, window, stride, padding, count_include_pad=count_include_pad)
    g = random.normal(size=tuple(y.shape))
    y.backward(torch.tensor(g))
    settings = {"window": window, "stride": stride, "padding": tuple((p, p) for p in padding)}
    ours, x_bar = with_cotangent(F.avg_pool, np.moveaxis(g, 1, -1), x, **settings, count_include_pad=count_include_pad)
    np.testing.assert_allclose(np.moveaxis(ours, -1, 1), y.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs.grad, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("window", [(2, 2), (3, 2)])
def test_max_pool_and_avg_pool_equal_flax(random, padding, window):
    x = jnp.asarray(random.normal(size=(2, 7, 8, 3)), jnp.float32)

    @jax.jit
    def by_flax_and_by_hand(x):
        with jax.numpy_dtype_promotion("standard"):
            theirs = [pool(x, window, (2, 3), padding) for pool in (nn.max_pool, nn.avg_pool)]
        return theirs, [pool(x, window=window, stride=(2, 3), padding=padding) for pool in (F.max_pool, F.avg_pool)]

    for theirs, ours in zip(*by_flax_and_by_hand(x), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_avg_pool_of_the_example_in_dive_into_deep_learning():
    pooled = run(F.avg_pool, image(np.arange(9).reshape(3, 3)), stride=(1, 1))
    assert pooled[0, :, :, 0].tolist() == [[2, 3], [5, 6]]


def test_avg_pool_is_a_convolution_of_each_channel_with_equal_weights(random, double):
    x = jnp.asarray(random.normal(size=(2, 6, 7, 3)))
    kernel = jnp.full((3, 2, 1, 3), 1 / 6)

    @jax.jit
    def both(x):
        pooled = F.avg_pool(x, window=(3, 2), stride=(2, 1))
        return pooled, F.conv2d(x, kernel, jnp.zeros(3), stride=(2, 1), groups=3)

    np.testing.assert_allclose(*both(x), rtol=1e-12)


def test_global_avg_pool_is_the_mean_and_invariant_to_translation(random, double):
    x = jnp.asarray(random.normal(size=(2, 4, 5, 3)))
    np.testing.assert_allclose(run(F.global_avg_pool, x), np.mean(x, axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(run(F.global_avg_pool, np.roll(x, 2, axis=1)), run(F.global_avg_pool, x), rtol=1e-12)


def test_padding_is_never_the_maximum():
    pooled = run(F.max_pool, image(-np.ones((2, 2))), window=(2, 2), stride=(1, 1), padding=((1, 1), (1, 1)))
    assert (pooled == -1).all()


@pytest.mark.parametrize("padding", [((2, 0), (0, 0)), ((0, 2), (0, 0)), ((0, 0), (2, 0)), ((0, 0), (0, 2))])
def test_padding_as_large_as_the_window_raises(unchecked, padding):
    for pool in (F.max_pool, F.avg_pool):
        with pytest.raises(
            ValueError, match=r"padding must be smaller than the window \(2, 2\), got \(\(.*Otherwise a window"
        ):
            unchecked(pool)(image(np.zeros((4, 4))), padding=padding)


def test_padding_is_not_greater_than_minus_infinity():
    pooled = run(F.max_pool, image(np.full((2, 2), -np.inf)), stride=(1, 1), padding=((1, 1), (1, 1)))
    assert np.isneginf(pooled).all()


def test_last_of_several_nan_gets_the_gradient_as_in_pytorch(torch):
    rows = [[np.nan, 1.0], [np.nan, 2.0]]
    theirs = torch.tensor([[rows]], requires_grad=True)
    torch.nn.functional.max_pool2d(theirs, 2).sum().backward()
    (x_bar,) = run(F.max_pool_vjp, np.ones((1, 1, 1, 1)), image(rows))
    assert x_bar[0, :, :, 0].tolist() == theirs.grad[0, 0].tolist() == [[0, 0], [1, 0]]


def pooled_one_by_one(x, of_window, window, stride, padding, dilation):
    """Pool each window of an image in a loop over rows and columns; `of_window` gets its pixels without the padding."""
    tops, lefts = (
        range(-before, n + after - (k - 1) * d, s)
        for n, (before, after), k, s, d in zip(x.shape, padding, window, stride, dilation, strict=True)
    )

    def pixels(top, left):
        rows = range(top, top + window[0] * dilation[0], dilation[0])
        columns = range(left, left + window[1] * dilation[1], dilation[1])
        return [x[r, c] for r in rows for c in columns if 0 <= r < x.shape[0] and 0 <= c < x.shape[1]]

    return np.array([[of_window(pixels(top, left)) for left in lefts] for top in tops])


@pytest.mark.parametrize(
    ("window", "stride", "padding", "dilation"),
    [
        ((2, 3), (1, 2), ((0, 0), (0, 0)), (3, 2)),
        ((3, 2), (2, 1), ((2, 1), (0, 2)), (2, 3)),
        ((2, 2), (3, 3), ((1, 0), (0, 1)), (4, 1)),  # padding as large as an undilated window would forbid
    ],
)
def test_dilated_windows_equal_a_loop(random, double, window, stride, padding, dilation):
    x = random.normal(size=(7, 8))
    settings = {"window": window, "stride": stride, "padding": padding, "dilation": dilation}
    pools = {
        np.max: lambda x: F.max_pool(x, **settings),
        np.mean: lambda x: F.avg_pool(x, **settings, count_include_pad=False),
        lambda pixels: np.sum(pixels) / (window[0] * window[1]): lambda x: F.avg_pool(x, **settings),
    }
    results = run(lambda x: [pool(x) for pool in pools.values()], x[None, :, :, None])
    for of_window, result in zip(pools, results, strict=True):
        expected = pooled_one_by_one(x, of_window, **settings)
        np.testing.assert_allclose(result[0, :, :, 0], expected, rtol=1e-12)


def test_same_padding_of_a_dilated_window_equals_jax(random):
    x = jnp.asarray(random.normal(size=(1, 7, 6, 2)), jnp.float32)
    expected = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 3, 1), (1, 2, 1, 1), "SAME", None, (1, 3, 2, 1))
    ours = run(F.max_pool, x, window=(2, 3), stride=(2, 1), padding="SAME", dilation=(3, 2))
    assert np.array_equal(ours, expected)


def test_a_dilated_window_around_the_image_raises():
    settings = {"window": (2, 2), "stride": (1, 1), "padding": ((1, 1), (0, 0)), "dilation": (2, 1)}
    for pool in (F.max_pool, F.avg_pool):
        with pytest.raises(ValueError, match=r"a window contains only padding.*both sides of the image of \(1, 4\)"):
            pool(image(np.zeros((1, 4))), **settings)


@pytest.mark.parametrize(("size", "output_size"), [((7, 6), (3, 4)), ((4, 5), (4, 1)), ((2, 3), (5, 7))])
def test_adaptive_avg_pool_equals_a_loop_over_its_windows(random, double, size, output_size):
    x = random.normal(size=(2, *size, 3))
    ranges = [
        [range(int(np.floor(i * n / count)), int(np.ceil((i + 1) * n / count))) for i in range(count)]
        for n, count in zip(size, output_size, strict=True)
    ]
    expected = [[x[:, rows][:, :, columns].mean((1, 2)) for columns in ranges[1]] for rows in ranges[0]]
    ours, x_bar = with_cotangent(F.adaptive_avg_pool, np.ones((2, *output_size, 3)), x, output_size=output_size)
    np.testing.assert_allclose(ours, np.moveaxis(expected, 2, 0), rtol=1e-12)
    shares = np.zeros(size)
    for rows in ranges[0]:
        for columns in ranges[1]:
            shares[np.ix_(rows, columns)] += 1 / (len(rows) * len(columns))
    np.testing.assert_allclose(x_bar, np.broadcast_to(shares[:, :, None], x.shape), rtol=1e-12)


@pytest.mark.parametrize(
    ("size", "output_size"), [((7, 6), (3, 4)), ((1, 1), (2, 3)), ((8, 8), (8, 8)), ((5, 9), (1, 1))]
)
def test_adaptive_avg_pool_and_its_gradient_equal_pytorch(torch, random, double, size, output_size):
    x = random.normal(size=(2, *size, 3))
    theirs = torch.tensor(np.moveaxis(x, -1, 1).copy(), requires_grad=True)
    y = torch.nn.functional.adaptive_avg_pool2d(theirs, output_size)
    g = random.normal(size=tuple(y.shape))
    y.backward(torch.tensor(g))
    ours, x_bar = with_cotangent(F.adaptive_avg_pool, np.moveaxis(g, 1, -1), x, output_size=output_size)
    np.testing.assert_allclose(np.moveaxis(ours, -1, 1), y.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs.grad, rtol=1e-12, atol=1e-14)


def test_adaptive_avg_pool_keeps_infinity_and_nan_in_their_windows():
    pooled = run(F.adaptive_avg_pool, image([[np.inf, 1, 2, 3], [1, 1, 2, np.nan]]), output_size=(1, 2))
    assert pooled[0, 0, :, 0].tolist() == [np.inf, pytest.approx(np.nan, nan_ok=True)]


@pytest.mark.parametrize("output_size", [3, (3,), (0, 2), (2, 2, 2)])
def test_an_invalid_output_size_or_an_image_without_pixels_raises(unchecked, output_size):
    with pytest.raises(ValueError, match="output_size must be two numbers of at least 1"):
        unchecked(F.adaptive_avg_pool)(image(np.zeros((4, 4))), output_size=output_size)
    with pytest.raises(ValueError, match="at least one pixel, got 0 rows and 4 columns"):
        F.adaptive_avg_pool(image(np.zeros((0, 4))))


@pytest.mark.parametrize(("top", "dilation"), [(1, (1, 1)), (2, (2, 1)), (0, (1, 2))])
def test_padding_is_not_the_maximum_of_pixels_that_are_all_minus_infinity(top, dilation):
    """The gradient goes to the first pixel of a window that is not padding, so that none of it is lost."""
    settings = {"window": (3, 3), "stride": (2, 1), "padding": ((top, 1), (1, 2)), "dilation": dilation}
    x = np.full((1, 4, 5, 1), -np.inf, np.float32)

    def results(x):
        y, pull = jax.vjp(lambda x: F.max_pool(x, **settings), x)
        return y, *pull(jnp.ones_like(y)), *F.max_pool_vjp(jnp.ones_like(y), x, **settings)

    y, by_jax, by_hand = jax.device_get(jax.jit(results)(x))
    expected = np.zeros((4, 5))
    for row in range(-top, 5 - 2 * dilation[0], 2):
        for column in range(-1, 7 - 2 * dilation[1]):
            places = [(row + i * dilation[0], column + j * dilation[1]) for i in range(3) for j in range(3)]
            expected[next((h, w) for h, w in places if 0 <= h < 4 and 0 <= w < 5)] += 1
    assert (y == -np.inf).all()
    assert np.array_equal(by_jax[0, :, :, 0], expected)
    assert np.array_equal(by_hand[0, :, :, 0], expected)
