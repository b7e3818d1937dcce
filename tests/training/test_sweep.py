import re

import jax
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, training
from jaxdl.data.stream import stream_examples
from jaxdl.training.sweep import as_settings, check_grid, task_of

pytestmark = pytest.mark.usefixtures("shared_programs")
MOONS = data.moons(jax.random.key(0), examples=32)
ORDER = jax.random.key(2)
KEYS, SETTINGS = training.grid(
    jax.random.split(jax.random.key(1), 2), {"rate": [0.3, 1e30], "dropout": [0.0, 0.3], "decay": [0.0, 0.1]}
)


def task(settings):
    """A task with mapped settings in the optimizer, the model and the penalty."""
    return training.Task(
        models.mlp((4,), 2, dropout_rate=settings["dropout"]),
        F.cross_entropy,
        optimizers.adam(settings["rate"]),
        8,
        {"accuracy": metrics.accuracy},
        penalty=lambda params: settings["decay"] * (params["Dense_0"]["kernel"] ** 2).sum(),
    )


def swept(source=MOONS, **arguments):
    arguments = {"settings": SETTINGS, "epochs": 8, "dev": MOONS, "patience": 2, "order": ORDER} | arguments
    return training.fit(task, source, KEYS, **arguments)


@pytest.fixture(scope="module")
def sweep():
    return swept()


def test_grid_combines_every_value_with_every_key_and_keys_vary_fastest():
    two = jax.random.split(jax.random.key(3), 2)
    keys, settings = training.grid(two, {"rate": [1.0, 2.0], "units": [3, 4, 5]})
    drawn = jax.random.key_data(keys)[:, 1]
    rows = list(zip(*(column.tolist() for column in (settings["rate"], settings["units"], drawn)), strict=True))
    seeds = jax.random.key_data(two)[:, 1].tolist()
    assert rows == [(rate, units, seed) for rate in (1, 2) for units in (3, 4, 5) for seed in seeds]
    assert training.grid(two, {}).settings == {}
    with pytest.raises(ValueError, match=re.escape("rate must be a list of at least one value, got []")):
        check_grid(KEYS, {"rate": []})
    for name, values in (("rule", ["adam", "sgd"]), ("size", [(8,), (8, 8)])):
        with pytest.raises(TypeError, match=f"the setting {name} must be numbers, got"):
            check_grid(KEYS, {name: values})
    for keys, values in [({"rate": [0.1]}, KEYS), (jax.random.key(9), {"rate": [0.1]})]:
        with pytest.raises(TypeError, match="grid takes keys and a dictionary of values, got "):
            check_grid(keys, values)


def test_each_member_of_a_sweep_equals_a_training_with_its_settings_alone(sweep):
    """Those of a fixed task too, whose settings are Python numbers, and whose dropout layer is absent at rate 0."""
    members = [0, 3]
    assert (SETTINGS["dropout"][0], SETTINGS["dropout"][3], SETTINGS["decay"][3]) == (0, 0, np.float32(0.1))

    numbers = jax.device_get(SETTINGS)

    def alone(member, epochs):
        fixed = task({name: float(values[member]) for name, values in numbers.items()})
        return training.train(fixed, MOONS, KEYS[member], epochs=epochs, dev=MOONS, order=ORDER)

    trained = jax.jit(lambda: [alone(member, int(sweep.epochs[member])) for member in members])()
    for member, (state, history) in zip(members, trained, strict=True):
        of_member = jax.tree.map(lambda leaf, member=member: np.asarray(leaf[member]), sweep.state.params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), of_member, state.params)
        np.testing.assert_allclose(sweep.history.loss[member, : len(history.loss)], history.loss, rtol=1e-4)


def test_table_has_the_settings_and_both_epochs_of_every_member(sweep):
    table = sweep.table()
    scores = [f"{name}_at_{when}" for name in ("train_loss", "accuracy", "loss") for when in ("best", "last")]
    assert list(table)[:7] == ["member", "rate", "dropout", "decay", "epochs", "best_epoch", "diverged"]
    assert set(list(table)[7:]) == set(scores)
    for name, values in SETTINGS.items():
        np.testing.assert_array_equal(table[name], values)
    for member, (best, last) in enumerate(zip(table["best_epoch"], table["epochs"], strict=True)):
        column = sweep.history.observed["loss"][member]
        assert table["loss_at_last"][member] == column[last - 1] or np.isnan(column[last - 1])
        assert table["loss_at_best"][member] == column[best - 1] if best else np.isnan(table["loss_at_best"][member])
    assert len(repr(table).splitlines()) == len(KEYS) + 1


def test_table_of_a_fit_that_was_interrupted_before_its_first_epoch_has_no_values(sweep):
    none = jax.tree.map(lambda column: column[:, :0], sweep.history)
    zero = np.zeros_like(sweep.epochs)
    table = sweep._replace(history=none, epochs=zero, best=sweep.best._replace(epoch=zero)).table()
    assert np.isnan(table["loss_at_last"]).all()
    assert np.isnan(table["train_loss_at_best"]).all()


def test_last_column_of_the_history_is_finite_unless_the_member_diverged(sweep):
    stopped = (sweep.epochs < sweep.history.loss.shape[1]) & (sweep.diverged == 0)
    assert stopped.any()
    np.testing.assert_array_equal(np.isfinite(sweep.history.loss[:, -1]), sweep.diverged == 0)
    measured = training.evaluate(task, sweep.state, MOONS)
    finite = sweep.diverged == 0
    np.testing.assert_allclose(measured["loss"][finite], sweep.history.observed["loss"][finite, -1], rtol=1e-4)


def test_best_state_has_the_loss_of_the_best_epoch(sweep):
    found, table = training.evaluate(task, sweep.best_state, MOONS)["loss"], sweep.table()
    trained = table["best_epoch"] > 0
    np.testing.assert_allclose(found[trained], table["loss_at_best"][trained], rtol=1e-4)
    third = training.evaluate(task, sweep.best_state.member(3), MOONS)["loss"]
    np.testing.assert_allclose(third, table["loss_at_best"][3], rtol=1e-4)


def test_a_sweep_resumes_and_refuses_other_settings(sweep, tmp_path, one_step_at_a_time):
    def interrupt(progress):
        raise KeyboardInterrupt

    assert swept(checkpoints=training.Checkpoints(tmp_path, seconds=0.0), watch=interrupt).interrupted
    resumed = swept(checkpoints=training.Checkpoints(tmp_path))
    np.testing.assert_array_equal(resumed.history.loss, sweep.history.loss)
    other = {**SETTINGS, "rate": 2 * SETTINGS["rate"]}
    with pytest.raises(ValueError, match=r"belong to another training, which differs in settings \("):
        swept(settings=other, checkpoints=training.Checkpoints(tmp_path))


def test_a_stream_trains_the_same_sweep_as_a_data_set(sweep):
    streamed = swept(stream_examples(list(zip(*MOONS, strict=True))))
    np.testing.assert_allclose(streamed.history.loss, sweep.history.loss, rtol=1e-4)


RATES = {"rate": np.ones(16)}


@pytest.mark.parametrize(
    ("task", "settings", "error", "message"),
    [
        (task, training.Grid(None, RATES), TypeError, "got a Grid: write keys, settings = grid(...)"),
        (
            lambda settings: task(dict.fromkeys(SETTINGS, 0.1))._replace(batch_size=settings["rate"]),
            RATES,
            TypeError,
            "batch_size must be equal",
        ),
        (task, [1.0], TypeError, "settings must be a dictionary of arrays"),
        (task, {"rat": np.ones(16)}, ValueError, "the settings that it is given, rat, but looks up 'dropout'"),
        (task, None, TypeError, "such a function needs settings"),
        (task(dict.fromkeys(SETTINGS, 0.1)), RATES, TypeError, "settings need a task that is a function of them"),
        (task, {"rate": 0.1}, ValueError, "rate must have one row for each of the 16 keys, got shape ()"),
        (task, {"rate": np.ones(3)}, ValueError, "rate must have one row for each of the 16 keys, got shape (3,)"),
        (task, {"rate": ["adam"] * 16}, TypeError, "rate must be numbers"),
        (lambda settings: settings, RATES, TypeError, "task(settings) must return a Task, got dict"),
        (lambda settings: task(settings) if settings["rate"] > 0 else None, RATES, TypeError, "`if`"),
        (lambda settings: models.mlp((int(settings["rate"]),), 2), RATES, TypeError, "`int`"),
        (task, {**SETTINGS, "rate": -SETTINGS["rate"]}, ValueError, "learning_rate must be at least 0, got -0.3"),
        (task, {**SETTINGS, "dropout": SETTINGS["dropout"] + 1}, ValueError, "dropout_rate must be at least 0"),
    ],
)
def test_settings_that_cannot_be_mapped_are_answered_in_a_sentence(task, settings, error, message):
    with pytest.raises(error, match=re.escape(message)):
        as_settings(task, settings, 16)


def test_a_task_of_settings_names_a_missing_setting():
    with pytest.raises(ValueError, match=re.escape("the settings that it is given, rat, but looks up 'dropout'")):
        task_of(task, {"rat": 0.1})
    with pytest.raises(TypeError, match="needs settings: pass settings={'rate': 0.1}.* or a state that has them"):
        task_of(task, {})


@pytest.mark.parametrize("is_function", [False, True])
def test_a_model_without_outputs_gets_those_of_the_labels(is_function):
    def lazy(settings):
        return training.Task(models.mlp(()), F.cross_entropy, optimizers.sgd(settings["rate"]), 16)

    settings = {"rate": np.array([0.1, 0.1])} if is_function else None
    made = lazy if is_function else lazy({"rate": 0.1})
    dev = MOONS._replace(labels=MOONS.labels + 1)  # the classes of all data count
    result = training.fit(made, MOONS, jax.random.split(jax.random.key(3), 2), settings=settings, epochs=1, dev=dev)
    whole = training.Task(models.mlp((), 3), F.cross_entropy, optimizers.sgd(0.1), 16)
    state, _ = training.train(whole, MOONS, jax.random.split(jax.random.key(3), 2)[0], epochs=1)
    np.testing.assert_allclose(
        result.state.member(0).params["Dense_0"]["kernel"], state.params["Dense_0"]["kernel"], rtol=1e-5
    )
    assert training.evaluate(made, result.state, dev)["loss"].shape == (2,)
    assert training.outputs_of(made, result.state, MOONS).shape == (2, 32, 3)


def test_the_number_of_outputs_must_be_readable():
    task = training.Task(models.mlp(()), F.cross_entropy, optimizers.sgd(0.1), 16)
    with pytest.raises(ValueError, match="the number of classes of a Stream is unknown, .*: give the model its number"):
        training.start(task, stream_examples(list(zip(*MOONS, strict=True))), jax.random.key(0))
    with pytest.raises(ValueError, match="the number of classes is unknown inside jax.jit and jax.vmap"):
        jax.eval_shape(lambda data: training.start(task, data, jax.random.key(0)), MOONS)
    targets = stream_examples([(np.ones(3), np.ones(2))] * 16)
    assert training.start(task, targets, jax.random.key(0)).params["Dense_0"]["kernel"].shape == (3, 2)
