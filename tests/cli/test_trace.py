"""`jaxdl trace`: the printed worked examples, compared with files that were checked by hand."""

import io
import pathlib

import jax
import jax.numpy as jnp
import pytest
from rich.console import Console

import jaxdl.functional as F
from jaxdl.__main__ import main
from jaxdl.backpropagation import WORKED_EXAMPLES, layer, trace, worked_example
from jaxdl.cli.trace import trace_table
from jaxdl.runs import files

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", WORKED_EXAMPLES)
def test_a_worked_example_is_printed_as_in_its_golden_file(name, capsys, monkeypatch):
    """After a deliberate change: COLUMNS=120 jaxdl trace NAME | sed 's/ *$//' > tests/golden/NAME.txt, and read it."""
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["trace", name]) == 0
    printed = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert printed == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_worked_example():
    assert {path.stem for path in GOLDEN.iterdir()} == set(WORKED_EXAMPLES)


def test_out_writes_a_web_page_into_a_new_directory(capsys, tmp_path):
    assert main(["trace", "xor", "--out", "page"]) == 0
    assert "page: page/report.html" in capsys.readouterr().out
    html = (tmp_path / "page" / "report.html").read_text()
    example = worked_example("xor")
    for step in example.steps:
        assert f"<code>{step.name}</code>" in html
    for text in (
        example.title,
        example.formula,
        "x2ᵀ @ ∂L/∂x3",
        "where(x1 &lt;= 0, 0, x1)",
        "is a row written as a column",
    ):
        assert text in html
    (written,) = files.read_json(tmp_path / "page" / "pages.json")
    assert written["steps"][3]["value"] == [["0", "-1"], ["1", "0"], ["1", "0"], ["2", "1"]]
    assert main(["trace", "xor", "--out", "page"]) == 2
    assert "error: page is not empty: choose a new or an empty directory with --out." in capsys.readouterr().err


def test_a_key_is_printed_as_a_key_and_brackets_are_not_markup():
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.weighted_mean))
    steps = trace(network, ((jax.random.key(0),), (-jnp.ones(2),)), jnp.zeros(2))
    console = Console(width=120, file=io.StringIO())
    steps = (*steps, steps[0]._replace(formula="x[red] + y[/]"))
    console.print(trace_table(steps))
    output = console.file.getvalue()
    assert "a key" in output
    assert "x[red] + y[/]" in output
    assert "-0 " not in output


def test_a_row_of_numbers_stays_on_one_line_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["trace", "xor"]) == 0
    assert "-0.0625  -0.0625  -0.0625  0.1875" in capsys.readouterr().out
