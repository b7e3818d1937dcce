"""Reshaping between layers, such as flattening an image for a dense layer."""

import math

from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations


def reshape(x: Float[Array, "batch *axes"], *, shape: tuple[int, ...] = (-1,)) -> Float[Array, "batch *new"]:
    r"""Reshape each example, $y_{nj} = x_{ni}$, in row-major order.

    The batch axis is kept, so numbers never move between examples.

    Args:
        x: Examples of shape (batch, ...).
        shape: New shape of one example. At most one size may be -1; it is inferred from the others. The default
            flattens; `()` turns a column of shape (batch, 1) into one number per example.

    Returns:
        The same numbers in the shape (batch, *shape).

    Raises:
        TypeError: If `x` is not floating.
        ValueError: If `x` has no batch axis, or the product of `shape` differs from the size of an example.

    Example:
        >>> images = jnp.zeros((2, 4, 5, 3))
        >>> F.reshape(images).shape, F.reshape(images, shape=(4, -1)).shape
        ((2, 60), (2, 4, 15))
    """
    check_annotations(reshape, x)
    size = math.prod(x.shape[1:])
    known = math.prod(axis for axis in shape if axis != -1)
    unfit = known == 0 or size % known if -1 in shape else known != size
    if min(shape, default=0) < -1 or shape.count(-1) > 1 or unfit:
        raise ValueError(
            f"shape must hold the {size} numbers of each example {x.shape[1:]}, got {shape}. "
            f"Give sizes with the product {size}, of which one may be -1."
        )
    return x.reshape(x.shape[0], *(size // known if axis == -1 else axis for axis in shape))


def reshape_vjp(g, x, *, shape=(-1,)):
    r"""Pull $g$ back to $x$: each number of $y$ is one number of $x$, hence $\bar x$ is $g$ in the shape of $x$."""
    return (g.reshape(x.shape),)


def reshape_examples(random):
    """An image to a row, a row to an image, a column to one number per example, and an empty batch."""
    yield (random.standard_normal((3, 4, 5, 2)),), {}
    yield (random.standard_normal((3, 12)),), {"shape": (2, -1, 3)}
    yield (random.standard_normal((1, 12)),), {"shape": (2, -1, 3)}
    yield (random.standard_normal((7, 1)),), {"shape": ()}
    yield (random.standard_normal((0, 4)),), {"shape": (2, 2)}
