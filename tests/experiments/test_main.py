"""The command line of the experiments: what is run, told, gone on with and refused."""

from experiments import equal_weights
from experiments.__main__ import every_experiment, main, selected
from jaxdl.runs import files


def test_a_run_that_lacks_its_data_is_skipped_and_says_why(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    assert main(["run", "published_run", "xor", "--out", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    assert "published_run skipped: it needs mnist.npz" in told.err
    assert "name its folder in JAXDL_DATA" in told.err
    assert [path.stem for path in (tmp_path / "run" / "experiments").glob("*.json")] == ["xor"]


def test_list_tells_every_claim(monkeypatch, capsys):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in every_experiment())


def test_run_and_report_write_a_page_of_verdicts(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "equal_weights", "--out", str(tmp_path / "run")]) == 0
    assert "supported" in capsys.readouterr().out
    (tmp_path / "run" / "report.html").unlink()
    assert main(["report", str(tmp_path / "run")]) == 0
    assert "A book of claims" in (tmp_path / "run" / "report.html").read_text()
    monkeypatch.setattr(equal_weights, "measure", None)  # what is there is not measured again
    before = files.read_json(tmp_path / "run" / "experiments" / "equal_weights.json")
    assert main(["run", "equal_weights", "--quick", "--out", str(tmp_path / "run")]) == 0
    assert files.read_json(tmp_path / "run" / "experiments" / "equal_weights.json") == before
    capsys.readouterr()
    for mistake, sentence in (
        (["equal_weights", "--seed", "1"], "out must be a new directory, or one of the same training"),
        (["--quick", "--full"], "quick and full must not both be given: say one of them"),
        (["--chapter", "1.9"], "chapter must be one of 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, but was 1.9"),
        (["xor", "--chapter", "1.3"], "names must not be given together with chapter: say one of them"),
    ):
        assert main(["run", *mistake, "--out", str(tmp_path / "run")]) == 2
        assert sentence in capsys.readouterr().err
    assert [each.name for each in selected((), "1.6")] == [
        "small_batches",
        "ill_conditioning",
        "adam_against_sgd",
        "equal_weights",
    ]


def test_an_unknown_experiment_is_told(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "xorr", "--out", str(tmp_path / "run")]) == 2
    assert f"names must be experiments ({', '.join(every_experiment())}), but 'xorr' is none" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_run_in_which_all_failed_is_gone_on_with(monkeypatch, capsys, tmp_path):
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


def test_ctrl_c_keeps_the_experiments_that_are_done(monkeypatch, capsys, tmp_path):
    def press(keys):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    monkeypatch.setattr(equal_weights, "experiment", equal_weights.experiment._replace(measure=press))
    assert main(["run", "xor", "equal_weights", "--out", str(tmp_path / "run")]) == 130
    assert "interrupted; what was computed is saved" in capsys.readouterr().out
    assert [path.stem for path in (tmp_path / "run" / "experiments").glob("*.json")] == ["xor"]
    assert "xor" in (tmp_path / "run" / "report.html").read_text()
    assert main(["run", "equal_weights", "--out", str(tmp_path / "nothing")]) == 130
    assert not (tmp_path / "nothing").exists()
