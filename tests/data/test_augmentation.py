import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats

from jaxdl import data
from jaxdl.data.augmentation import crop, cutout, each_image, elastic, flip, noise, rotate, scale, shift

ALL = {f.__name__: f for f in (shift, flip, crop, rotate, scale, elastic, cutout, noise)}
EVERY = pytest.mark.parametrize("f", ALL.values(), ids=ALL)


@pytest.fixture
def image(random):
    return jnp.asarray(random.normal(size=(9, 7, 3)), jnp.float32)


def many(f, image, count=400):
    """What comes of one image with many keys."""
    return np.asarray(jax.jit(jax.vmap(lambda key: f(key, image)))(jax.random.split(jax.random.key(0), count)))


@EVERY
def test_shape_and_precision_stay_and_it_is_jitted_mapped_and_differentiated(f, image):
    for dtype in (jnp.float32, jnp.bfloat16):
        given = image.astype(dtype)
        assert jax.jit(f)(jax.random.key(0), given).dtype == dtype
    images, keys = jnp.stack([image, 2 * image]), jax.random.split(jax.random.key(0), 2)
    assert jax.vmap(f)(keys, images).shape == images.shape
    gradient = jax.grad(lambda image: (f(jax.random.key(0), image) ** 2).sum())(image)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", [name for name in ALL if name != "noise"])
def test_it_commutes_with_standardization(name, image):
    f, a, b = jax.jit(ALL[name]), jnp.array([2.0, -0.5, 3.0]), jnp.array([1.0, 0.0, -7.0])
    for seed in range(5):
        key = jax.random.key(seed)
        np.testing.assert_allclose(f(key, a * image + b), a * f(jax.random.clone(key), image) + b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "f",
    [
        functools.partial(shift, most=0),
        functools.partial(flip, rate=0.0),
        functools.partial(crop, least=1.0),
        functools.partial(rotate, most=0.0),
        functools.partial(scale, least=1.0, most=1.0),
        functools.partial(elastic, strength=0.0),
        functools.partial(cutout, size=0),
        functools.partial(noise, deviation=0.0),
    ],
    ids=lambda f: f.func.__name__,
)
def test_the_mildest_setting_changes_nothing(f, image):
    np.testing.assert_allclose(jax.jit(f)(jax.random.key(0), image), image, atol=1e-6)


@EVERY
def test_it_differs_by_key_example_and_member(f, image):
    drawn = many(f, image, 64)
    assert len({one.tobytes() for one in drawn}) > (1 if f is flip else 20)
    keys = jax.random.split(jax.random.key(0), 3)
    batch = data.Dataset(jnp.stack([image] * 32), jnp.zeros(32, int), jnp.ones(32))
    of_members = jax.vmap(lambda key: each_image(f)(key, batch).inputs)(keys)
    assert len({one.tobytes() for one in np.asarray(of_members)}) == 3
    assert len({one.tobytes() for one in np.asarray(of_members[0])}) > 1


def test_shifts_are_all_there_are_about_equally_often(image):
    drawn = many(functools.partial(shift, most=1), image, 1800)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    wanted = [padded[i : i + 9, j : j + 7] for i in range(3) for j in range(3)]
    counts = [sum(np.array_equal(one, shifted) for one in drawn) for shifted in wanted]
    assert sum(counts) == 1800
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_a_flip_exchanges_left_and_right_at_its_rate(image):
    drawn = many(functools.partial(flip, rate=0.2), image, 1000)
    flipped = sum(np.array_equal(one, np.fliplr(image)) for one in drawn)
    same = sum(np.array_equal(one, image) for one in drawn)
    assert flipped + same == 1000
    assert scipy.stats.binomtest(flipped, 1000, 0.2).pvalue > 0.001


def scipy_resampled(image, matrix, offset=(0, 0)):
    """The same by scipy: the matrix about the centre, bilinear, the edge repeated."""
    centre = (np.array(image.shape[:2]) - 1) / 2
    start = centre - matrix @ centre + offset
    planes = [
        scipy.ndimage.affine_transform(plane, matrix, start, order=1, mode="nearest")
        for plane in np.moveaxis(np.asarray(image, np.float64), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def test_rotation_is_that_of_scipy_by_a_uniform_angle(image):
    key = jax.random.key(3)
    angle = np.deg2rad(40 * float(jax.random.uniform(jax.random.clone(key), minval=-1.0, maxval=1.0)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(rotate(key, image, most=40.0), scipy_resampled(image, turn), atol=1e-4)


def test_a_quarter_turn_is_that_of_numpy(monkeypatch, random):
    square = jnp.asarray(random.normal(size=(6, 6, 2)), jnp.float32)
    monkeypatch.setattr(jax.random, "uniform", lambda *_, **__: jnp.float32(1))
    np.testing.assert_allclose(rotate(jax.random.key(0), square, most=90.0), np.rot90(square), atol=1e-5)


def test_scaling_is_that_of_scipy_by_a_factor_within_bounds(monkeypatch, image):
    for drawn, factor in [(0.0, 0.5), (1.0, 2.0), (0.5, 1.0)]:  # the logarithm is uniform
        monkeypatch.setattr(jax.random, "uniform", lambda *_, drawn=drawn, **__: jnp.float32(drawn))
        found = scale(jax.random.key(0), image, least=0.5, most=2.0)
        np.testing.assert_allclose(found, scipy_resampled(image, np.eye(2) / factor), atol=1e-4)


def test_a_crop_is_a_window_of_the_image_scaled_up(monkeypatch, image):
    draws = iter([jnp.float32(0.25), jnp.array([1.0, -1.0])])  # half the side, at the lower left end
    monkeypatch.setattr(jax.random, "uniform", lambda *_, **__: next(draws))
    found = crop(jax.random.key(0), image, least=0.2)
    np.testing.assert_allclose(found, scipy_resampled(image, np.eye(2) / 2, (2, -1.5)), atol=1e-4)
    np.testing.assert_allclose(found[-1, 0], image[-1, 0], atol=1e-5)


def test_crops_stay_inside_and_reach_the_ends():
    slope = jnp.stack(jnp.meshgrid(jnp.arange(9.0), jnp.arange(9.0), indexing="ij"), axis=-1)
    drawn = many(functools.partial(crop, least=0.25), slope, 2000)
    for axis in (0, 1):
        ends = drawn[:, 0, 0, axis], drawn[:, -1, -1, axis]
        shares = ((ends[1] - ends[0]) / 8) ** 2
        assert min(ends[0]) >= -1e-5
        assert max(ends[1]) <= 8 + 1e-5
        assert min(ends[0]) < 0.05
        assert max(ends[1]) > 7.95
        assert scipy.stats.kstest(shares, scipy.stats.uniform(0.25, 0.75).cdf).pvalue > 0.001


def test_an_elastic_field_is_smooth_and_has_the_deviation_that_is_asked_for():
    """Seen on an image of its own places, in whose middle no pixel is moved beyond the edge."""
    slope = jnp.stack(jnp.meshgrid(jnp.arange(40.0), jnp.arange(40.0), indexing="ij"), axis=-1)
    moved = many(functools.partial(elastic, strength=0.8, smoothness=3.0), slope, 300) - np.asarray(slope)
    inner = moved[:, 8:-8, 8:-8]
    np.testing.assert_allclose(inner.std(axis=0), 0.8, rtol=0.25)
    np.testing.assert_allclose(inner.std(), 0.8, rtol=0.05)
    np.testing.assert_allclose(inner.mean(), 0, atol=0.02)
    near = np.corrcoef(inner[:, 12, 12, 0], inner[:, 12, 13, 0])[0, 1]
    assert near == pytest.approx(np.exp(-1 / (4 * 3.0**2)), abs=0.02)  # of two Gaussians one pixel apart
    assert abs(np.corrcoef(inner[:, 12, 12, 0], inner[:, 12, 12, 1])[0, 1]) < 0.2


@pytest.mark.parametrize("size", [3, 4])
def test_a_cutout_is_a_square_of_the_mean_anywhere(image, size):
    drawn = many(functools.partial(cutout, size=size), image, 1500)
    gone = (drawn != np.asarray(image)).all(axis=-1)
    assert gone.sum(axis=(1, 2)).max() == size**2
    assert gone.any(axis=0).all()
    np.testing.assert_allclose(drawn[gone], np.broadcast_to(image.mean(axis=(0, 1)), drawn[gone].shape), atol=1e-6)
    whole = gone[gone.sum(axis=(1, 2)) == size**2][0]
    assert whole.any(axis=0).sum() == whole.any(axis=1).sum() == size


def test_noise_is_gaussian_with_its_deviation(image):
    added = many(functools.partial(noise, deviation=0.3), image, 50) - np.asarray(image)
    assert scipy.stats.kstest(added.ravel() / 0.3, scipy.stats.norm.cdf).pvalue > 0.001


def test_one_after_another_and_all_else_stays(image):
    batch = data.Dataset(jnp.stack([image, -image]), jnp.array([3, 4]), jnp.array([1.0, 2.0]))
    double = each_image(lambda key, image: image + 1, lambda key, image: 2 * image)(jax.random.key(0), batch)
    np.testing.assert_allclose(double.inputs, 2 * (batch.inputs + 1))
    assert double.labels is batch.labels
    assert double.weights is batch.weights


def test_what_is_no_image_is_told(image):
    table = data.Dataset(jnp.ones((4, 3)), jnp.zeros(4, int), jnp.ones(4))
    with pytest.raises(ValueError, match=r"inputs must be images .* but have the shape \(4, 3\)"):
        each_image(flip)(jax.random.key(0), table)
    with pytest.raises(ValueError, match="most must be at least 0 pixels, but was -1"):
        shift(jax.random.key(0), image, most=-1)
