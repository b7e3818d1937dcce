"""Results of experiments in the terminal and as a table."""

import pytest
from rich.console import Console

from jaxdl.cli import claims
from jaxdl.experiment import Experiment
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
