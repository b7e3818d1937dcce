"""The command line of the experiments: list, run, resume, report, and errors."""

import numpy as np
import pytest

from experiments import equal_weights, xor
from experiments.__main__ import PACKAGE, every_experiment, main
from jaxdl.cli.claims import selected
from jaxdl.runs import files


@pytest.fixture
def quick_xor(monkeypatch):
    """Give the experiment `xor` plausible results without training; test_welcome.py trains it."""
    measure = lambda keys: [("linear", np.full(len(keys), 0.75)), ("mlp", np.ones(len(keys)))]
    monkeypatch.setattr(xor, "experiment", xor.experiment._replace(measure=measure))


def test_an_experiment_without_its_data_is_skipped_with_a_message(quick_xor, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    assert main(["run", "published_run", "xor", "--out", str(tmp_path / "run")]) == 0
    errors = capsys.readouterr().err
    assert f"published_run skipped: {tmp_path / 'mnist.npz'} does not exist" in errors
    assert "Set JAXDL_DATA to the folder that holds mnist.npz" in errors
    assert [path.stem for path in (tmp_path / "run" / "experiments").glob("*.json")] == ["xor"]


def test_list_prints_every_experiment(monkeypatch, capsys):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    assert all(name in output for name in every_experiment())


def test_run_and_report_write_a_page_of_verdicts(quick_xor, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "xor", "--out", str(tmp_path / "run")]) == 0
    assert "supported" in capsys.readouterr().out
    (tmp_path / "run" / "report.html").unlink()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "An introduction to deep learning: claims and verdicts" in (tmp_path / "run" / "report.html").read_text()
    # existing results, with the seconds that they took, are not measured again
    before = files.read_json(tmp_path / "run" / "experiments" / "xor.json")
    assert main(["run", "xor", "--out", str(tmp_path / "run")]) == 0
    assert files.read_json(tmp_path / "run" / "experiments" / "xor.json") == before
    capsys.readouterr()
    for arguments, message in (
        (["xor", "--replication", "2"], "belongs to a run with other settings"),
        (["xor", "--replication", "0"], "replication must be an integer of at least 1, got 0"),
        (["--chapter", "1.9"], "unknown chapter 1.9. Available: 1.1, 1.2, 1.3, 1.4, 1.5, 1.6"),
        (["xor", "--chapter", "1.3"], "give either names of experiments or --chapter, not both"),
    ):
        assert main(["run", *arguments, "--out", str(tmp_path / "run")]) == 2
        assert message in capsys.readouterr().err
    assert [each.name for each in selected(PACKAGE, (), "1.6")] == [
        "small_batches",
        "ill_conditioning",
        "adam_against_sgd",
        "equal_weights",
    ]


def test_an_unknown_experiment_is_an_error(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "xorr", "--out", str(tmp_path / "run")]) == 2
    assert f"unknown experiment 'xorr'. Available: {', '.join(every_experiment())}." in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_in_which_every_experiment_failed_can_be_repeated(monkeypatch, capsys, tmp_path):
    def fail(keys):
        raise RuntimeError("lost")

    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    with monkeypatch.context() as broken:
        broken.setattr(equal_weights, "experiment", equal_weights.experiment._replace(measure=fail))
        assert main(["run", "equal_weights", "--out", str(tmp_path / "run")]) == 1
    monkeypatch.setattr(
        equal_weights, "experiment", equal_weights.experiment._replace(measure=lambda keys: [], panels=())
    )
    monkeypatch.setattr(equal_weights, "experiment", equal_weights.experiment._replace(claims=()))
    assert main(["run", "equal_weights", "--out", str(tmp_path / "run")]) == 0


def test_ctrl_c_keeps_finished_experiments(quick_xor, monkeypatch, capsys, tmp_path):
    def press(keys):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setattr(equal_weights, "experiment", equal_weights.experiment._replace(measure=press))
    assert main(["run", "xor", "equal_weights", "--out", str(tmp_path / "run")]) == 130
    assert "interrupted; finished results are saved in" in capsys.readouterr().out
    assert [path.stem for path in (tmp_path / "run" / "experiments").glob("*.json")] == ["xor"]
    assert "xor" in (tmp_path / "run" / "report.html").read_text()
    assert main(["run", "equal_weights", "--out", str(tmp_path / "nothing")]) == 130
    assert not (tmp_path / "nothing").exists()
