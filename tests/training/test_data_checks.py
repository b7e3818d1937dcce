"""Data that a task cannot be trained or evaluated on raise one sentence from every function that takes them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, optimizers
from jaxdl.training import data_checks, start, train
from tests.training.entry_points import (
    CLASSES,
    DATA,
    EVALUATION,
    INPUTS,
    KEY,
    KEYS,
    LABELS,
    STATE,
    TASK,
    TRAINING,
    WEIGHTS,
    dataset,
    evaluate,
    fit,
    linear,
    outputs_of,
    raises,
    resume,
    state_of,
    task_of,
)

READ_VALUES = {**TRAINING, "evaluate": EVALUATION["evaluate"]}
NAN = np.where(np.arange(4) == 1, np.nan, INPUTS)

TYPES = {  # in every function
    "a tuple": ((INPUTS, LABELS), TypeError, r"data must be a Dataset, got tuple: make one with data\.from_arrays"),
    "a split": (data.Split(DATA, DATA, DATA), TypeError, r"got Split: pass one of its parts, such as split\.train"),
    "an array": (INPUTS, TypeError, "data must be a Dataset, got an array of float32 of the shape"),
    "a name": ("digits", TypeError, "data must be a Dataset, got 'digits'"),
    "lists": (
        data.Dataset(INPUTS.tolist(), LABELS, WEIGHTS),
        TypeError,
        "inputs of data must be an array, but contains a float: make the Dataset",
    ),
    "texts as inputs": (
        data.Dataset(INPUTS.astype(str), LABELS, WEIGHTS),
        TypeError,
        r"inputs of data must be numbers, got <U\d+: encode them with data\.prepare",
    ),
    "images as bytes": (
        dataset(np.zeros((12, 2, 2, 1), np.uint8)),
        TypeError,
        "inputs of data must be floating point, got bytes: divide images by 255",
    ),
    "NaN in inputs": (
        dataset(NAN),
        ValueError,
        "data contains NaN or infinity: inputs of 12 of 12 rows, the first of them row 0. Drop or impute them",
    ),
}
VALUES = {  # in every function that reads labels and weights
    "no weights": (
        dataset(weights=None),
        TypeError,
        r"weights of data must be floating, .*, got None: make the Dataset with",
    ),
    "weights of two axes": (
        dataset(weights=WEIGHTS[:, None]),
        TypeError,
        r"weights of data must be floating, with the shape \(examples,\), got an array .* the shape \(12, 1\)",
    ),
    "fewer labels": (
        dataset(labels=LABELS[:-1]),
        ValueError,
        r"labels of data must have one row for each of its 12 weights, got an array of shape \(11,\)",
    ),
    "integer weights": (
        dataset(weights=LABELS),
        TypeError,
        "weights of data must be floating, .* got an array of int32",
    ),
    "labels beyond": (
        dataset(labels=LABELS + 1),
        ValueError,
        "labels of data must be less than the model's 3 outputs, got 3: the model needs one output for each class",
    ),
    "negative labels": (
        dataset(labels=LABELS - 1),
        ValueError,
        "labels of data must be class numbers from 0, got -1",
    ),
    "no examples": (
        dataset(INPUTS[:0], LABELS[:0], WEIGHTS[:0]),
        ValueError,
        "data has no examples|batch_size must be",
    ),
    "NaN in weights": (
        dataset(weights=WEIGHTS * np.nan),
        ValueError,
        "weights of data must be finite and not negative",
    ),
    "negative weights": (dataset(weights=-WEIGHTS), ValueError, "weights of data must be finite and not negative"),
    "integer inputs": (
        dataset(LABELS[:, None] * np.ones(4, np.int32)),
        TypeError,
        r"inputs must be of a type that the model accepts, got int32: convert them with inputs\.astype\('float32'\)",
    ),
}


def strict_model():
    """Return a linear model whose layer accepts floating inputs only, as the layers of jaxdl do."""
    model = linear(CLASSES)

    def init(key, x):
        F.relu(x)
        return model.init(key, x)

    return model._replace(init=init)


@pytest.mark.parametrize("call", {**TRAINING, **EVALUATION}.values(), ids={**TRAINING, **EVALUATION}.keys())
@pytest.mark.parametrize(("wrong", "kind", "message"), TYPES.values(), ids=TYPES.keys())
def test_every_function_names_wrong_types_and_shapes(call, wrong, kind, message):
    with raises(kind, message):
        call(TASK, wrong)


@pytest.mark.parametrize("call", READ_VALUES.values(), ids=READ_VALUES.keys())
@pytest.mark.parametrize(("wrong", "kind", "message"), VALUES.values(), ids=VALUES.keys())
def test_every_function_that_reads_labels_and_weights_names_wrong_values(call, wrong, kind, message):
    with raises(kind, message):
        call(task_of(model=strict_model()), wrong)


DEV = {
    "a tuple": ((INPUTS, LABELS), TypeError, "dev must be a Dataset, got tuple"),
    "a split": (data.Split(DATA, DATA, DATA), TypeError, r"dev must be a Dataset, got Split: .*such as split\.dev"),
    "other features": (dataset(INPUTS[:, :3]), ValueError, r"inputs of dev.* the shape \(3,\)|got \(3,\)"),
    "labels beyond": (dataset(labels=LABELS + 1), ValueError, "labels of dev must be less than the model's 3 outputs"),
    "NaN": (dataset(NAN), ValueError, "dev contains NaN or infinity"),
    "no weight": (dataset(weights=0 * WEIGHTS), ValueError, "weights of dev are all 0, so the weighted mean"),
}


@pytest.mark.parametrize(("dev", "kind", "message"), DEV.values(), ids=DEV.keys())
def test_training_names_what_is_wrong_with_dev(dev, kind, message):
    for f, keys in [(resume, STATE), (fit, KEYS)]:
        with raises(kind, message):
            f(TASK, DATA, keys, epochs=1, dev=dev)


STATES = {
    "inputs": (
        state_of(inputs=3),
        r"inputs of data, which have the shape \(4,\), but params\['w'\] is of the shape \(4, 3\) in the model and of "
        r"the shape \(3, 3\) in the state: use the model and the shape of inputs that the state was made for",
    ),
    "outputs": (
        state_of(outputs=5),
        r"params\['w'\] is of the shape \(4, 3\) in the model and of the shape \(4, 5\) in",
    ),
    "no layer": (STATE._replace(params={}), r"params\['w'\] is of the shape \(4, 3\) in the model and absent in the"),
    "a layer": (
        STATE._replace(params={"w": STATE.params["w"], "v": jnp.ones(2)}),
        r"params\['v'\] is absent in the model and of the shape \(2,\)",
    ),
}


@pytest.mark.parametrize(("state", "message"), STATES.values(), ids=STATES.keys())
def test_a_state_must_fit_the_model_and_the_inputs(state, message):
    for call in (lambda: resume(TASK, DATA, state, epochs=1), lambda: evaluate(TASK, state, DATA)):
        with raises(ValueError, message):
            call()
    with raises(ValueError, message):
        outputs_of(TASK, state, DATA)


def test_a_state_must_fit_the_optimizer_that_resumes():
    with raises(ValueError, "optimizer_state of the state does not have the arrays of this optimizer: resume with the"):
        resume(task_of(optimizer=optimizers.adam(0.1)), DATA, STATE, epochs=1)


def test_numpy_arrays_are_trained_on_as_jax_arrays_are():
    numpy = data.Dataset(INPUTS.astype(float), LABELS.astype(np.int64), WEIGHTS)
    trained = jax.jit(lambda key, dataset: train(TASK, dataset, key, epochs=1, dev=dataset))
    for found, expected in zip(
        jax.tree.leaves(jax.jit(lambda key: train(TASK, numpy, key, epochs=1, dev=numpy))(KEY)),
        jax.tree.leaves(trained(KEY, DATA)),
        strict=True,
    ):
        assert found.dtype == expected.dtype
        if found.dtype == jnp.float32:
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_values_of_traced_arrays_are_not_read():
    jax.eval_shape(lambda dataset: train(TASK, dataset, KEY, epochs=1), dataset(NAN, LABELS - 1))


def test_evaluate_skips_rows_of_weight_0():
    weights, labels = np.where(np.arange(12) == 3, 0, WEIGHTS), np.where(np.arange(12) == 3, -1, LABELS)
    skipped = dataset(np.where(np.arange(12)[:, None] == 3, np.nan, INPUTS), labels, weights)
    assert jax.jit(lambda state: evaluate(TASK, state, skipped)["loss"])(STATE) == pytest.approx(np.log(3), rel=1e-6)


def test_start_accepts_a_first_batch_of_weight_0():
    start(TASK, dataset(weights=0 * WEIGHTS), KEY)


def test_an_array_that_was_found_finite_is_not_read_again(monkeypatch):
    read_twice = lambda array: pytest.fail("read again") if np.ndim(array) > 1 else np.True_
    data_checks.check_values("data", DATA)
    monkeypatch.setattr(data_checks.np, "isfinite", read_twice)
    data_checks.check_values("data", DATA)


def test_outputs_need_no_labels_and_an_observe_of_the_user_any_dev():
    jax.eval_shape(lambda state: outputs_of(TASK, state, data.Dataset(INPUTS, None, None)), STATE)
    observe, dev = lambda state, dev: {"first": dev.inputs[0, 0]}, dataset(NAN[:, :3], LABELS + 7)
    history = jax.eval_shape(lambda key: train(TASK, DATA, key, epochs=2, dev=dev, observe=observe), KEY)[1]
    assert history.observed["first"].shape == (2,)
