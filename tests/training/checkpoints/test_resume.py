"""A fit that was ended goes on, and comes to what it would have come to, to the last bit."""

import os
import pathlib
import shutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, schedules
from jaxdl.system.storage import LOCK, locked
from jaxdl.training import Checkpoints, DamagedError, Task, classification, fit, supervised
from jaxdl.training.checkpoints.checkpoint import MANIFEST, checkpoint_numbers
from jaxdl.training.checkpoints.resume import differences

FIT = sys.modules["jaxdl.training.population.in_memory"]  # the package's `fit` is the function
SIZE, BATCH, EPOCHS = 100, 32, 6
PLAIN = models.mlp((8,), 10)
FULL = models.mlp((8,), 10, norm=models.BatchNorm, dropout_rate=0.2)  # statistics and noise of its own


@pytest.fixture(scope="module")
def digits():
    return data.take(data.load_digits(), np.arange(SIZE))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Every piece is a step, so that an end may lie anywhere in an epoch of three."""
    monkeypatch.setattr(FIT, "PACE", 0.0)
    monkeypatch.setattr("jaxdl.training.population.streamed.PACE", 0.0)


def task(model, rate):
    rule = optimizers.sgd(rate)
    if model is FULL:
        adam = optimizers.adamw(schedules.cosine(rate, steps=18))
        rule = optax.chain(optimizers.clip_by_global_norm(1.0), adam)
    return Task(model, supervised(model, F.cross_entropy), rule, BATCH)


def fitted(
    train, *, model=PLAIN, members=3, seed=1, order=None, rate=1e-2, dev=None, settings=None, below=None, **more
):
    return fit(
        task(model, rate),
        train,
        jax.random.split(jax.random.key(seed), members),
        order=None if order is None else jax.random.key(order),
        observe=classification(model),
        checkpoints=None if below is None else Checkpoints(below, 0.0, settings or SETTINGS),
        **{"epochs": EPOCHS, "dev": train if dev is None else dev, **more},
    )


SETTINGS = {"optimizer": {"rate": 0.01}, "where": pathlib.PurePosixPath("a/b")}


@pytest.fixture(scope="module")
def whole(digits):
    """What comes of it where nothing happens."""
    return fitted(digits)


@pytest.fixture(scope="module")
def begun_once(digits, tmp_path_factory):
    directory = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FIT, "PACE", 0.0)
        assert fitted(digits, below=directory, watch=ending_at(13)).interrupted
    return directory


@pytest.fixture
def begun(begun_once, tmp_path):
    """A directory with the checkpoints of a fit that was ended after 13 steps of 18, within its fifth epoch."""
    shutil.copytree(begun_once, tmp_path / "begun")
    return tmp_path / "begun"


def ending_at(step):
    def watch(progress):
        if progress.step >= step:
            raise KeyboardInterrupt

    return watch


def everything(result):
    """All that came of it but the times, as bytes."""
    kept = (result.state, result.history, result.best, result.epochs, result.diverged)
    plain = lambda leaf: jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf
    return [np.asarray(plain(leaf)).tobytes() for leaf in jax.tree.leaves(kept)]


@pytest.mark.parametrize(
    ("ends", "more"),
    [
        ((1, 9, 10, 17, 18), {"order": 5}),  # within an epoch, at its end, at the last step
        ((10, 14), {"patience": 2, "epochs": 12, "members": 2}),
    ],
)
def test_it_comes_to_what_it_would_have_come_to(digits, tmp_path, ends, more):
    more = {"model": FULL, **more}
    whole = fitted(digits, **more)
    for end in ends:
        part = fitted(digits, below=tmp_path, watch=ending_at(end), **more)
        assert part.interrupted
        assert int(part.state.step) == end
    rest = fitted(digits, below=tmp_path, **more)
    assert not rest.interrupted
    assert everything(rest) == everything(whole)
    assert everything(fitted(digits, below=tmp_path, **more)) == everything(whole)  # of what is complete, too


def test_a_stream_goes_on_as_well(digits, tmp_path):
    pytest.importorskip("grain", reason="grain is not installed: it is in the extra data")
    pixels = np.asarray(digits.inputs)
    stream = lambda: data.stream_arrays(pixels, np.asarray(digits.labels), chunk_bytes=2 * BATCH * 264)
    whole = fitted(stream(), dev=digits)
    for end in (2, 5, 9):
        fitted(stream(), dev=digits, below=tmp_path, watch=ending_at(end))
    assert everything(fitted(stream(), dev=digits, below=tmp_path)) == everything(whole)


def test_what_goes_on_is_told_first_of_all_until_there(digits, begun, whole):
    told = []
    rest = fitted(digits, below=begun, watch=told.append)
    assert (told[0].step, told[0].since, told[0].epoch, told[0].rows.loss.shape) == (13, 0, 4, (3, 4))
    np.testing.assert_array_equal(np.concatenate([each.rows.loss for each in told], axis=1), whole.history.loss)
    assert rest.seconds.run > 0


def test_nothing_is_compiled_where_all_is_done(digits, begun, whole, monkeypatch):
    fitted(digits, below=begun)
    monkeypatch.setattr(FIT, "run_interruptibly", lambda f: 1 / 0)
    assert everything(fitted(digits, below=begun)) == everything(whole)


REFUSED = {
    "epochs": ({"epochs": 7}, r"epochs \(6 there, 7 here\)"),
    "patience": ({"patience": 3}, r"patience \(None there, 3 here\)"),
    "members": ({"members": 2}, r"members \(3 there, 2 here\)"),
    "keys": ({"seed": 2}, r"keys \(\w{64} there, \w{64} here\)"),
    "order": ({"order": 3}, r"order \("),
    "settings": (
        {"settings": {"optimizer": {"rate": 0.02}, "more": [1]}, "rate": 0.02},
        r"differ in optimizer.rate \(0.01 there, 0.02 here\), where \(a/b there, nothing here\), "
        r"more \(nothing there, \[1\] here\): name another",
    ),
    "the optimizer": ({"rate": 0.02}, "its program, and so the model, the objective, the optimizer"),
    "the criterion": ({"criterion": lambda row: row.loss}, "its program"),
}


@pytest.mark.parametrize(("change", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_checkpoints_of_another_training_are_refused_with_what_differs(digits, begun, change, sentence):
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=sentence):
        fitted(digits, below=begun, **change)
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before


def test_other_data_are_refused(digits, begun):
    other = digits._replace(labels=digits.labels.at[3].set(0))
    with pytest.raises(ValueError, match=r"differ in data \(\w{64} there, \w{64} here\), dev \("):
        fitted(other, below=begun)
    with pytest.raises(ValueError, match=r"differ in dev \("):
        fitted(digits, below=begun, dev=other)


def test_a_corrupt_newest_checkpoint_is_named_and_the_one_before_it_used(digits, begun, whole):
    before, newest = checkpoint_numbers(begun)
    assert newest == 13
    path = next((begun / "13" / "state").rglob("ocdbt.process_0/d/*"))
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    sentence = (
        rf"checkpoint 13 of .* is damaged: state/.*{path.name} holds other bytes.*; checkpoint {before}, before it"
    )
    with pytest.warns(UserWarning, match=sentence):
        rest = fitted(digits, below=begun)
    assert everything(rest) == everything(whole)
    assert (begun / "13.damaged").is_dir()


def test_where_no_checkpoint_is_whole_nothing_begins_anew(digits, begun):
    for path in begun.rglob(MANIFEST):
        path.write_text("")
    with pytest.raises(DamagedError, match=r"checkpoint 13 .* is damaged.*None is left: remove .* to init_member anew"):
        fitted(digits, below=begun)


def test_other_checkpoints_are_refused(digits, tmp_path):
    from jaxdl.training import save_checkpoint

    save_checkpoint(tmp_path, 1, {"x": np.ones(3)})
    with pytest.raises(ValueError, match="checkpoints must be those of a fit to go on from, but .* holds others"):
        fitted(digits, below=tmp_path)


def changed(digits, below, end, *, rate=0.1, mask=1.0):
    """A rate that optax keeps in its state, and not in the program; a large array that is closed over."""
    plain = supervised(PLAIN, F.cross_entropy)
    mask = jnp.full((8, 8, 1), mask)

    def objective(params, stats, batch, key):
        return plain(params, stats, batch._replace(inputs=batch.inputs * mask), key)

    rule = optax.inject_hyperparams(optax.sgd)(learning_rate=rate)
    keys, observe = jax.random.split(jax.random.key(1), 2), classification(PLAIN)
    settings = {"epochs": 2, "dev": digits, "observe": observe, "checkpoints": Checkpoints(below, 0.0)}
    return fit(Task(PLAIN, objective, rule, BATCH), digits, keys, watch=ending_at(end), **settings)


@pytest.mark.parametrize("change", [{"rate": 0.2}, {"mask": 0.5}])
def test_what_only_first_values_or_closures_tell_apart_is_refused(digits, tmp_path, change):
    changed(digits, tmp_path, 3)
    with pytest.raises(ValueError, match="its program"):
        changed(digits, tmp_path, 3, **change)
    assert int(changed(digits, tmp_path, 99).state.step) == 6


def test_what_was_made_with_other_versions_goes_on_and_is_told(digits, begun, monkeypatch):
    monkeypatch.setattr("importlib.metadata.version", lambda package: "9.9")
    sentence = r"were made with jax \(.* there, 9.9 here\).*no longer to the last bit.*could not be compared"
    with pytest.warns(UserWarning, match=sentence):
        assert int(fitted(digits, below=begun).state.step) == 18


def test_what_was_made_on_another_machine_is_told_but_must_be_the_same_training(digits, begun, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 999)
    with pytest.raises(ValueError, match="its program"):
        fitted(digits, below=begun, rate=0.02)
    with pytest.warns(
        UserWarning, match=r"were made with cores \(\d+ there, 999 here\).*last bit as it would .* there$"
    ):
        assert int(fitted(digits, below=begun).state.step) == 18


def test_a_second_writer_is_refused_and_a_stale_lock_is_none(digits, tmp_path):
    with locked(tmp_path), pytest.raises(BlockingIOError, match=rf"must have one writer, but process {os.getpid()} on"):
        fitted(digits, below=tmp_path)
    (tmp_path / LOCK).write_text("process 1 on nowhere")
    assert not fitted(digits, below=tmp_path).interrupted
    assert not (tmp_path / LOCK).exists()


def test_a_place_that_cannot_be_written_is_told(digits, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="checkpoints must be kept in a directory that can be written, but .*file/below"):
        fitted(digits, below=tmp_path / "file" / "below")


def test_what_cannot_be_saved_ends_the_fit_and_leaves_what_was_saved(digits, begun, whole, monkeypatch):

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("jaxdl.training.checkpoints.checkpoint._write", full)
        with pytest.raises(
            OSError, match="checkpoint 1. must be written below .*: No space left on device. Those before"
        ):
            fitted(digits, below=begun)
    assert checkpoint_numbers(begun)[-1] == 13
    assert everything(fitted(digits, below=begun)) == everything(whole)


def test_differences_are_told_by_name():
    there = {"a": 1, "of": {"b": 2.0, "gone": None}, "same": (1, 2)}
    assert differences(there, there) == ""
    here = {"a": 2, "of": {"b": 2.0}, "same": [1, 2], "new": "x"}
    assert (
        differences(there, here)
        == "a (1 there, 2 here), of.gone (None there, nothing here), new (nothing there, x here)"
    )
