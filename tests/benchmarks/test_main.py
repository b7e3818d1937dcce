"""The command line `python -m benchmarks`."""

import json

import pytest

from benchmarks.__main__ import all_benchmarks, main
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor


@pytest.fixture(autouse=True)
def unchanged_process(monkeypatch):
    """Keep `run` from changing jax's configuration, and restore the variable that it sets for PyTorch."""
    monkeypatch.setattr("jax.config.update", lambda *_: None)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "unset")


def test_list_prints_every_benchmark(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(f"{each.name}: {each.question}" in printed for each in all_benchmarks().values())


def test_an_unknown_benchmark_is_an_error(capsys):
    assert main(["run", "speed"]) == 2
    message = capsys.readouterr().err
    assert "'speed'" in message
    assert "populations, time_to_accuracy" in message


def test_run_writes_measurements_and_report_reads_them(tmp_path, monkeypatch, capsys):
    pytest.importorskip("vl_convert")
    case = BenchmarkCase("example", lambda: [Competitor("only", lambda: lambda: 1.0)], 0.0)
    monkeypatch.setattr("benchmarks.__main__.all_benchmarks", lambda: {"mlp": Benchmark("mlp", "How long?", (case,))})
    assert main(["run", "mlp", "--rounds", "1", "--out", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "mlp.json").read_text())
    assert set(written) > {"environment", "versions", "workload", "cases", "total_seconds"}
    assert main(["report", str(tmp_path), "--out", str(tmp_path / "page.html")]) == 0
    assert str(tmp_path / "page.html") in capsys.readouterr().out


def test_a_benchmark_with_unequal_work_fails_and_writes_nothing(tmp_path, monkeypatch, capsys):
    competitors = [Competitor("one", lambda: lambda: 1.0), Competitor("two", lambda: lambda: 2.0)]
    case = BenchmarkCase("example", lambda: competitors, tolerance=0.1)
    monkeypatch.setattr("benchmarks.__main__.all_benchmarks", lambda: {"mlp": Benchmark("mlp", "How long?", (case,))})
    assert main(["run", "mlp", "--rounds", "1", "--out", str(tmp_path)]) == 1
    assert "mlp failed: the competitors of 'example' did not do the same work" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
