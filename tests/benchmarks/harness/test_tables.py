"""The tables and sentences that are printed."""

import io

from rich.console import Console

from benchmarks.harness import tables
from jaxdl.runs.files import read_json


def test_the_terminal_shows_the_same_as_the_page(results):
    stream = io.StringIO()
    for case in read_json(results / "example.json")["cases"]:
        tables.print_case(case, Console(file=stream, width=200))
    for text in (
        "growing: time per member",
        "75 % interval",
        "Time per member: 1 s for number 0; 2 times as long (2 to 2) for number 1.",
        "Not reached: 2 (2 to 2). Because.",
        "skipped: uninstalled: no_such_package not installed",
        "skipped: skipped (no data)",
    ):
        assert text in stream.getvalue()


def test_competitors_of_different_sizes_are_all_named_in_the_sentence():
    rows = [{"name": f"width {size}", "size": size, "ratio": size, "seconds_per_unit": 2e-3} for size in (1, 2, 4)]
    sentence = tables.summary_sentence({"unit": "epoch", "rows": rows})
    assert sentence == "Time per epoch: 2 ms for width 1. Relative to that: 2 for width 2, 4 for width 4."
