"""The HTML page of measurements that are read back."""

import random

import pytest

from benchmarks.__main__ import main
from benchmarks.harness import report
from jaxdl.runs.files import read_json, write_json
from tests.hostile import HOSTILE, is_read, json_of, places, replaced


def test_the_page_has_answers_targets_skipped_parts_and_charts(results, tmp_path):
    pytest.importorskip("vl_convert")
    measured = read_json(results / "example.json")
    assert report.growth_curves(measured)["members"][-1] == {
        "line": "number 1",
        "at": 8,
        "seconds": 16.0,
        "unit": "member",
    }
    page = report.write_report(results, tmp_path / "new" / "page.html").read_text()
    for text in (
        "Time per member: 1 s for number 0; 2 times as long (2 to 2) for number 1.",
        "Target: at least 1.2 times as fast as number 1. Reached: 2 (2 to 2).",
        "Not reached: 2 (2 to 2). Because.",
        "Not compared: absent was not timed.",
        "2 of 4",
        "Skipped: uninstalled: no_such_package not installed",
        "Skipped: no data",
        "Workload: <code>none</code>.",
        "vegaEmbed",
    ):
        assert text in page


def test_a_report_without_measurements_is_an_error(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "contains no benchmark results (NAME.json)" in capsys.readouterr().err


def test_measurements_of_another_version_are_an_error(tmp_path, capsys):
    write_json(tmp_path / "old.json", {"environment": {}, "cases": []})
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "old.json is damaged or was written by another version of jaxdl: it.environment is wrong: object mi" in error


def test_whatever_measurements_hold_they_are_shown_or_named_in_one_sentence(results, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "_draw", lambda charts: "")
    monkeypatch.setattr(report, "render_page", lambda template, charts, content: "")
    content, generator, accepted = read_json(results / "example.json"), random.Random(0), 0
    for _ in range(60):
        changed = replaced(content, generator.choice(list(places(content))), generator.choice(HOSTILE))
        (tmp_path / "one.json").write_text(json_of(changed))
        accepted += is_read(lambda: report.write_report(tmp_path, tmp_path / "page.html"))
    assert 2 < accepted < 40
