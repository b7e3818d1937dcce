from rich.console import Console

from jaxdl.cli.tables import plain_table


def test_a_table_has_its_title_on_the_left_and_one_line_below_the_headings():
    console = Console(record=True, width=40)
    table = plain_table("Numbers")
    table.add_column("first letter")
    for number in ("1", "2"):
        table.add_row(number)
    console.print(table)
    assert [line.strip() for line in console.export_text().splitlines() if line.strip()] == [
        "Numbers",
        "first letter",
        "──────────────",
        "1",
        "2",
    ]
