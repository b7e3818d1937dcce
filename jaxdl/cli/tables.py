"""The style of all tables that the commands print."""

from rich import box
from rich.table import Table


def plain_table(title: str) -> Table:
    """Return a table without columns: a title on the left, a line below the headings, no line between rows."""
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0))
