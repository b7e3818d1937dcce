"""Results of experiments in the terminal and as a table."""

import pathlib
import sys
import types

import pytest
from rich.console import Console

import experiments
from jaxdl.__main__ import main
from jaxdl.cli import claims
from jaxdl.cli.settings import KeepResults, PrintTable
from jaxdl.experiment import Experiment
from jaxdl.experiment.origins import COURSE
from jaxdl.experiment.registration import Registration, read_registrations, register
from jaxdl.runs import files

CLAIM = {"says": "Both arms are equal.", "reading": "literal", "verdict": "supported", "finding": "They differ by 0."}
CLAIM |= {"rule": "exact", "comparisons": []}
RESULT = {
    "name": "coin",
    "item": 1,
    "chapter": "1.1",
    "sentence": "A coin falls.",
    "settings": "",
    "date": "2026",
    "claims": [CLAIM],
    "panels": [{"metric": "height", "arms": {"a": "all"}, "over": None, "thresholds": [], "means": []}],
    "seeds": 1,
    "seed": 0,
    "full": False,
    "functions": [],
    "seconds": 1.0,
}


def test_a_result_is_printed_with_reading_verdict_and_finding():
    console = Console(record=True, width=100)
    claims.print_result(RESULT, console)
    assert "coin literal: supported. Both arms are equal. They differ by 0." in console.export_text()


def test_the_table_has_a_row_per_claim_in_the_order_of_the_course(tmp_path):
    files.write_json(tmp_path / "a.json", {**RESULT, "name": "a", "item": 2})
    files.write_json(tmp_path / "b.json", {**RESULT, "name": "b", "claims": [CLAIM, {**CLAIM, "reading": ""}]})
    assert claims.markdown_table(tmp_path).splitlines() == [
        "| | claim | verdict |",
        "|---|---|---|",
        "| 1 | Both arms are equal. *(literal)* | supported |",
        "| 1 | Both arms are equal. | supported |",
        "| 2 | Both arms are equal. *(literal)* | supported |",
    ]


def test_the_table_has_no_escape_sequences(tmp_path):
    files.write_json(tmp_path / "a.json", {**RESULT, "claims": [{**CLAIM, "says": "\x1b[2J"}]})
    assert "| 1 | ␛[2J" in claims.markdown_table(tmp_path)
    files.write_json(tmp_path / "a.json", {**RESULT, "claims": [{}]})
    with pytest.raises(
        ValueError, match=r"a.json is damaged .* it.claims\[0\] is wrong: object missing required field `says`"
    ):
        claims.markdown_table(tmp_path)


def test_a_directory_without_results_raises(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no results of experiments \(NAME.json\)"):
        claims.markdown_table(tmp_path)


def test_the_progress_bars_name_the_current_experiment():
    console = Console(record=True, width=100, force_terminal=True)
    coin = Experiment("coin", 1, "A coin falls.", (), (), 16, lambda keys: [])
    with claims.progress_bars([coin], console) as on_progress:
        on_progress(coin, 1, 2)
    assert "coin" in console.export_text()


@pytest.fixture
def installed(tmp_path):
    """Return a package as a wheel carries it, with one registration and one result."""
    package = types.ModuleType(COURSE)
    package.__file__ = str(tmp_path / "site-packages" / "__init__.py")
    kept = tmp_path / "site-packages" / "results"
    kept.mkdir(parents=True)
    line = {"date": "2026-01-01", "experiment": "coin", "hash": "ab", "outcome": "supported"}
    files.write_lines(kept / "registrations.jsonl", [line])
    files.write_json(kept / "coin.json", RESULT)
    return package


def test_the_experiments_of_a_clone_are_found_from_any_folder(monkeypatch, tmp_path):
    """Also from a folder with another package of the name."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "experiments")
    path = [*sys.path]
    assert claims.course_package().__file__ == experiments.__file__
    assert sys.path == path


def test_a_jaxdl_without_experiments_is_an_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("jaxdl.__file__", str(tmp_path / "jaxdl" / "__init__.py"))
    assert main(["claims", "list"]) == 2
    assert f"error: the experiments of the course are neither in jaxdl nor in {tmp_path}. " in capsys.readouterr().err


def test_jaxdl_claims_is_the_command_of_the_clone(capsys):
    assert main(["claims", "table"]) == 0
    assert capsys.readouterr().out == claims.markdown_table(pathlib.Path(experiments.__file__).parent / "results")
    assert main(["claims", "run", "xorr"]) == 2
    assert "unknown experiment 'xorr'. Available: adam_against_sgd, commutative" in capsys.readouterr().err


def test_an_installed_package_is_read_but_not_written(installed, tmp_path, capsys):
    console, kept = Console(), claims.kept_results(installed)
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    claims.claims_command(PrintTable(), console, installed)
    assert "| 1 | Both arms are equal. *(literal)* | supported |" in capsys.readouterr().out
    results = tmp_path / "run" / "experiments"
    path = claims.registrations_for(installed, results)
    assert path == results / "registrations.jsonl"
    assert path.read_bytes() == before["registrations.jsonl"]
    register(path, Registration("2026-01-02", "coin", "cd", "refuted"))
    claims.registrations_for(installed, results)
    assert [line.hash for line in read_registrations(path)] == ["ab", "cd"], "a copy does not replace later lines"
    files.write_json(results / "coin.json", {**RESULT, "draft": False, "replication": 1})
    with pytest.raises(ValueError, match="results in an installed jaxdl belong to its version and are not replaced"):
        claims.claims_command(KeepResults(tmp_path / "run"), console, installed)
    claims.claims_command(KeepResults(tmp_path / "run", tmp_path / "mine"), console, installed)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["coin.json"]
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_a_clone_registers_in_its_kept_results(tmp_path):
    path = claims.registrations_for(experiments, tmp_path)
    assert path == pathlib.Path(experiments.__file__).parent / "results" / "registrations.jsonl"
