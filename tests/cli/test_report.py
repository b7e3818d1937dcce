"""`jaxdl report`: the page of a finished, unfinished or damaged run."""

import json
import shutil

import numpy as np
import pytest
from rich.console import Console

from jaxdl.__main__ import main
from jaxdl.cli.report import page_at_end
from jaxdl.experiment import Experiment, Panel, conduct
from jaxdl.reports.page import _mistakes
from jaxdl.runs import files
from jaxdl.runs.manifest import with_digest


@pytest.fixture
def copy(digits_run, tmp_path):
    """A copy of a run that may be damaged."""
    return shutil.copytree(digits_run, tmp_path / "copy")


def test_report_writes_the_same_page_again(copy, capsys):
    page = (copy / "report.html").read_text()
    (copy / "report.html").unlink()
    assert main(["report", "copy"]) == 0
    assert (copy / "report.html").read_text() == page
    assert capsys.readouterr().out == "page: copy/report.html\n"


@pytest.mark.parametrize("damaged", ["metrics.parquet", "settings.json", "environment.json"])
def test_an_error_names_the_damaged_file(copy, capsys, damaged):
    (copy / damaged).write_text("{")
    assert main(["report", "copy"]) == 2
    assert f"copy/{damaged}" in capsys.readouterr().err


def test_a_run_without_its_evaluation_still_has_a_page(copy):
    (copy / "confusion.parquet").unlink()
    (copy / "cost.json").unlink()
    assert main(["report", "copy"]) == 0
    assert "4 of 4 epochs are done" in (copy / "report.html").read_text()


def test_an_unfinished_run_has_a_page_of_its_progress(digits_run, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    for name in ("settings.json", "environment.json"):
        shutil.copy(digits_run / name, out)
    lines = (digits_run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (out / "metrics.jsonl").write_text("".join(lines[:7]) + lines[7][:20])  # the last line is half-written
    assert main(["report", "run"]) == 0
    page = (out / "report.html").read_text()
    epochs = max(json.loads(line)["epoch"] for line in lines[:7])
    assert "3 networks on digits, unfinished" in page
    assert f"{epochs} of 4 epochs are done. To resume, repeat the command below with <code>--out run</code>." in page
    assert page.count('data-chart="learning_curves"') == 2


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_another_directory_is_an_error(name, capsys):
    assert main(["report", name]) == 2
    assert capsys.readouterr().err == f"error: {name} is not a run directory (no environment.json).\n"


@pytest.mark.parametrize("measured", [True, False])
def test_an_interrupted_command_writes_the_page_of_what_it_measured(measured, copy, tmp_path):
    console, directory = Console(record=True, width=120), copy if measured else tmp_path / "empty"
    (copy / "report.html").unlink()
    with pytest.raises(KeyboardInterrupt), page_at_end(directory, console):
        raise KeyboardInterrupt
    lines = console.export_text().splitlines()
    expected = [f"interrupted; finished results are saved in {copy}", f"page: {copy / 'report.html'}"]
    assert lines == (expected if measured else [])
    assert (copy / "report.html").exists() == measured


def test_no_name_in_a_received_directory_becomes_a_path(tmp_path, capsys):
    run = tmp_path / "run"
    (run / "experiments").mkdir(parents=True)
    files.write_json(run / "environment.json", {})
    panel = Panel("height", {"a": "all"})
    conduct(Experiment("a", 1, "", (), (panel,), 2, lambda keys: [("a", np.ones(2))]), run / "experiments")
    result = files.read_json(run / "experiments" / "a.json") | {"name": "../../escaped"}
    del result["sha256"]
    files.write_json(run / "experiments" / "a.json", with_digest(result))
    assert main(["report", "run"]) == 2
    error = "run/experiments has a result with the name '../../escaped', which cannot name a figure: it must not begin"
    assert error in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_link_in_a_received_directory_is_not_followed_and_no_address_is_shown(copy, tmp_path, capsys):
    shutil.rmtree(copy / "figures")
    (tmp_path / "elsewhere").mkdir()
    (copy / "figures").symlink_to(tmp_path / "elsewhere")
    assert main(["report", "copy"]) == 2
    assert "copy/figures is a link to" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())
    table = {"example": [1], "label": [2], "predicted": [3], "members_wrong": [1], "address": ["https://a.org/b.png"]}
    assert _mistakes(table) == [{"example": 1, "label": 2, "predicted": 3, "members_wrong": 1}]


def test_another_error_writes_no_page(copy):
    (copy / "report.html").unlink()
    with pytest.raises(ZeroDivisionError), page_at_end(copy, Console(record=True)):
        raise ZeroDivisionError
    assert not (copy / "report.html").exists()
