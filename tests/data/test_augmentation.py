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


def augmented(f, image, count=400):
    """Augment one image with many keys."""
    return np.asarray(jax.jit(jax.vmap(lambda key: f(key, image)))(jax.random.split(jax.random.key(0), count)))


@EVERY
def test_shape_and_dtype_stay_under_jit_vmap_and_grad(f, image):
    for dtype in (jnp.float32, jnp.bfloat16):
        found = jax.eval_shape(f, jax.random.key(0), image.astype(dtype))
        assert (found.shape, found.dtype) == (image.shape, dtype)
    images, keys = np.stack([image, 2 * image]), jax.random.split(jax.random.key(0), 2)

    def loss(key, image):
        found = f(key, image)
        return (found**2).sum(), found

    gradients, found = jax.jit(jax.vmap(jax.grad(loss, argnums=1, has_aux=True)))(keys, images)
    assert found.shape == images.shape
    assert np.isfinite(gradients).all()


@pytest.mark.parametrize("name", [name for name in ALL if name != "noise"])
def test_augmentation_commutes_with_standardization(name, image):
    f, a, b = ALL[name], np.float32([2.0, -0.5, 3.0]), np.float32([1.0, 0.0, -7.0])

    @jax.jit
    @jax.vmap
    def before_and_after(key):
        return f(key, a * image + b), a * f(jax.random.clone(key), image) + b

    np.testing.assert_allclose(*before_and_after(jax.random.split(jax.random.key(0), 5)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "f",
    [
        functools.partial(shift, max_pixels=0),
        functools.partial(flip, probability=0.0),
        functools.partial(crop, min_area=1.0),
        functools.partial(rotate, max_degrees=0.0),
        functools.partial(scale, min_factor=1.0, max_factor=1.0),
        functools.partial(elastic, displacement=0.0),
        functools.partial(cutout, size=0),
        functools.partial(noise, std=0.0),
    ],
    ids=lambda f: f.func.__name__,
)
def test_settings_of_no_effect_change_nothing(f, image):
    np.testing.assert_allclose(jax.jit(f)(jax.random.key(0), image), image, atol=1e-6)


@EVERY
def test_augmentations_differ_by_key_example_and_member(f, image):
    keys = jax.random.split(jax.random.key(0), 3)
    batch = data.Dataset(jnp.asarray(np.stack([image] * 64)), jnp.zeros(64, int), jnp.ones(64))
    members = np.asarray(jax.jit(jax.vmap(lambda key: each_image(f)(key, batch).inputs))(keys))
    assert len({one.tobytes() for one in members}) == 3
    for images in members:
        assert len({one.tobytes() for one in images}) > (1 if f is flip else 20)


def test_all_shifts_are_equally_likely(image):
    images = augmented(functools.partial(shift, max_pixels=1), image, 1800)
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    expected = [padded[i : i + 9, j : j + 7] for i in range(3) for j in range(3)]
    counts = [sum(np.array_equal(one, shifted) for one in images) for shifted in expected]
    assert sum(counts) == 1800
    assert scipy.stats.chisquare(counts).pvalue > 0.001


def test_a_flip_exchanges_left_and_right_with_its_probability(image):
    images = augmented(functools.partial(flip, probability=0.2), image, 1000)
    flipped = sum(np.array_equal(one, np.fliplr(image)) for one in images)
    same = sum(np.array_equal(one, image) for one in images)
    assert flipped + same == 1000
    assert scipy.stats.binomtest(flipped, 1000, 0.2).pvalue > 0.001


def scipy_affine(image, matrix, offset=(0, 0)):
    """Apply scipy's affine transform about the center, bilinear, with repeated edges."""
    center = (np.array(image.shape[:2]) - 1) / 2
    start = center - matrix @ center + offset
    planes = [
        scipy.ndimage.affine_transform(plane, matrix, start, order=1, mode="nearest")
        for plane in np.moveaxis(np.asarray(image, np.float64), -1, 0)
    ]
    return np.stack(planes, axis=-1)


def test_rotation_equals_scipys_at_a_uniform_angle(image):
    key = jax.random.key(3)
    angle = np.deg2rad(40 * float(jax.random.uniform(jax.random.clone(key), minval=-1.0, maxval=1.0)))
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    rotated = jax.jit(functools.partial(rotate, max_degrees=40.0))(key, image)
    np.testing.assert_allclose(rotated, scipy_affine(image, rotation), atol=1e-4)


def test_a_quarter_turn_equals_numpys(monkeypatch, random):
    square = jnp.asarray(random.normal(size=(6, 6, 2)), jnp.float32)
    monkeypatch.setattr(jax.random, "uniform", lambda *_, **__: jnp.float32(1))
    rotated = jax.jit(functools.partial(rotate, max_degrees=90.0))(jax.random.key(0), square)
    np.testing.assert_allclose(rotated, np.rot90(square), atol=1e-5)


def test_scaling_equals_scipys_with_a_factor_within_bounds(monkeypatch, image):
    for uniform, factor in [(0.0, 0.5), (1.0, 2.0), (0.5, 1.0)]:  # the logarithm is uniform
        monkeypatch.setattr(jax.random, "uniform", lambda *_, uniform=uniform, **__: jnp.float32(uniform))
        found = jax.jit(functools.partial(scale, min_factor=0.5, max_factor=2.0))(jax.random.key(0), image)
        np.testing.assert_allclose(found, scipy_affine(image, np.eye(2) / factor), atol=1e-4)


def test_a_crop_is_an_enlarged_window_of_the_image(monkeypatch, image):
    draws = iter([jnp.float32(0.25), jnp.array([1.0, -1.0])])  # half the side, in the lower left corner
    monkeypatch.setattr(jax.random, "uniform", lambda *_, **__: next(draws))
    found = jax.jit(functools.partial(crop, min_area=0.2))(jax.random.key(0), image)
    np.testing.assert_allclose(found, scipy_affine(image, np.eye(2) / 2, (2, -1.5)), atol=1e-4)
    np.testing.assert_allclose(found[-1, 0], image[-1, 0], atol=1e-5)


def test_crops_stay_inside_and_reach_the_edges():
    positions = jnp.stack(jnp.meshgrid(jnp.arange(9.0), jnp.arange(9.0), indexing="ij"), axis=-1)
    images = augmented(functools.partial(crop, min_area=0.25), positions, 2000)
    for axis in (0, 1):
        edges = images[:, 0, 0, axis], images[:, -1, -1, axis]
        shares = ((edges[1] - edges[0]) / 8) ** 2
        assert min(edges[0]) >= -1e-5
        assert max(edges[1]) <= 8 + 1e-5
        assert min(edges[0]) < 0.05
        assert max(edges[1]) > 7.95
        assert scipy.stats.kstest(shares, scipy.stats.uniform(0.25, 0.75).cdf).pvalue > 0.001


def test_an_elastic_field_is_smooth_with_the_given_standard_deviation():
    """The image holds its own coordinates; in its middle no pixel is moved beyond the edge."""
    positions = jnp.stack(jnp.meshgrid(jnp.arange(40.0), jnp.arange(40.0), indexing="ij"), axis=-1)
    moved = augmented(functools.partial(elastic, displacement=0.8, smoothness=3.0), positions, 300) - np.asarray(
        positions
    )
    inner = moved[:, 8:-8, 8:-8]
    np.testing.assert_allclose(inner.std(axis=0), 0.8, rtol=0.25)
    np.testing.assert_allclose(inner.std(), 0.8, rtol=0.05)
    np.testing.assert_allclose(inner.mean(), 0, atol=0.02)
    near = np.corrcoef(inner[:, 12, 12, 0], inner[:, 12, 13, 0])[0, 1]
    assert near == pytest.approx(np.exp(-1 / (4 * 3.0**2)), abs=0.02)  # two Gaussian kernels one pixel apart
    assert abs(np.corrcoef(inner[:, 12, 12, 0], inner[:, 12, 12, 1])[0, 1]) < 0.2


@pytest.mark.parametrize("size", [3, 4])
def test_a_cutout_is_a_square_of_the_mean_at_any_position(image, size):
    images = augmented(functools.partial(cutout, size=size), image, 1500)
    cut = (images != np.asarray(image)).all(axis=-1)
    assert cut.sum(axis=(1, 2)).max() == size**2
    assert cut.any(axis=0).all()
    np.testing.assert_allclose(images[cut], np.broadcast_to(image.mean(axis=(0, 1)), images[cut].shape), atol=1e-6)
    whole = cut[cut.sum(axis=(1, 2)) == size**2][0]
    assert whole.any(axis=0).sum() == whole.any(axis=1).sum() == size


def test_noise_is_gaussian_with_the_given_standard_deviation(image):
    added = augmented(functools.partial(noise, std=0.3), image, 50) - np.asarray(image)
    assert scipy.stats.kstest(added.ravel() / 0.3, scipy.stats.norm.cdf).pvalue > 0.001


def test_each_image_applies_augmentations_in_order_and_keeps_labels_and_weights(image):
    batch = data.Dataset(jnp.stack([image, -image]), jnp.array([3, 4]), jnp.array([1.0, 2.0]))
    doubled = each_image(lambda key, image: image + 1, lambda key, image: 2 * image)(jax.random.key(0), batch)
    np.testing.assert_allclose(doubled.inputs, 2 * (batch.inputs + 1))
    assert doubled.labels is batch.labels
    assert doubled.weights is batch.weights


def test_inputs_that_are_not_images_raise_an_error(image):
    table = data.Dataset(jnp.ones((4, 3)), jnp.zeros(4, int), jnp.ones(4))
    with pytest.raises(ValueError, match=r"augmentation needs images as inputs, .*, got \(4, 3\)"):
        each_image(flip)(jax.random.key(0), table)
    with pytest.raises(ValueError, match="max_pixels must be at least 0, got -1"):
        shift(jax.random.key(0), image, max_pixels=-1)
