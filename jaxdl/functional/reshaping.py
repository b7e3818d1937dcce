"""Other axes for the same numbers, from one kind of layer to the next."""

import math

from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated


def reshape(x: Float[Array, "batch *axes"], *, shape: tuple[int, ...] = (-1,)) -> Float[Array, "batch *new"]:
    """The numbers $y_{nj} = x_{ni}$ of each example, read row by row into axes of another shape.

    The default lays an image out in one row, as a dense layer takes it; `shape=()` makes a column of single numbers
    one number per example. At most one size may be -1: it is what the others leave. The batch axis stays, so that no
    example meets another. Raises ValueError where the sizes do not multiply to those of an example, and where x has no
    batch.
    """
    as_annotated(reshape, x)
    size = math.prod(x.shape[1:])
    known = math.prod(axis for axis in shape if axis != -1)
    unfit = known == 0 or size % known if -1 in shape else known != size
    if min(shape, default=0) < -1 or shape.count(-1) > 1 or unfit:
        raise ValueError(
            f"shape must hold {size} numbers, as each example {x.shape[1:]} of x does, but was {shape}: "
            "give sizes whose product that is, or one of them as -1."
        )
    return x.reshape(x.shape[0], *(size // known if axis == -1 else axis for axis in shape))


def reshape_vjp(g, x, *, shape=(-1,)):
    r"""Pull $g$ back to $x$: every number of $y$ is one number of $x$, hence $\bar x$ is $g$ in the shape of $x$."""
    return (g.reshape(x.shape),)


def reshape_examples(random):
    """An image to a row, a row to an image, a column to single numbers, and no example at all."""
    yield (random.standard_normal((3, 4, 5, 2)),), {}
    yield (random.standard_normal((3, 12)),), {"shape": (2, -1, 3)}
    yield (random.standard_normal((7, 1)),), {"shape": ()}
    yield (random.standard_normal((0, 4)),), {"shape": (2, 2)}
