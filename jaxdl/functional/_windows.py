"""Windows that slide over an image, handled along one axis at a time: padding, reading and adding back."""

import jax
import jax.numpy as jnp

Pair = tuple[int, int]
Padding = str | tuple[Pair, Pair]


def padding_around(size, window, stride, padding, dilation=(1, 1)) -> tuple:
    """Return the rows (above, below) and the columns (left, right) that the padding adds to an image of this size.

    "VALID" adds none; "SAME" makes the output ceil(size / stride), with an odd one at the end, as jax, Flax and
    TensorFlow do. Raises ValueError for a malformed window, stride, dilation or padding, and if no window fits.
    """
    spans = window_spans(window, stride, dilation)
    if padding in ("SAME", "VALID"):
        padding = tuple(jax.lax.padtype_to_pads(size, spans, stride, padding))
    ends = padding if isinstance(padding, tuple) else ()
    if (
        len(ends) != 2
        or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in ends)
        or not all(isinstance(n, int) and n >= 0 for pair in ends for n in pair)
    ):
        raise ValueError(
            'padding must be "SAME", "VALID" or the rows and columns to add at each end, such as ((1, 1), (2, 2)), '
            f"got {padding!r}."
        )
    padded = tuple(n + sum(ends) for n, ends in zip(size, padding, strict=True))
    if spans[0] > padded[0] or spans[1] > padded[1]:
        raise ValueError(
            f"window must fit into the padded image, got a window that spans {spans} pixels for an image of {padded}. "
            "Use more padding, less dilation or a smaller window."
        )
    return padding


def window_spans(window, stride, dilation) -> Pair:
    """Return the rows and columns that a dilated window spans. Raises ValueError for a malformed setting."""
    for name, pair in [("window", window), ("stride", stride), ("dilation", dilation)]:
        if not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(n, int) and n >= 1 for n in pair)):
            raise ValueError(f"{name} must be two numbers of at least 1, such as (2, 2), got {pair}.")
    return (window[0] - 1) * dilation[0] + 1, (window[1] - 1) * dilation[1] + 1


def to_batch_last(x: jax.Array) -> jax.Array:
    """Transpose images to (height, channels, width, batch): rows are slices of memory, and shifts move long runs."""
    return x.transpose(1, 3, 2, 0)


def to_batch_first(x: jax.Array) -> jax.Array:
    """Transpose images back to (batch, height, width, channels)."""
    return x.transpose(3, 0, 2, 1)


def pad(x: jax.Array, padding: tuple, value: float = 0.0) -> jax.Array:
    """Add rows and columns around images of the axes (height, channels, width, batch)."""
    rows, columns = padding
    return jnp.pad(x, (rows, (0, 0), columns, (0, 0)), constant_values=value)


def crop(x: jax.Array, padding: tuple) -> jax.Array:
    """Remove the rows and columns that padding added around images of the axes (height, channels, width, batch)."""
    (above, below), (left, right) = padding
    return x[above : x.shape[0] - below, :, left : x.shape[2] - right]


def unfold(x: jax.Array, axis: int, window: int, stride: int = 1, dilation: int = 1) -> list[jax.Array]:
    """Return, for each place 0, 1, … of the window along one axis, the pixels there, for all positions of the window.

    For a stride of s the pixels are first split into s phases (every s-th pixel), so that each result is contiguous.
    """
    size, before, after = x.shape[axis], x.shape[:axis], x.shape[axis + 1 :]
    positions, whole = (size - (window - 1) * dilation - 1) // stride + 1, -(-size // stride)
    filled = jax.lax.pad(x, jnp.zeros((), x.dtype), _ends(x.ndim, axis, 0, whole * stride - size))
    split = jax.lax.split(filled.reshape(*before, whole, stride, *after), (1,) * stride, axis + 1)
    phases = [phase.reshape(*before, whole, *after) for phase in split]
    return [
        jax.lax.slice_in_dim(phases[place % stride], place // stride, place // stride + positions, axis=axis)
        for place in range(0, window * dilation, dilation)
    ]


def fold(parts: list[jax.Array], axis: int, size: int, stride: int = 1, dilation: int = 1) -> jax.Array:
    """Transpose of `unfold`: add each part to the pixels from which `unfold` reads it, on an axis of the given size."""
    positions, whole = parts[0].shape[axis], -(-size // stride)
    before, after = parts[0].shape[:axis], parts[0].shape[axis + 1 :]
    phases = [jnp.zeros((*before, whole, *after), parts[0].dtype)] * stride
    for place, part in zip(range(0, len(parts) * dilation, dilation), parts, strict=True):
        ends = _ends(part.ndim, axis, place // stride, whole - place // stride - positions)
        phases[place % stride] += jax.lax.pad(part, jnp.zeros((), part.dtype), ends)
    interleaved = jnp.stack(phases, axis + 1).reshape(*before, whole * stride, *after)
    return jax.lax.slice_in_dim(interleaved, 0, size, axis=axis)


def _ends(rank, axis, before, after):
    """Return the padding configuration of `lax.pad` for padding along one axis."""
    return [(before, after, 0) if number == axis else (0, 0, 0) for number in range(rank)]
