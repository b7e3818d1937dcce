import io
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import jaxdl.functional as F
from jaxdl.__main__ import main
from jaxdl.backpropagation import WORKED_EXAMPLES, layer, trace, worked_example
from jaxdl.cli.trace import trace_table
from jaxdl.reports.formatting import format_array
from jaxdl.runs import files

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize("name", WORKED_EXAMPLES)
def test_a_page_is_printed_as_it_was_checked(name, capsys, monkeypatch):
    """After a change that is meant, COLUMNS=120 jaxdl trace NAME | sed 's/ *$//' > tests/golden/NAME.txt; read it."""
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["trace", name]) == 0
    printed = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert printed == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_no_page_has_another_golden_file():
    assert {path.stem for path in GOLDEN.iterdir()} == set(WORKED_EXAMPLES)


def test_a_page_can_be_had_for_the_web(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["trace", "xor", "--out", str(tmp_path / "page")]) == 0
    html = (tmp_path / "page" / "report.html").read_text()
    this = worked_example("xor")
    for step in this.steps:
        assert f"<code>{step.name}</code>" in html
    for said in (this.title, this.formula, "x2ᵀ @ ∂L/∂x3", "where(x1 &lt;= 0, 0, x1)", "is a row written as a column"):
        assert said in html
    (written,) = files.read_json(tmp_path / "page" / "pages.json")
    assert written["steps"][3]["value"] == [["0", "-1"], ["1", "0"], ["1", "0"], ["2", "1"]]
    assert main(["trace", "xor", "--out", str(tmp_path / "page")]) == 2
    assert "out must be a new or an empty directory" in capsys.readouterr().err


def test_a_key_is_shown_as_one_and_brackets_as_they_are():
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.weighted_mean))
    steps = trace(network, ((jax.random.key(0),), (-jnp.ones(2),)), jnp.zeros(2))
    console = Console(width=120, file=io.StringIO())
    steps = (*steps, steps[0]._replace(formula="x[red] + y[/]"))
    console.print(trace_table(steps))
    told = console.file.getvalue()
    assert "a key" in told
    assert "x[red] + y[/]" in told
    assert "-0 " not in told


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (2.5, [["2.5"]]),
        (jnp.array([1, -20]), [["1", "-20"]]),
        (np.array([0.00012345, -0.0]), [["1.234e-04", "0"]]),
        (np.array([[1 / 3], [100.0]]), [["0.3333"], ["100"]]),
        (np.arange(4.0).reshape(1, 2, 2, 1), [["0", "1"], ["2", "3"]]),
        (np.full((1, 1, 1, 1), 7.0), [["7"]]),
        (np.array([np.nan, np.inf]), [["nan", "inf"]]),
        (np.arange(100.0), [["100 numbers from 0 to 99"]]),
        (np.zeros((0, 2)), []),
        (np.zeros((2, 0)), []),
        (np.arange(16.0), [[str(number) for number in range(16)]]),
        (np.arange(17.0), [["17 numbers from 0 to 16"]]),
        (np.arange(64.0).reshape(8, 8), np.arange(64).reshape(8, 8).astype(str).tolist()),
        (np.arange(65.0).reshape(13, 5), [["65 numbers from 0 to 64"]]),
        (np.array([-0.00012345, 0.0005, 0.002]), [["-1.234e-04", "0.0005", "0.002"]]),
    ],
)
def test_numbers_are_written_to_four_digits(value, rows):
    assert format_array(value) == rows


def test_shapes_prints_both_forms_and_what_layers_cost(capsys):
    assert main(["shapes", "784-16-10", "--batch", "5"]) == 0
    printed = capsys.readouterr().out
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.strip()}
    assert lines["x1"] == ["dense", "5×16", "16×1"]
    assert lines["weights3"] == ["dense", "16×10", "10×16"]
    assert lines["x3"] == ["dense", "5×10", "10×1"]
    assert lines["weights5"] == ["weighted_mean", "5", "1×1"]
    assert lines["all"] == ["12,730", "12,704"]
    assert "dense   16       12,560       12,544" in printed


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shapes", "784"], "a network must be an input and its layers joined by -"),
        (["shapes", "784-0-10"], "layer 1 of the network, '0', with input 784: a layer must be written as 16 (dense)"),
        (["shapes", "784-ten"], "a layer must be written as 16 (dense), 6@5p2s1 (convolution)"),
        (["shapes", "4-2", "--batch", "0"], "the batch size must be at least 1, got 0"),
        (["shapes", "28x28-10"], "such as 784-16-10 or 28x28x1-6@5-max2-10"),
        (["shapes", "99999999999-99999999999"], "a network must be an input and its layers"),
        (["shapes", "8x8x1-9@9"], "layer 1 of the network, '9@9', with input 8×8×1:"),
        (["shapes", "8x8x1-max9"], "layer 1 of the network, 'max9', with input 8×8×1:"),
        (["shapes", "784-6@5"], "a convolution or a pooling needs an image"),
        (
            ["shapes", "8x8x1-10-6@5"],
            "layer 2 of the network, '6@5', with input 10: a convolution or a pooling needs an image",
        ),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, told, capsys):
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


def test_a_row_of_numbers_is_not_broken_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["trace", "xor"]) == 0
    assert "-0.0625  -0.0625  -0.0625  0.1875" in capsys.readouterr().out
