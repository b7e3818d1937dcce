"""Training into a run directory: settings on disk, early stopping, and the selected parameters."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxdl import training
from jaxdl.runs import files
from jaxdl.runs.data_report import data_report
from jaxdl.runs.directory import CHECKPOINTS, SETTINGS
from jaxdl.runs.examples import load_examples
from jaxdl.runs.settings import Adam, Train
from jaxdl.runs.trainer import result_settings, selected_state, start_run, train_into

STOPPING = Train(
    epochs=60, seeds=4, hidden=(16,), patience=2, schedule="one_cycle", optimizer=Adam(0.03), checkpoint_seconds=1e9
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run whose networks stop early, and what was trained."""
    directory, examples = tmp_path_factory.mktemp("stopped"), load_examples(STOPPING)
    assert not start_run(directory, STOPPING, examples, data_report(examples.raw, examples.preparation))
    progress = []
    trained = train_into(directory, STOPPING, examples, progress.append)
    return directory, trained, progress


def test_each_network_stops_by_itself_and_its_best_parameters_are_evaluated(stopped):
    directory, *_ = stopped
    members, metrics = (files.read_table(directory / f"{name}.parquet") for name in ("members", "metrics"))
    assert max(members["epochs"]) < 60
    for member, (epochs, best) in enumerate(zip(members["epochs"], members["best_epoch"], strict=True)):
        rows = [row for row, of in enumerate(metrics["member"]) if of == member]
        losses = [metrics["dev_loss"][row] for row in rows]
        assert [metrics["epoch"][row] for row in rows] == list(range(1, epochs + 1))
        assert best == 1 + int(np.argmin(losses)) == epochs - 2
        assert metrics["dev_accuracy"][rows[best - 1]] == pytest.approx(members["dev"][member])


def test_the_selected_state_has_the_best_parameters_only_with_patience(stopped):
    fit = stopped[1].fit
    assert selected_state(STOPPING, fit).params is fit.best.params
    assert selected_state(dataclasses.replace(STOPPING, patience=None), fit) is fit.state
    with np.load(stopped[0] / "params.npz") as saved:
        np.testing.assert_array_equal(saved["params/Dense_0/bias"], fit.best.params["Dense_0"]["bias"])


def test_progress_is_reported_and_written_while_training(stopped):
    directory, trained, progress = stopped
    assert not progress[-1].active.any()
    lines = files.read_lines(directory / "metrics.jsonl")
    assert len(lines["epoch"]) == int(trained.fit.epochs.sum())
    assert (directory / CHECKPOINTS).is_dir()


def test_a_complete_run_is_recognized_and_other_settings_are_refused(stopped):
    directory, *_ = stopped
    examples, report = load_examples(STOPPING), files.read_json(directory / "quality.json")
    assert start_run(directory, STOPPING, examples, report)
    assert start_run(directory, dataclasses.replace(STOPPING, out=directory, tensorboard=True), examples, report)
    with pytest.raises(ValueError, match=r"patience \(2 there, 3 here\)"):
        start_run(directory, dataclasses.replace(STOPPING, patience=3), examples, report)
    with pytest.raises(ValueError, match="belongs to a run on other data: the examples that digits holds now have"):
        start_run(directory, STOPPING, examples, {**report, "sha256": "0"})


def test_settings_that_change_no_result_are_not_recorded(tmp_path):
    path = tmp_path / "folder"
    kept = result_settings(Train(data_dir=path, manual_dir=path, out=path))
    assert kept == result_settings(Train(checkpoint_seconds=1.0, tensorboard=True))
    assert "header" not in kept  # as in runs of earlier versions
    assert result_settings(Train(header="no"))["header"] == "no"
    assert "layout" not in kept
    assert result_settings(Train(layout="measured"))["layout"] == "measured"
    assert kept["rule"] == "AdamW"
    assert kept["optimizer"]["learning_rate"] == 1e-3


def test_a_complete_run_continues_with_more_epochs_and_the_layout_that_was_measured(tmp_path, monkeypatch):
    """The layout of the checkpoint is used, and no other is measured."""
    one = Train(epochs=1, seeds=1, hidden=(), schedule="constant", layout="measured")
    examples, rows, layouts, fit = load_examples(one), [], [], training.fit
    chosen = lambda *a, layout, **b: layouts.append(layout) or fit(*a, layout=training.Layout(at_once=2), **b)
    monkeypatch.setattr(training, "fit", chosen)
    report = {"sha256": "0"}
    for settings in (one, dataclasses.replace(one, epochs=2)):
        assert not start_run(tmp_path, settings, examples, report)
        assert train_into(tmp_path, settings, examples).fit.layout == training.Layout(at_once=2)
        monkeypatch.setattr(training, "fit", fit)
        rows.append(files.read_table(tmp_path / "metrics.parquet"))
        assert start_run(tmp_path, settings, examples, report)
    assert rows[1]["epoch"] == [1, 2]
    assert rows[0]["train_loss"] == rows[1]["train_loss"][:1]
    assert layouts == ["measured"]
    assert files.read_json(tmp_path / SETTINGS)["layout"] == "measured"
    assert files.read_json(tmp_path / "cost.json")["layout"] == {"by_member": 1, "by_batch": 1, "at_once": 2}
    with pytest.raises(ValueError, match=r"layout \(measured there, auto here\)"):
        start_run(tmp_path, dataclasses.replace(one, epochs=2, layout="auto"), examples, report)


def test_a_run_directory_that_is_moved_during_the_training_is_not_made_again(tmp_path):
    settings = Train(epochs=2, seeds=1, hidden=(), schedule="constant", checkpoint_seconds=0.0)
    examples, out = load_examples(settings), tmp_path / "run"
    out.mkdir()
    start_run(out, settings, examples, {"sha256": "0"})

    def move(progress):
        out.rename(tmp_path / "moved")

    with pytest.raises(FileNotFoundError, match="run was moved or removed during the training, which has stopped."):
        train_into(out, settings, examples, move)
    assert [path.name for path in tmp_path.iterdir()] == ["moved"]
    assert (tmp_path / "moved" / "metrics.jsonl").exists()


def test_the_recorded_settings_have_the_default_epochs_and_batch_size(stopped):
    settings = files.read_json(stopped[0] / "settings.json")
    assert (settings["epochs"], settings["batch_size"]) == (60, 32)
    assert settings["rule"] == "Adam"


def test_networks_differ_by_seed(stopped):
    kernels = jax.tree.leaves(stopped[1].fit.state.params)[1]
    assert not np.array_equal(kernels[0], kernels[1])
