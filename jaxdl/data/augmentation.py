"""Augmentation: a training image seen another way each time, by pure functions of a key and one image.

An image is (height, width, channels), and so is what comes out, in the same precision. Beyond its edges an image goes
on as its edge; so all but `noise` commute with what standardization does, x → a x + b by channel, and may come before
or after it. `each_image` makes of them what `training.supervised(augment=...)` takes.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Key

from jaxdl.data.dataset import Dataset

Image = Float[Array, "height width channels"]


def each_image(*augmentations: Callable[[Array, Array], Array]) -> Callable[[Array, Dataset], Dataset]:
    """All of them, one after another, for every image of a batch by a key of its own: `each_image(shift, flip)`.

    Settings are given by `functools.partial(rotate, most=30.0)`. Labels and weights stay. What comes out raises
    ValueError for a batch whose inputs are no images (examples, height, width, channels).
    """

    def augment(key: Key[Array, ""], batch: Dataset) -> Dataset:
        if batch.inputs.ndim != 4:
            raise ValueError(
                "inputs must be images (examples, height, width, channels) to be augmented, but have the shape "
                f"{batch.inputs.shape}."
            )

        def of_one(key, image):
            for number, augmentation in enumerate(augmentations):
                image = augmentation(jax.random.fold_in(key, number), image)
            return image

        return batch._replace(inputs=jax.vmap(of_one)(jax.random.split(key, batch.inputs.shape[0]), batch.inputs))

    return augment


def shift(key: Key[Array, ""], image: Image, *, most: int = 2) -> Image:
    """Moved by whole pixels, from -most to most along each axis, all equally likely."""
    if most < 0:
        raise ValueError(f"most must be at least 0 pixels, but was {most}.")
    padded = jnp.pad(image, ((most, most), (most, most), (0, 0)), mode="edge")
    down, right = jax.random.randint(key, (2,), 0, 2 * most + 1)
    return jax.lax.dynamic_slice(padded, (down, right, 0), image.shape)


def flip(key: Key[Array, ""], image: Image, *, rate: Float[ArrayLike, ""] = 0.5) -> Image:
    """Left and right exchanged, with this probability."""
    return jnp.where(jax.random.bernoulli(key, rate), image[:, ::-1], image)


def crop(key: Key[Array, ""], image: Image, *, least: Float[ArrayLike, ""] = 0.7) -> Image:
    """A window of the same form anywhere in the image, of a share of its area from `least` to 1, scaled to all of it.

    The share and the place are uniform. Szegedy et al., *Going deeper with convolutions* (2015), section 6.
    """
    of_area, of_place = jax.random.split(key)
    side = jnp.sqrt(jax.random.uniform(of_area, minval=least, maxval=1.0))
    place = jax.random.uniform(of_place, (2,), minval=-1.0, maxval=1.0)  # from one end to the other
    half = _half(image)
    return _resampled(image, side * jnp.eye(2), place * (1 - side) * half)


def rotate(key: Key[Array, ""], image: Image, *, most: Float[ArrayLike, ""] = 15.0) -> Image:
    """Turned about its centre by an angle that is uniform from -most to most, in degrees."""
    angle = jnp.deg2rad(jax.random.uniform(key, minval=-1.0, maxval=1.0) * most)
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return _resampled(image, jnp.array([[cosine, sine], [-sine, cosine]]), jnp.zeros(2))


def scale(
    key: Key[Array, ""], image: Image, *, least: Float[ArrayLike, ""] = 0.9, most: Float[ArrayLike, ""] = 1.1
) -> Image:
    """Made larger about its centre by a factor from `least` to `most`, whose logarithm is uniform."""
    low, high = jnp.log(jnp.asarray(least, jnp.float32)), jnp.log(jnp.asarray(most, jnp.float32))
    factor = jnp.exp(low + (high - low) * jax.random.uniform(key))
    return _resampled(image, jnp.eye(2) / factor, jnp.zeros(2))


def elastic(
    key: Key[Array, ""], image: Image, *, strength: Float[ArrayLike, ""] = 1.0, smoothness: Float[ArrayLike, ""] = 4.0
) -> Image:
    r"""Every pixel moved by a smooth random field.

    Uniform noise, smoothed by a Gaussian whose deviation is `smoothness` pixels, and scaled so that the displacement
    along each axis has the deviation `strength`, in pixels, everywhere. Simard, Steinkraus and Platt, *Best practices
    for convolutional neural networks* (2003).
    """
    height, width, _ = image.shape
    down, right = _gaussian(height, smoothness), _gaussian(width, smoothness)
    noise = jax.random.uniform(key, (2, height, width), minval=-1.0, maxval=1.0) * jnp.sqrt(3.0)  # of variance 1
    spread = jnp.sqrt(jnp.outer((down**2).sum(axis=1), (right**2).sum(axis=1)))
    rows, columns = strength * (down @ noise @ right.T) / spread
    return _sampled(image, jnp.arange(height)[:, None] + rows, jnp.arange(width)[None] + columns)


def cutout(key: Key[Array, ""], image: Image, *, size: int = 4) -> Image:
    """A square of so many pixels a side gets the mean of the image by channel; its centre is any, so it may be cut off.

    DeVries and Taylor, *Improved regularization of convolutional neural networks with cutout* (2017).
    """
    height, width, _ = image.shape
    of_row, of_column = jax.random.split(key)
    rows = jnp.arange(height) - jax.random.randint(of_row, (), 0, height)
    columns = jnp.arange(width) - jax.random.randint(of_column, (), 0, width)
    inside = [(-size / 2 <= place) & (place < size / 2) for place in (rows, columns)]
    return jnp.where((inside[0][:, None] & inside[1])[..., None], image.mean(axis=(0, 1)), image)


def noise(key: Key[Array, ""], image: Image, *, deviation: Float[ArrayLike, ""] = 0.1) -> Image:
    """Gaussian noise added to every number, with this deviation in the units of the image."""
    drawn = jax.random.normal(key, image.shape, jnp.float32)
    return image + (deviation * drawn).astype(image.dtype)


def _half(image):
    """The place of the centre, in pixels from the first."""
    return (jnp.array(image.shape[:2]) - 1) / 2


def _resampled(image, matrix, offset):
    """The image at matrix @ place + offset for every place, both from the centre, in pixels."""
    height, width, _ = image.shape
    places = jnp.stack(jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij"), axis=-1) - _half(image)
    rows, columns = jnp.moveaxis(places @ matrix.T + offset + _half(image), -1, 0)
    return _sampled(image, rows, columns)


def _sampled(image, rows, columns):
    """The image between its pixels, bilinearly."""
    height, width, _ = image.shape
    rows, columns = jnp.broadcast_arrays(rows.clip(0, height - 1), columns.clip(0, width - 1))
    above, left = jnp.floor(rows).astype(int), jnp.floor(columns).astype(int)
    below, right = jnp.minimum(above + 1, height - 1), jnp.minimum(left + 1, width - 1)
    down, across = ((place - of).astype(image.dtype)[..., None] for place, of in ((rows, above), (columns, left)))
    upper = image[above, left] * (1 - across) + image[above, right] * across
    lower = image[below, left] * (1 - across) + image[below, right] * across
    return upper * (1 - down) + lower * down


def _gaussian(size, deviation):
    """A matrix that smooths a column of this size."""
    away = jnp.arange(size)[:, None] - jnp.arange(size)
    return jnp.exp(-(away**2) / (2 * jnp.asarray(deviation, jnp.float32) ** 2))
