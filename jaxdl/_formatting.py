"""Format shapes, numbers and wrong arguments as text, for pages, tables, notebooks and errors."""

import inspect
import numbers
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from jaxdl.system.keys import is_key

MAX_VALUES, MAX_COLUMNS = 64, 16  # larger arrays are summarized by their range


def format_shape(shape: Sequence[int], scalar: str = "") -> str:
    """Format a shape as 10×9; the empty shape as `scalar`."""
    return "×".join(map(str, shape)) or scalar


def format_shapes(shapes_of_cases: Iterable) -> str:
    """List the distinct shapes over all cases, each of the first argument that is not a scalar."""
    shown = (next(filter(None, shapes), ()) for shapes in shapes_of_cases)
    return ", ".join(dict.fromkeys(format_shape(shape, "scalar") for shape in shown))


def format_array(value: Any) -> list[list[str]]:
    """Format an array as rows of numbers with four digits; a large array as its size and range, a key as "a key"."""
    if is_key(value):
        return [["a key"]]
    array = np.asarray(value) + 0  # turns -0 into 0
    if not array.size:
        return []
    if array.size > MAX_VALUES or (array.ndim and array.shape[-1] > MAX_COLUMNS):
        return [[f"{array.size} numbers from {format_number(array.min())} to {format_number(array.max())}"]]
    array = array.squeeze() if array.ndim > 2 else array
    rows = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    return [[format_number(number) for number in row] for row in rows]


def format_lines(value: Any) -> str:
    """Format an array as lines of aligned numbers, as `format_array` does."""
    rows = format_array(value)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)


def format_number(number: Any) -> str:
    """Format with four digits after the point, without trailing zeros; small numbers in scientific notation."""
    if 0 < abs(number) < 5e-4:
        return f"{number:.3e}"
    return f"{number:.4f}".rstrip("0").rstrip(".") if np.issubdtype(type(number), np.floating) else str(number)


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer or an array with one integer, but not True or False."""
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def format_argument(value: Any) -> str:
    """Describe a wrong argument in an error: short texts and numbers as they are, functions by name, others by type."""
    if value is None or isinstance(value, str | numbers.Number):
        return repr(value) if len(repr(value)) <= MAX_VALUES else f"a {type(value).__name__}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if inspect.isroutine(value):
        return f"the function {value.__name__}"
    is_array = hasattr(value, "shape") and hasattr(value, "dtype")
    return f"an array of {value.dtype} of the shape {value.shape}" if is_array else type(value).__name__
