"""Arguments of a wrong type raise one sentence from every function that takes them, before anything is compiled."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers, training
from jaxdl.training import highest, lowest_loss
from jaxdl.training.argument_checks import check_criterion, check_function
from tests.training.entry_points import (
    CLASSES,
    DATA,
    EVALUATION,
    KEY,
    KEYS,
    STATE,
    TASK,
    TRAINING,
    evaluate,
    fit,
    outputs_of,
    population,
    raises,
    resume,
    start,
    task_of,
    train,
)

LINEN, NNX = nn.Dense(CLASSES), nnx.Linear(4, CLASSES, rngs=nnx.Rngs(0))
ALL = {**TRAINING, **EVALUATION}

TASKS = {  # in every function
    "a model by name": ({"model": "mlp"}, r"model must be a Model, got 'mlp': call the factory, such as models\.mlp"),
    "a factory of models": ({"model": models.mlp}, r"model must be a Model, got the function mlp: call the factory"),
    "a Linen module": ({"model": LINEN}, r"model must be a Model, got Dense: wrap an instance with models\.from_linen"),
    "a Linen class": ({"model": nn.Dense}, r"got the class Dense: wrap an instance with models\.from_linen"),
    "an NNX module": ({"model": NNX}, r"model must be a Model, got Linear: wrap it with models\.from_nnx"),
    "a loss by name": ({"loss": "mse"}, r"loss must be a function of \(outputs, labels\), such as .*, got 'mse'"),
    "a loss of three arguments": (
        {"loss": lambda a, b, c: a},
        "loss must be a function of .*got the function <lambda>",
    ),
    "a number as penalty": ({"penalty": 0.1}, r"penalty must be a function of \(params\), such as .*, got 0\.1"),
    "an augmentation of one image": (
        {"augment": data.flip},
        r"augment must be .* got data.flip, which changes one image: write data.each_image\(data.flip\)",
    ),
    "True as augmentation": (
        {"augment": True},
        r"augment must be a function of \(key, batch\).*got True",
    ),
    "a number as transform": ({"transform": 255}, r"transform must be a function of \(inputs\), .*, got 255"),
    "an objective by name": ({"objective": "gan"}, r"objective must be a function of \(params, stats, batch, key\)"),
    "a metric alone": (
        {"metrics": metrics.accuracy},
        "metrics must be a dictionary of functions, got the function accuracy: write {",
    ),
    "a list of metrics": ({"metrics": [metrics.accuracy]}, "metrics must be a dictionary of functions, got list"),
    "a metric by name": (
        {"metrics": {"a": "accuracy"}},
        r"metric 'a' must be a function of \(outputs, labels, weights\)",
    ),
    "a metric of two arguments": ({"metrics": {"a": lambda o, y: o}}, "metric 'a' must be a function of .*<lambda>"),
}
TRAINED_TASKS = {  # where the task is trained
    "an optimizer by name": ({"optimizer": "adam"}, r"optimizer must be an optax optimizer, got 'adam': pass an opt"),
    "a factory of optimizers": (
        {"optimizer": optimizers.adam},
        r"optimizer must be an optax optimizer, got the function adam: call it, such as optimizers\.adam\(1e-3\)",
    ),
    "a learning rate": ({"optimizer": 0.1}, r"optimizer must be an optax optimizer, got 0\.1: pass an optimizer"),
    "a fraction as batch size": ({"batch_size": 4.0}, r"batch_size must be an integer, got 4\.0: convert it with int"),
    "a text as batch size": ({"batch_size": "4"}, r"batch_size must be an integer, got '4'"),
    "a fraction of microbatches": ({"microbatches": 2.0}, r"microbatches must be an integer, got 2\.0"),
}


@pytest.mark.parametrize("call", ALL.values(), ids=ALL.keys())
@pytest.mark.parametrize(("change", "message"), TASKS.values(), ids=TASKS.keys())
def test_every_function_names_what_is_wrong_with_a_task(call, change, message):
    with raises(TypeError, message):
        call(task_of(**change), DATA)


@pytest.mark.parametrize("call", TRAINING.values(), ids=TRAINING.keys())
@pytest.mark.parametrize(("change", "message"), TRAINED_TASKS.values(), ids=TRAINED_TASKS.keys())
def test_training_names_what_is_wrong_with_optimizer_and_sizes(call, change, message):
    with raises(TypeError, message):
        call(task_of(**change), DATA)


@pytest.mark.parametrize("call", ALL.values(), ids=ALL.keys())
def test_a_task_must_be_a_task(call):
    with raises(TypeError, r"task must be a Task, got Model: make one with Task\(model, loss, optimizer, batch_size\)"):
        call(task_of().model, DATA)


WITH_KEY = {
    "key of start": lambda key: start(task_of(), DATA, key),
    "key of train": lambda key: train(task_of(), DATA, key, epochs=1),
    "order of train": lambda key: train(task_of(), DATA, KEY, epochs=1, order=key),
    "order of resume": lambda key: resume(task_of(), DATA, STATE, epochs=1, order=key),
    "order of fit": lambda key: fit(task_of(), DATA, KEYS, epochs=1, dev=DATA, order=key),
}
WRONG_KEYS = {
    "a seed": (
        7,
        TypeError,
        r"must be of the type that jax\.random\.key returns, got 7: make one with jax\.random\.key",
    ),
    "a text": ("7", TypeError, r"must be of the type that jax\.random\.key returns, got '7'"),
    "a legacy key": (
        np.zeros(2, np.uint32),
        TypeError,
        r"got an array of uint32 of the shape \(2,\): make it with jax\.random\.key, not with jax\.random\.PRNGKey",
    ),
    "several keys": (KEYS, ValueError, r"must be a single key, got keys of the shape \(2,\): take one of them"),
}


@pytest.mark.parametrize("call", WITH_KEY.values(), ids=WITH_KEY.keys())
@pytest.mark.parametrize(("key", "kind", "message"), WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_one_key_must_be_one_typed_key(call, key, kind, message):
    with raises(kind, message):
        call(key)


@pytest.mark.parametrize(
    ("keys", "kind", "message"),
    [
        (
            KEY,
            ValueError,
            r"keys must have the shape \(members,\), one key for each member, got a single key: make them",
        ),
        (KEYS[:0], ValueError, r"keys must have the shape \(members,\).*got keys of the shape \(0,\)"),
        ([KEY, KEY], TypeError, r"keys must be of the type .*, got list: stack keys with jnp\.stack"),
        (
            3,
            TypeError,
            r"keys must be of the type .*, got 3: make them with jax\.random\.split\(jax\.random\.key\(0\), mem",
        ),
        ([0, 1], TypeError, r"keys must be of the type .*, got list: make them with jax\.random\.split"),
        (training.Grid(KEYS, {}), TypeError, r"got Grid: write keys, settings = grid\(\.\.\.\)"),
        (np.zeros((3, 2), np.uint32), TypeError, r"got an array of uint32 of the shape \(3, 2\): make it with"),
    ],
)
def test_fit_needs_one_key_for_each_member(keys, kind, message):
    with raises(kind, message):
        fit(task_of(), DATA, keys, epochs=1, dev=DATA)


COUNTS = {
    "epochs of train": lambda count: train(task_of(), DATA, KEY, epochs=count),
    "epochs of resume": lambda count: resume(task_of(), DATA, STATE, epochs=count),
    "epochs of fit": lambda count: fit(task_of(), DATA, KEYS, epochs=count, dev=DATA),
    "patience of fit": lambda count: fit(task_of(), DATA, KEYS, epochs=1, dev=DATA, patience=count),
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    ("count", "kind", "message"),
    [
        (1.5, TypeError, r"must be an integer, got 1\.5: convert it with int\(\)"),
        ("3", TypeError, r"must be an integer, got '3'"),
        (True, TypeError, r"must be an integer, got True"),
        (0, ValueError, r"must be at least 1, got 0"),
        (-1, ValueError, r"must be at least 1, got -1"),
    ],
)
def test_counts_must_be_integers_from_1(name, count, kind, message):
    with raises(kind, f"{name.split()[0]} {message}"):
        COUNTS[name](count)


STATES = {
    "a Fit": (
        training.Fit(STATE, *[None] * 7),
        "must be a State, got Fit: pass its field `best_state`, or `state`",
    ),
    "a state and a history": ((STATE, None), "got tuple: train returns a state and a history; pass the state alone"),
    "parameters": (STATE.params, r"state must be a State, got dict: pass the result of training\.start, or the state"),
    "a Best": (training.Best(None, None, None, None), r"must be a State, got Best: pass fit\.best_state"),
    "None": (None, "state must be a State, got None"),
}


@pytest.mark.parametrize(
    "call",
    [
        lambda state: resume(task_of(), DATA, state, epochs=1),
        lambda state: evaluate(task_of(), state, DATA),
        lambda state: outputs_of(task_of(), state, DATA),
    ],
    ids=["resume", "evaluate", "outputs_of"],
)
@pytest.mark.parametrize(("state", "message"), STATES.values(), ids=STATES.keys())
def test_a_state_must_be_a_state(call, state, message):
    with raises(TypeError, message):
        call(state)


def test_resume_needs_the_state_of_one_model():
    with raises(
        ValueError,
        r"state must be that of one model, got that of 2 members: take one of them, such as state\.member\(0\)",
    ):
        resume(task_of(), DATA, STATE._replace(key=KEYS), epochs=1)


FIT = {
    "no device": ({"devices": []}, ValueError, "devices must hold at least one device, got an empty list: use None"),
    "a number of devices": ({"devices": 2}, TypeError, r"devices must be a list of devices, got 2: take some of jax"),
    "a name of devices": ({"devices": "cpu"}, TypeError, "devices must be a list of devices, got 'cpu'"),
    "a path": (
        {"checkpoints": "a/b"},
        TypeError,
        r"checkpoints must be training\.Checkpoints, got 'a/b': write training",
    ),
    "True as watch": (
        {"watch": True},
        TypeError,
        r"watch must be a function of \(progress\), .*got True",
    ),
    "a criterion by name": ({"criterion": "loss"}, TypeError, r"criterion must be a function of \(row\), such as low"),
    "a metric as criterion": ({"criterion": metrics.accuracy}, TypeError, "criterion must be .*the function accuracy"),
    "an observe of one argument": (
        {"observe": lambda state: {}},
        TypeError,
        r"observe must be a function of \(state, d",
    ),
    "a number as directory": (
        {"checkpoints": training.Checkpoints(3)},
        TypeError,
        "the directory of checkpoints must be a path, got 3",
    ),
    "a list of settings": (
        {"checkpoints": training.Checkpoints("a", None, [1])},
        TypeError,
        "the settings of checkpoints must be a dictionary, got list: name each of them",
    ),
    "no dev": ({"dev": None}, TypeError, r"dev must be a Dataset, got None: pass one .*, such as split\.dev"),
    "a task of two arguments": (
        {"task": lambda rate, decay: TASK, "settings": {"rate": np.ones(2)}},
        TypeError,
        r"task must be a function of \(settings\), .*, got the function <lambda>: pass a function with these",
    ),
    "an unknown name": (
        {"criterion": highest("acurracy")},
        ValueError,
        "highest needs a name that the history has, got 'acurracy': available are accuracy, loss",
    ),
}


@pytest.mark.parametrize(("settings", "kind", "message"), FIT.values(), ids=FIT.keys())
def test_fit_names_a_wrong_setting(settings, kind, message):
    with raises(kind, message):
        fit(**{"task": TASK, "data": DATA, "keys": KEYS, "epochs": 1, "dev": DATA} | settings)


def test_fit_and_population_cannot_be_traced():
    called = {
        "fit": lambda keys: fit(TASK, DATA, keys, epochs=1, dev=DATA).state,
        "population": lambda keys: population(lambda key: 0.0, keys),
    }
    for name, call in called.items():
        with raises(
            TypeError, rf"{name} must be called outside of jit, vmap .*: use training\.train and jax\.vmap inside"
        ):
            jax.eval_shape(call, KEYS)


def test_a_criterion_returns_one_number():
    row = training.History(jnp.float32(0), {"a": jnp.float32(1)})
    for criterion in (lowest_loss, highest("a")):
        check_criterion(criterion, row)
    with raises(ValueError, r"criterion must return one number for a row of the history, got an array .*\(2,\)"):
        check_criterion(lambda row: jnp.stack([row.loss, row.loss]), row)


def test_functions_that_take_more_optional_arguments_are_accepted():
    for loss in (F.cross_entropy, lambda *arguments: 0.0, lambda a, b, c=1: 0.0, jax.jit(lambda a, b: 0.0), max):
        check_function("loss", loss)
