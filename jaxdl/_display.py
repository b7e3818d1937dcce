"""Short texts and tables of results, for prompts and notebooks: `repr` and `_repr_html_`.

A result of training holds thousands of numbers, so its `repr` names shapes, and shows values of a few numbers only.
Imports jax only where a tree is counted.
"""

import html
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, NoReturn

import numpy as np

from jaxdl._printable import printable

MAX_SHOWN = 8  # numbers of an array, or entries of a dictionary, to show
MAX_ROWS = 20  # rows of a table to show
MAX_LINE = 120  # characters; a longer text gets one line for each field


def short_repr(value: Any) -> str:
    """Return the fields of a NamedTuple with their shapes: on one line, or one line for each field."""
    return _on_lines(type(value).__name__, _fields(value))


def line_repr(value: Any) -> str:
    """Return the fields of a NamedTuple on one line, whatever its length."""
    return labeled(type(value).__name__, *_fields(value))


def field_table(value: Any) -> str:
    """Return the fields of a NamedTuple with their shapes as a table in HTML, for `_repr_html_`."""
    return html_table([("field", "value"), *((name, summarized(field)) for name, field in value._asdict().items())])


def labeled(name: str, *facts: str) -> str:
    """Return `Name(fact, fact)`, as the `repr` of a result; empty facts are left out."""
    return f"{name}({', '.join(filter(None, facts))})"


def summarized(value: Any) -> str:
    """Return a short text of any value: a few numbers, shape and dtype of an array, the number of arrays of a tree."""
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float | np.generic):
        return _number(value)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(value)
    if hasattr(value, "_fields"):
        return short_repr(value)
    if isinstance(value, Mapping | tuple | list):
        return _container(value)
    if callable(value):
        return getattr(value, "__qualname__", type(value).__name__).replace(".<locals>", "")
    return repr(value) if len(repr(value)) <= MAX_LINE else type(value).__name__


def span(values: Any) -> str:
    """Return the value, or the range of several values, as text: "0.21 to 0.35"."""
    values = np.asarray(values)
    low, high = values.min(), values.max()
    return _number(low) if low == high or low != low else f"{_number(low)} to {_number(high)}"


def text_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Align rows of texts, the first of them the headings; `right` lists the columns aligned on the right."""
    split = ([printable(text).split("\n") for text in row] for row in rows)
    lines = [line for row in split for line in zip_longest(*row, fillvalue="")]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    aligned = (
        (text.rjust(width) if column in right else text.ljust(width))
        for line in lines
        for column, (text, width) in enumerate(zip(line, widths, strict=True))
    )
    return "\n".join("  ".join(line).rstrip() for line in zip(*[aligned] * len(widths), strict=True))


def html_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Return the same table in HTML; a line break in a text starts a new line of its cell, and other lines wrap."""
    lines = []
    for number, row in enumerate(rows):
        tag = "td" if number else "th"
        cells = (_cell(tag, text, "right" if column in right else "left") for column, text in enumerate(row))
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _cell(tag, text, side) -> str:
    wrap = "pre" if "\n" in text else "pre-wrap"  # the columns of a matrix stay together
    return f'<{tag} style="text-align: {side}; white-space: {wrap}">{html.escape(text)}</{tag}>'


class Table(tuple):
    """A tuple that is displayed as a table; a subclass returns its headings and rows in `_cells`."""

    _right: tuple[int, ...] = ()

    def _cells(self) -> list[tuple[str, ...]]:
        raise NotImplementedError

    def __repr__(self) -> str:
        """Return the table as text."""
        return text_table(self._cells(), right=self._right)

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return html_table(self._cells(), right=self._right)


class Columns(dict):
    """A dictionary of columns of equal length that is displayed as a table, without the rows after the first 20."""

    def __missing__(self, name: Any) -> NoReturn:
        """Raise KeyError with the names of all columns."""
        raise KeyError(f"the table has no column {name!r}: it has {', '.join(self)}")

    def _cells(self) -> list[tuple[str, ...]]:
        columns = [[_number(value) for value in np.asarray(column)[:MAX_ROWS]] for column in self.values()]
        return [tuple(self), *zip(*columns, strict=True)]

    def _more(self) -> str:
        rows = len(next(iter(self.values()), ()))
        return f"and {rows - MAX_ROWS} more rows" if rows > MAX_ROWS else ""

    def __repr__(self) -> str:
        """Return the table as text."""
        return "\n".join(filter(None, [text_table(self._cells(), right=range(len(self))), self._more()]))

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return html_table(self._cells(), right=range(len(self))) + self._more()


def _fields(value) -> list[str]:
    return [f"{name}={summarized(field)}" for name, field in value._asdict().items()]


def _on_lines(name, fields) -> str:
    line = labeled(name, *fields)
    if len(line) <= MAX_LINE and "\n" not in line:
        return line
    indented = [f"  {field},".replace("\n", "\n  ") for field in fields]
    return "\n".join([f"{name}(", *indented, ")"])


def _number(number) -> str:
    return f"{number:.4g}" if isinstance(number, float | np.floating) else str(number)


def _array(array) -> str:
    kind = getattr(array.dtype, "kind", "")
    if 0 < array.size <= MAX_SHOWN and array.ndim <= 1:
        try:
            numbers = np.asarray(array)
        except (TypeError, RuntimeError):  # traced, deleted, on another process, or keys
            numbers = np.zeros(0, object)
        if numbers.dtype.kind in "biuf":  # a ShapeDtypeStruct becomes an object
            return _numbers(numbers)
    return f"{'text' if kind == 'U' else array.dtype.name}{list(array.shape)}"


def _numbers(array) -> str:
    shown = [_number(number) for number in array.ravel()]
    return f"[{', '.join(shown)}]" if array.ndim else shown[0]


def _container(value) -> str:
    """Return the entries of a small flat container of short texts, else the size of the tree."""
    if not isinstance(value, Mapping):
        simple = all(isinstance(entry, bool | int | float | str) or callable(entry) for entry in value)
        if not (simple and len(value) <= MAX_SHOWN):
            return _tree(value)
        return f"({', '.join(map(summarized, value))}{',' * (len(value) == 1)})"
    if len(value) > MAX_SHOWN or any(isinstance(entry, Mapping | tuple | list) for entry in value.values()):
        return _tree(value)
    return "{" + ", ".join(f"{key!r}: {summarized(entry)}" for key, entry in value.items()) + "}"


def _tree(tree) -> str:
    import jax

    sizes = [np.size(leaf) if not hasattr(leaf, "size") else leaf.size for leaf in jax.tree.leaves(tree)]
    return f"<{len(sizes)} array{'s' * (len(sizes) != 1)}, {sum(sizes):,} number{'s' * (sum(sizes) != 1)}>"
