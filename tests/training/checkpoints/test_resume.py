"""A resumed fit is bit-identical to an uninterrupted one, and resumes only from checkpoints of the same training."""

import os
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, schedules
from jaxdl.system.keys import words_of
from jaxdl.system.storage import LOCK, locked
from jaxdl.training import (
    Checkpoints,
    DamagedError,
    Task,
    fit,
    highest,
    objective_of,
    save_checkpoint,
)
from jaxdl.training.checkpoints.checkpoint import checkpoint_numbers
from jaxdl.training.checkpoints.manifest import MANIFEST
from jaxdl.training.population import in_memory

pytestmark = pytest.mark.usefixtures("shared_programs", "one_step_at_a_time")
BATCH, EPOCHS = 32, 6  # three steps per epoch


PLAIN = models.mlp((8,), 10)
FULL = models.mlp((8,), 10, norm=models.BatchNorm, dropout_rate=0.2)  # a model with batch statistics and noise
ADAM = optimizers.adam(schedules.cosine(1e-2, steps=18))
METRICS = {"accuracy": metrics.accuracy}
TASKS = {
    "plain": Task(PLAIN, F.cross_entropy, optimizers.sgd(0.01), BATCH, METRICS),
    "other rate": Task(PLAIN, F.cross_entropy, optimizers.sgd(0.02), BATCH, METRICS),
    "full": Task(FULL, F.cross_entropy, ADAM, BATCH, METRICS),
}
SETTINGS = {"optimizer": {"rate": 0.01}, "where": pathlib.PurePosixPath("a/b")}


def fitted(train, *, task="plain", members=3, seed=1, order=None, settings=SETTINGS, directory=None, **more):
    return fit(
        TASKS[task],
        train,
        jax.random.split(jax.random.key(seed), members),
        order=None if order is None else jax.random.key(order),
        checkpoints=None if directory is None else Checkpoints(directory, 0.0, settings),
        **{"epochs": EPOCHS, "dev": train, **more},
    )


def interrupt_at(step):
    def watch(progress):
        if progress.step >= step:
            raise KeyboardInterrupt

    return watch


@pytest.fixture(scope="module")
def uninterrupted(digits, shared_programs):
    return fitted(digits)


@pytest.fixture(scope="module")
def interrupted_once(digits, tmp_path_factory, shared_programs):
    directory = tmp_path_factory.mktemp("interrupted")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(in_memory, "CHUNK_SECONDS", 0.0)
        assert fitted(digits, directory=directory, watch=interrupt_at(13)).interrupted
    return directory


@pytest.fixture
def interrupted(interrupted_once, tmp_path):
    """A directory with the checkpoints of a fit that was interrupted after 13 of 18 steps, within its fifth epoch."""
    shutil.copytree(interrupted_once, tmp_path / "interrupted")
    return tmp_path / "interrupted"


def bytes_of(result):
    """Return all arrays of a result as bytes, without the times."""
    compared = words_of((result.state, result.history, result.best, result.epochs, result.diverged))
    return [np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(compared)]


def files_below(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_resumed_fit_is_bit_identical_to_an_uninterrupted_one(digits, tmp_path):
    """With a shared order, and with patience: some members stop early, others take all steps."""
    settings = {"task": "full", "seed": 3, "order": 5, "patience": 1, "criterion": highest("accuracy")}
    uninterrupted = fitted(digits, **settings)
    assert min(uninterrupted.epochs) < max(uninterrupted.epochs) == EPOCHS
    for step in (1, 9, 10, 17, 18):  # within an epoch, at its end, and at the last step
        part = fitted(digits, directory=tmp_path, watch=interrupt_at(step), **settings)
        assert part.interrupted
        assert int(part.state.step) == step
    rest = fitted(digits, directory=tmp_path, **settings)
    assert not rest.interrupted
    assert bytes_of(rest) == bytes_of(uninterrupted)
    assert bytes_of(fitted(digits, directory=tmp_path, **settings)) == bytes_of(uninterrupted)  # of a complete one too


def test_a_resumed_fit_on_a_stream_is_bit_identical_to_an_uninterrupted_one(digits, tmp_path):
    pytest.importorskip("grain", reason="grain is not installed: it is in the extra `data`")
    four_batches = data.take(data.load_digits(), np.arange(4 * BATCH))
    pixels, labels = np.asarray(four_batches.inputs), np.asarray(four_batches.labels)
    stream = data.stream_arrays(pixels, labels, chunk_bytes=2 * BATCH * 264)
    uninterrupted = fitted(stream, dev=digits)
    for step, epochs in ((2, 3), (8, 3), (14, EPOCHS)):  # within an epoch, at the end of one, and again within one
        part = fitted(stream, dev=digits, directory=tmp_path, watch=interrupt_at(step), epochs=epochs)
        assert int(part.state.step) == step
    assert bytes_of(fitted(stream, dev=digits, directory=tmp_path)) == bytes_of(uninterrupted)


def test_more_epochs_continue_a_finished_fit_as_if_it_had_had_them_from_the_beginning(digits, uninterrupted, tmp_path):
    finished = fitted(digits, directory=tmp_path, epochs=EPOCHS - 2)
    assert finished.history.loss.shape == (3, EPOCHS - 2)
    assert not finished.interrupted
    assert bytes_of(fitted(digits, directory=tmp_path)) == bytes_of(uninterrupted)


def test_the_first_report_of_a_resumed_fit_has_all_rows_so_far(digits, interrupted, uninterrupted):
    reports = []
    rest = fitted(digits, directory=interrupted, watch=reports.append)
    first = reports[0]
    assert (first.step, first.since, first.epoch, first.rows.loss.shape) == (13, 0, 4, (3, 4))
    losses = np.concatenate([progress.rows.loss for progress in reports], axis=1)
    np.testing.assert_array_equal(losses, uninterrupted.history.loss)
    assert rest.seconds.run > 0


def test_a_complete_fit_is_returned_without_compiling(digits, interrupted, uninterrupted, monkeypatch):
    fitted(digits, directory=interrupted)
    monkeypatch.setattr(in_memory, "compile_within_memory", lambda *_: 1 / 0)
    assert bytes_of(fitted(digits, directory=interrupted)) == bytes_of(uninterrupted)


DIFFERENCES = {
    "numbers and keys": (
        {"members": 2, "patience": 3, "order": 3},
        r"differs in members \(3 there, 2 here\), patience \(None there, 3 here\), "
        r"keys \(other values\), order \(",
    ),
    "settings": (
        {"settings": {"optimizer": {"rate": 0.02}, "more": [1]}, "task": "other rate"},
        r"differs in optimizer.rate \(0.01 there, 0.02 here\), where \(a/b there, nothing here\), "
        r"more \(nothing there, \[1\] here\). Choose another directory",
    ),
    "optimizer": (
        {"task": "other rate"},
        r"differs in its program \(model, objective, optimizer or observed metrics\)",
    ),
    "schedule over all epochs": (
        {"epochs": 7, "task": "other rate"},
        r"its program \(.*\); it had 6 epochs, and here it has 7, which a learning rate schedule over all epochs",
    ),
    "fewer epochs": ({"epochs": 4}, "epochs must be at least 5, because the checkpoints hold that many, got 4"),
    "criterion": ({"criterion": lambda row: row.loss}, "its program"),
}


@pytest.mark.parametrize(("change", "message"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_checkpoints_of_another_training_raise_with_the_difference(digits, interrupted, change, message):
    before = files_below(interrupted)
    with pytest.raises(ValueError, match=message):
        fitted(digits, directory=interrupted, **change)
    assert files_below(interrupted) == before


def test_checkpoints_of_other_data_raise(digits, interrupted):
    other = digits._replace(labels=digits.labels.at[3].set(0))
    with pytest.raises(ValueError, match=r"differs in data \(other values\), dev \("):
        fitted(other, directory=interrupted)
    with pytest.raises(ValueError, match=r"differs in dev \("):
        fitted(digits, directory=interrupted, dev=other)


def test_if_the_newest_checkpoint_is_damaged_fit_warns_and_uses_the_previous_one(digits, interrupted, uninterrupted):
    previous, newest = checkpoint_numbers(interrupted)
    assert newest == 13
    path = next((interrupted / "13" / "state").rglob("ocdbt.process_0/d/*"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    message = (
        rf"checkpoint 13 of .* is damaged: state/.*{path.name} differs from what was written; "
        f"using the earlier checkpoint {previous}"
    )
    with pytest.warns(UserWarning, match=message):
        rest = fitted(digits, directory=interrupted)
    assert bytes_of(rest) == bytes_of(uninterrupted)
    assert (interrupted / "13.damaged").is_dir()


def test_if_all_checkpoints_are_damaged_fit_raises_and_does_not_start_again(digits, interrupted):
    for path in interrupted.rglob(MANIFEST):
        path.write_text("")
    message = r"checkpoint 13 .* is damaged.*No checkpoint is left: remove .* to start again"
    with pytest.raises(DamagedError, match=message):
        fitted(digits, directory=interrupted)


def test_checkpoints_that_fit_did_not_write_raise(digits, tmp_path):
    save_checkpoint(tmp_path, 1, {"x": np.ones(3)})
    with pytest.raises(
        ValueError,
        match=r"were not written by fit \(their note is wrong: object missing required field `identity`\): choose",
    ):
        fitted(digits, directory=tmp_path)


def fitted_with(digits, directory, *, rate=0.1, mask=1.0):
    """Fit with a learning rate that optax keeps in its state, and with a large array in the closure of the objective.

    Every call makes a new objective and a new optimizer, as every start of a program does.
    """
    mask = jnp.full((8, 8, 1), mask)

    def objective(params, stats, batch, key):
        return objective_of(TASKS["plain"])(params, stats, batch._replace(inputs=batch.inputs * mask), key)

    optimizer = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
    task = Task(PLAIN, None, optimizer, BATCH, objective=objective)
    keys = jax.random.split(jax.random.key(1), 2)
    nothing = lambda state, dev: {}
    return fit(task, digits, keys, epochs=1, dev=digits, observe=nothing, checkpoints=Checkpoints(directory, 0.0))


def test_initial_values_and_closures_distinguish_trainings(digits, tmp_path):
    complete = fitted_with(digits, tmp_path)
    for change in ({"rate": 0.2}, {"mask": 0.5}):  # in the state of the optimizer, and in a closure
        with pytest.raises(ValueError, match="its program"):
            fitted_with(digits, tmp_path, **change)
    assert bytes_of(fitted_with(digits, tmp_path)) == bytes_of(complete)


def test_checkpoints_of_other_package_versions_are_resumed_with_a_warning(digits, interrupted, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "9.9")
    message = (
        r"were made with jax \(.* there, 9.9 here\).*: training resumes, but the result may not be bit-identical to an "
        "uninterrupted one; jaxdl cannot check that model, objective and optimizer are the same"
    )
    with pytest.warns(UserWarning, match=message):
        assert int(fitted(digits, directory=interrupted).state.step) == 18


def test_checkpoints_of_another_machine_are_resumed_with_a_warning_if_the_training_is_the_same(
    digits, interrupted, monkeypatch
):
    monkeypatch.setattr("os.cpu_count", lambda: 999)
    with pytest.raises(ValueError, match="its program"):
        fitted(digits, directory=interrupted, task="other rate")
    message = r"were made with cores \(\d+ there, 999 here\): .* may not be bit-identical to an uninterrupted one$"
    with pytest.warns(UserWarning, match=message):
        assert int(fitted(digits, directory=interrupted).state.step) == 18


def test_a_locked_directory_raises_and_a_stale_lock_is_ignored(digits, tmp_path):
    with locked(tmp_path), pytest.raises(BlockingIOError, match=rf"is in use by process {os.getpid()} on"):
        fitted(digits, directory=tmp_path)
    (tmp_path / LOCK).write_text("process 1 on nowhere")
    assert not fitted(digits, directory=tmp_path).interrupted
    assert not (tmp_path / LOCK).exists()


def test_a_directory_that_cannot_be_written_raises(digits, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write checkpoints to .*file/below: Not a directory"):
        fitted(digits, directory=tmp_path / "file" / "below")


def test_a_full_disk_ends_the_fit_and_leaves_earlier_checkpoints_intact(
    digits, interrupted, uninterrupted, monkeypatch
):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.training.checkpoints.checkpoint._write", full)
        message = "cannot write checkpoint 1. below .*: No space left on device. Earlier checkpoints are intact"
        with pytest.raises(OSError, match=message):
            fitted(digits, directory=interrupted)
    assert checkpoint_numbers(interrupted)[-1] == 13
    assert bytes_of(fitted(digits, directory=interrupted)) == bytes_of(uninterrupted)
