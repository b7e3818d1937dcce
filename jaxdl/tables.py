"""Tables for a terminal, all of one look."""

from collections.abc import Sequence

from rich import box
from rich.table import Table


def plain_table(title: str) -> Table:
    """A table without columns yet: a title, a line below the headings, none between rows."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))


def sizes(shape: Sequence[int]) -> str:
    """A shape as 10×9; empty for that of one number."""
    return "×".join(map(str, shape))
