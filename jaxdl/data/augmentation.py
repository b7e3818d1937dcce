"""Image augmentation: random changes of one image, as pure functions of a key and the image.

An image has the shape (height, width, channels); shape and precision stay the same. Outside an image its edge is
repeated. All functions but `noise` therefore commute with an affine map of each channel, x → a x + b, and may come
before or after standardization. `each_image` turns them into an argument for `training.Task(augment=...)`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from typing_extensions import TypeAliasType

from jaxdl.data._arguments import (
    check_above_zero,
    check_at_least,
    check_data,
    check_functions,
    check_integer,
    check_key,
    check_probability,
)
from jaxdl.data.dataset import Augmentation, Dataset
from jaxdl.functional._types import Scalar
from jaxdl.functional._validity import check_number

ImageAugmentation = TypeAliasType("ImageAugmentation", Callable[[Array, Array], Array])
Image = Float[Array, "height width channels"]


def each_image(*augmentations: ImageAugmentation) -> Augmentation:
    """Return a function that augments every image of a batch, with a key of its own.

    Args:
        *augmentations: Functions of a key and an image, applied one after another. Give settings with
            `functools.partial(rotate, max_degrees=30.0)`.

    Returns:
        A function of a key and a batch of images (examples, height, width, channels). It keeps labels and weights, and
        raises ValueError if the inputs are not images.

    Example:
        >>> from jaxdl import data
        >>> digits = data.take(data.load_digits(), [0, 0])
        >>> augmented = jax.jit(data.each_image(data.shift, data.rotate))(jax.random.key(0), digits)
        >>> augmented.inputs.shape, bool(jnp.array_equal(augmented.inputs[0], augmented.inputs[1]))
        ((2, 8, 8, 1), False)
    """
    check_functions("each_image", augmentations)

    def augment(key: Key[Array, ""], batch: Dataset) -> Dataset:
        check_key(key)
        check_data(batch, "batch")
        if np.ndim(batch.inputs) != 4:
            raise ValueError(
                "augmentation needs images as inputs, with the shape (examples, height, width, channels), got "
                f"{jax.tree.map(np.shape, batch.inputs)}."
            )

        def augment_one(key, image):
            for number, augmentation in enumerate(augmentations):
                image = augmentation(jax.random.fold_in(key, number), image)
            return image

        return batch._replace(inputs=jax.vmap(augment_one)(jax.random.split(key, batch.inputs.shape[0]), batch.inputs))

    return augment


def shift(key: Key[Array, ""], image: Image, *, max_pixels: int = 2) -> Image:
    """Move an image by a uniformly random whole number of pixels along each axis.

    Args:
        key: Random key.
        image: The image.
        max_pixels: Largest shift in either direction, at least 0.

    Returns:
        The shifted image.

    Raises:
        ValueError: If `image` is not one image, or `max_pixels` is negative.

    Example:
        >>> from jaxdl import data
        >>> row = jnp.arange(4.0).reshape(1, 4, 1)
        >>> data.shift(jax.random.key(3), row, max_pixels=2)[0, :, 0].tolist()
        [2.0, 3.0, 3.0, 3.0]
    """
    _check(key, image)
    check_integer("max_pixels", max_pixels, 0)
    padded = jnp.pad(image, ((max_pixels, max_pixels), (max_pixels, max_pixels), (0, 0)), mode="edge")
    down, right = jax.random.randint(key, (2,), 0, 2 * max_pixels + 1)
    return jax.lax.dynamic_slice(padded, (down, right, 0), image.shape)


def flip(key: Key[Array, ""], image: Image, *, probability: Scalar = 0.5) -> Image:
    """Exchange left and right with the given probability.

    Args:
        key: Random key.
        image: The image.
        probability: Probability of a flip, in [0, 1].

    Returns:
        The image or its mirror image.

    Raises:
        ValueError: If `image` is not one image, or the probability is out of range.

    Example:
        >>> from jaxdl import data
        >>> row = jnp.arange(3.0).reshape(1, 3, 1)
        >>> data.flip(jax.random.key(0), row, probability=1.0)[0, :, 0].tolist()
        [2.0, 1.0, 0.0]
    """
    _check(key, image)
    check_probability("probability", probability)
    return jnp.where(jax.random.bernoulli(key, probability), image[:, ::-1], image)


def crop(key: Key[Array, ""], image: Image, *, min_area: Scalar = 0.7) -> Image:
    """Cut out a random window with the aspect ratio of the image and enlarge it to the full size.

    Area and position of the window are uniform. Interpolation is bilinear.

    Args:
        key: Random key.
        image: The image.
        min_area: Smallest area of the window as a share of the image, in (0, 1].

    Returns:
        The window, at the size of the image.

    Raises:
        ValueError: If `image` is not one image, or `min_area` is out of range.

    References:
        Szegedy et al., *Going deeper with convolutions* (2015), section 6.

    Example:
        >>> from jaxdl import data
        >>> ramp = jnp.tile(jnp.arange(5.0), (5, 1))[..., None]
        >>> cropped = data.crop(jax.random.key(0), ramp, min_area=0.25)
        >>> bool(cropped.max() - cropped.min() < 4)  # the window is narrower than the image
        True
    """
    _check(key, image)
    check_above_zero("min_area", min_area)
    check_probability("min_area", min_area)
    area_key, position_key = jax.random.split(key)
    side = jnp.sqrt(jax.random.uniform(area_key, minval=min_area, maxval=1.0))
    position = jax.random.uniform(position_key, (2,), minval=-1.0, maxval=1.0)  # -1 and 1 touch the edges
    return _affine(image, side * jnp.eye(2), position * (1 - side) * _center(image))


def rotate(key: Key[Array, ""], image: Image, *, max_degrees: Scalar = 15.0) -> Image:
    """Rotate an image about its center by a uniformly random angle. Interpolation is bilinear.

    Args:
        key: Random key.
        image: The image.
        max_degrees: Largest angle in either direction, in degrees.

    Returns:
        The rotated image.

    Raises:
        ValueError: If `image` is not one image.

    Example:
        >>> from jaxdl import data
        >>> image = jnp.zeros((5, 5, 1)).at[2, 2].set(1.0)
        >>> float(data.rotate(jax.random.key(0), image, max_degrees=90.0)[2, 2, 0])  # the center stays
        1.0
    """
    _check(key, image)
    check_number("max_degrees", max_degrees)
    angle = jnp.deg2rad(jax.random.uniform(key, minval=-1.0, maxval=1.0) * max_degrees)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return _affine(image, jnp.array([[cosine, sine], [-sine, cosine]]), jnp.zeros(2))


def scale(
    key: Key[Array, ""],
    image: Image,
    *,
    min_factor: Scalar = 0.9,
    max_factor: Scalar = 1.1,
) -> Image:
    """Enlarge or shrink an image about its center by a random factor whose logarithm is uniform.

    Args:
        key: Random key.
        image: The image.
        min_factor: Smallest factor, above 0; factors below 1 shrink.
        max_factor: Largest factor.

    Returns:
        The scaled image, at the size of the image.

    Raises:
        ValueError: If `image` is not one image, or a factor is not above 0.

    Example:
        >>> from jaxdl import data
        >>> row = jnp.array([0.0, 0.0, 4.0, 0.0, 0.0]).reshape(1, 5, 1)
        >>> data.scale(jax.random.key(0), row, min_factor=2.0, max_factor=2.0)[0, :, 0].round(3).tolist()
        [0.0, 2.0, 4.0, 2.0, 0.0]
    """
    _check(key, image)
    check_above_zero("min_factor", min_factor)
    check_above_zero("max_factor", max_factor)
    low, high = jnp.log(jnp.asarray(min_factor, jnp.float32)), jnp.log(jnp.asarray(max_factor, jnp.float32))
    factor = jnp.exp(low + (high - low) * jax.random.uniform(key))
    return _affine(image, jnp.eye(2) / factor, jnp.zeros(2))


def elastic(
    key: Key[Array, ""],
    image: Image,
    *,
    displacement: Scalar = 1.0,
    smoothness: Scalar = 4.0,
) -> Image:
    r"""Move every pixel by a smooth random displacement field.

    Uniform noise is smoothed by a Gaussian kernel and scaled, so that the displacement along each axis has the same
    standard deviation at every pixel. Interpolation is bilinear.

    Args:
        key: Random key.
        image: The image.
        displacement: Standard deviation of the displacement along each axis, in pixels.
        smoothness: Standard deviation of the Gaussian kernel, in pixels.

    Returns:
        The deformed image.

    Raises:
        ValueError: If `image` is not one image, or a setting is out of range.

    References:
        Simard, Steinkraus and Platt, *Best practices for convolutional neural networks* (2003).

    Example:
        >>> from jaxdl import data
        >>> column = jnp.arange(6.0)
        >>> image = jnp.tile(column[:, None, None], (1, 6, 1))  # each pixel holds its row
        >>> moved = data.elastic(jax.random.key(0), image, displacement=0.5) - image
        >>> moved.shape, bool(0 < jnp.abs(moved).max() < 3)
        ((6, 6, 1), True)
    """
    _check(key, image)
    check_at_least("displacement", displacement, 0)
    check_above_zero("smoothness", smoothness)
    height, width, _ = image.shape
    down, right = _gaussian_kernel(height, smoothness), _gaussian_kernel(width, smoothness)
    noise = jax.random.uniform(key, (2, height, width), minval=-1.0, maxval=1.0) * jnp.sqrt(3.0)  # of variance 1
    std = jnp.sqrt(jnp.outer((down**2).sum(axis=1), (right**2).sum(axis=1)))
    rows, columns = displacement * (down @ noise @ right.T) / std
    return _interpolate(image, jnp.arange(height)[:, None] + rows, jnp.arange(width)[None] + columns)


def cutout(key: Key[Array, ""], image: Image, *, size: int = 4) -> Image:
    """Replace a square around a uniformly random pixel by the mean of each channel.

    The square may reach beyond the image; the part outside has no effect.

    Args:
        key: Random key.
        image: The image.
        size: Side of the square, in pixels.

    Returns:
        The image with the square replaced.

    Raises:
        ValueError: If `image` is not one image, or `size` is negative.

    References:
        DeVries and Taylor, *Improved regularization of convolutional neural networks with cutout* (2017).

    Example:
        >>> from jaxdl import data
        >>> image = jnp.arange(16.0).reshape(4, 4, 1)
        >>> changed = data.cutout(jax.random.key(0), image, size=1) != image
        >>> int(changed.sum())
        1
    """
    _check(key, image)
    check_integer("size", size, 0)
    height, width, _ = image.shape
    row_key, column_key = jax.random.split(key)
    rows = jnp.arange(height) - jax.random.randint(row_key, (), 0, height)
    columns = jnp.arange(width) - jax.random.randint(column_key, (), 0, width)
    inside = [(-size / 2 <= offset) & (offset < size / 2) for offset in (rows, columns)]
    return jnp.where((inside[0][:, None] & inside[1])[..., None], image.mean(axis=(0, 1)), image)


def noise(key: Key[Array, ""], image: Image, *, std: Scalar = 0.1) -> Image:
    """Add Gaussian noise to every value.

    Args:
        key: Random key.
        image: The image.
        std: Standard deviation of the noise, in the units of the image.

    Returns:
        The noisy image.

    Raises:
        ValueError: If `image` is not one image, or `std` is negative.

    Example:
        >>> from jaxdl import data
        >>> noisy = data.noise(jax.random.key(0), jnp.zeros((50, 50, 1)), std=0.1)
        >>> round(float(noisy.std()), 2)
        0.1
    """
    _check(key, image)
    check_at_least("std", std, 0)
    normal = jax.random.normal(key, image.shape, jnp.float32)
    return image + (std * normal).astype(image.dtype)


def _check(key, image) -> None:
    """Raise TypeError or ValueError unless the arguments are a random key and one image."""
    check_key(key)
    if np.ndim(image) != 3:
        raise ValueError(
            f"image must have the shape (height, width, channels), got {np.shape(image)}: data.each_image applies an "
            "augmentation to every image of a batch."
        )


def _center(image):
    """Return the position of the center, in pixels from the first pixel."""
    return (jnp.array(image.shape[:2]) - 1) / 2


def _affine(image, matrix, offset):
    """Sample the image at matrix @ position + offset for every position, both in pixels from the center."""
    height, width, _ = image.shape
    grid = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), axis=-1)
    positions = grid - _center(image)
    rows, columns = jnp.moveaxis(positions @ matrix.T + offset + _center(image), -1, 0)
    return _interpolate(image, rows, columns)


def _interpolate(image, rows, columns):
    """Sample the image at real coordinates, bilinearly."""
    height, width, _ = image.shape
    rows, columns = jnp.broadcast_arrays(rows.clip(0, height - 1), columns.clip(0, width - 1))
    above, left = jnp.floor(rows).astype(int), jnp.floor(columns).astype(int)
    below, right = jnp.minimum(above + 1, height - 1), jnp.minimum(left + 1, width - 1)
    down, across = ((exact - floor).astype(image.dtype)[..., None] for exact, floor in ((rows, above), (columns, left)))
    upper = image[above, left] * (1 - across) + image[above, right] * across
    lower = image[below, left] * (1 - across) + image[below, right] * across
    return upper * (1 - down) + lower * down


def _gaussian_kernel(size, std):
    """Return the matrix (size, size) that smooths a vector by a Gaussian."""
    distance = jnp.arange(size)[:, None] - jnp.arange(size)
    return jnp.exp(-(distance**2) / (2 * jnp.asarray(std, jnp.float32) ** 2))
