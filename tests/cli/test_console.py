"""Lines, warnings and the report on the data."""

import warnings

import pytest
from rich.console import Console

from jaxdl.cli import console as cli


@pytest.fixture
def console():
    return Console(record=True, width=40)


def test_a_line_is_printed_without_markup_or_wrapping(console):
    text = f"[red]{'x' * 60}[/red]"
    cli.print_line(text, console)
    assert console.export_text() == f"{text}\n"


def test_escape_sequences_from_files_do_not_reach_the_terminal(console):
    cli.print_line("\x1b[2J\x9b1A", console)
    cli.print_warning("\x1b]0;title\x07", console)
    assert console.export_text() == "␛[2J\\x9b1A\n␛]0;title␇\n"


def test_warnings_are_printed_once_each_in_yellow(console):
    with cli.printed_warnings(console):
        for _ in range(2):
            warnings.warn("3 rows are empty [a]", stacklevel=1)
        warnings.warn("4 rows are empty", stacklevel=1)
    assert console.export_text(styles=True).split("\n")[:2] == [
        "\x1b[33m3 rows are empty [a]\x1b[0m",
        "\x1b[33m4 rows are empty\x1b[0m",
    ]


def test_warnings_after_the_block_are_warnings_again(console):
    with cli.printed_warnings(console):
        pass
    with pytest.warns(UserWarning, match="later"):
        warnings.warn("later", stacklevel=1)


def test_the_data_report_has_sizes_and_one_line_per_concern():
    console = Console(record=True, width=120)
    report = {
        "examples": {"train": 6, "dev": 2, "test": 2},
        "shape": [8, 8, 1],
        "classes": [{"class": "a", "train": 3, "dev": 1, "test": 2}, {"class": "b", "train": 3, "dev": 1, "test": 0}],
        "missing": {},
        "left_out": {"id": "it is constant"},
        "leakage": {"dev_in_train": 1, "test_in_train": 0},
    }
    cli.print_data_report(report, console)
    assert console.export_text().splitlines() == [
        "6 train, 2 dev, 2 test examples; 8×8×1 inputs, 2 classes",
        "column 'id' is not used: it is constant",
        "1 examples of dev (50.0 %) have exactly the inputs of an example of train",
        "test has no example of 1 classes, which have too few examples for every part: b",
    ]
