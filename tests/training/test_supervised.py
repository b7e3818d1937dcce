import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, metrics, models, optimizers
from jaxdl.training import State, Task, evaluate, in_batches, objective_of, outputs_of
from jaxdl.training.supervised import observed
from tests.training import entry_points
from tests.training.entry_points import fit, raises, train

MODEL = models.mlp((4,), 3)
DATA = data.from_arrays(np.arange(12.0).reshape(6, 2) / 10, [0, 1, 2, 0, 1, 2], weights=[1, 1, 1, 1, 0, 2])


def task_of(model=MODEL, loss=F.cross_entropy, **settings):
    return Task(model, loss, optimizers.sgd(0.1), 6, **settings)


def state_with(params, stats):
    zero = jnp.zeros((), int)
    return State(jax.random.key(0), zero, zero, params, stats, ())


@pytest.fixture(scope="module")
def params():
    return jax.jit(MODEL.init)(jax.random.key(0), DATA.inputs)[0]


@pytest.fixture(scope="module")
def losses(params):
    return losses_at(params, DATA.inputs)


@jax.jit
def losses_at(params, inputs):
    return F.cross_entropy(MODEL.apply(params, {}, inputs)[0], DATA.labels)


def value(params, **settings):
    return jax.jit(objective_of(task_of(**settings)))(params, {}, DATA, jax.random.key(0))[0]


def test_the_objective_is_the_weighted_mean_of_the_losses(params, losses):
    np.testing.assert_allclose(value(params), np.average(losses, weights=DATA.weights), rtol=1e-6)


def test_the_penalty_is_added_to_the_loss(params):
    penalized = value(params, penalty=lambda params: 0.1 * F.l2(params))
    np.testing.assert_allclose(penalized - value(params), 0.1 * F.l2(params), rtol=1e-5)


def test_inputs_are_augmented_before_the_model_sees_them(params):
    augmented = value(params, augment=lambda key, batch: batch._replace(inputs=0 * batch.inputs))
    at_zero = losses_at(params, 0 * DATA.inputs)
    np.testing.assert_allclose(augmented, np.average(at_zero, weights=DATA.weights), rtol=1e-6)


def test_dropout_is_active_in_the_objective_and_inactive_in_the_metrics():
    model = models.mlp((64,), 3, dropout_rate=0.5)
    params, stats = jax.jit(model.init)(jax.random.key(0), DATA.inputs)
    objective = jax.jit(objective_of(task_of(model)))
    assert objective(params, stats, DATA, jax.random.key(1))[0] != objective(params, stats, DATA, jax.random.key(2))[0]
    found = jax.jit(functools.partial(evaluate, task_of(model)))(state_with(params, stats), DATA)["loss"]
    expected = F.cross_entropy(jax.jit(model.apply)(params, stats, DATA.inputs)[0], DATA.labels)
    np.testing.assert_allclose(found, np.average(expected, weights=DATA.weights), rtol=1e-6)


def test_augmentation_and_model_receive_different_keys(params):
    keys = []

    def apply(params, stats, inputs, key=None):
        keys.append(jax.random.key_data(key))
        return jnp.ones((6, 3)), stats

    def augment(key, batch):
        keys.append(jax.random.key_data(key))
        return batch

    objective = objective_of(task_of(models.Model(MODEL.init, apply), augment=augment))
    for seed in (1, 2):
        objective(params, {}, DATA, jax.random.key(seed))
    assert len({tuple(key.tolist()) for key in keys}) == 4


def test_evaluate_measures_the_weighted_loss_and_the_metrics(params, losses):
    task = task_of(metrics={"accuracy": metrics.accuracy})
    found = jax.jit(functools.partial(evaluate, task))(state_with(params, {}), DATA)
    np.testing.assert_allclose(found["loss"], np.average(losses, weights=DATA.weights), rtol=1e-6)
    correct = MODEL.apply(params, {}, DATA.inputs)[0].argmax(axis=1) == DATA.labels
    np.testing.assert_allclose(found["accuracy"], np.average(correct, weights=DATA.weights), rtol=1e-6)


def test_the_accuracy_of_classes_names_the_one_of_a_single_logit(params):
    first = models.Model(MODEL.init, lambda *arguments, **keys: (MODEL.apply(*arguments, **keys)[0][:, :1], {}))
    task = task_of(model=first, loss=lambda outputs, labels: outputs[:, 0], metrics={"accuracy": metrics.accuracy})
    with pytest.raises(ValueError, match=r"accuracy needs .* got \(6, 1\): .* use metrics.binary_accuracy"):
        evaluate(task, state_with(params, {}), DATA)


def test_a_population_is_evaluated_member_by_member(params):
    """As the state that `fit` returns, whose counters have no axis of members."""
    task = task_of(metrics={"accuracy": metrics.accuracy}, transform=lambda inputs: inputs - 1)
    scaled = [jax.tree.map(lambda leaf, scale=scale: scale * leaf, params) for scale in (1.0, -2.0)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *scaled)
    state = state_with(stacked, {})._replace(key=jax.random.split(jax.random.key(0), 2))
    evaluated = jax.jit(functools.partial(evaluate, task))
    found = evaluated(state, DATA)
    for member, alone in enumerate(scaled):
        for name, value in evaluated(state_with(alone, {}), DATA).items():
            np.testing.assert_allclose(found[name][member], value, rtol=1e-6)
    assert found["loss"][0] != found["loss"][1]


def test_a_metric_named_loss_replaces_the_loss_and_an_objective_alone_has_only_metrics(params):
    state, weight = state_with(params, {}), {"loss": lambda outputs, labels, weights: weights.sum()}
    assert evaluate(task_of(metrics=weight), state, DATA) == {"loss": 6}
    objective = lambda params, stats, batch, key: (0.0, stats)
    assert evaluate(task_of(loss=None, objective=objective), state, DATA) == {}
    assert objective_of(task_of(loss=None, objective=objective))({}, {"mean": 1}, DATA, jax.random.key(0)) == (
        0.0,
        {"mean": 1},
    )
    with pytest.raises(ValueError, match="needs a loss, such as F.cross_entropy, or an objective; both are None"):
        objective_of(task_of(loss=None))


def test_an_epoch_records_what_observe_returns_else_the_evaluation_on_dev_else_nothing(params):
    task, state = task_of(), state_with(params, {})
    assert observed(task, state, None, None) == {}
    assert observed(task, state, DATA, None) == evaluate(task, state, DATA)
    assert observed(task, state, DATA, lambda state, dev: {"size": dev.size}) == {"size": 6}


def test_outputs_and_regression_metrics_do_not_depend_on_the_division_into_batches(random, monkeypatch):
    examples = data.from_arrays(random.normal(size=(30, 5)), random.normal(size=(30, 3)))
    params, stats = jax.jit(MODEL.init)(jax.random.key(0), examples.inputs)
    state, outputs = state_with(params, stats), jax.jit(MODEL.apply)(params, stats, examples.inputs)[0]
    task = task_of(loss=F.absolute_error, metrics={"r_squared": metrics.r_squared})
    monkeypatch.setattr(in_batches, "__kwdefaults__", {"rows": 8})
    np.testing.assert_allclose(outputs_of(task, state, examples), outputs, atol=1e-6)
    found = jax.jit(functools.partial(evaluate, task))(state, examples)
    np.testing.assert_allclose(found["loss"], F.absolute_error(outputs, examples.labels).mean(), rtol=1e-5)
    total = ((examples.labels - examples.labels.mean(axis=0)) ** 2).sum()
    residual = ((outputs - examples.labels) ** 2).sum()
    np.testing.assert_allclose(found["r_squared"], 1 - residual / total, rtol=1e-4)


RESULTS = {
    "a mean loss": (
        {"loss": lambda outputs, labels: F.cross_entropy(outputs, labels).mean()},
        r"the loss must return one number for each example, of the shape \(6,\), got \(\): return the losses without",
    ),
    "a loss of each pair": (
        {"loss": lambda outputs, labels: outputs[:, :1] - labels},
        r"the loss must return one number for each example, of the shape \(6,\), got \(6, 6\): give outputs and labels",
    ),
    "a loss of each output": (
        {"loss": lambda outputs, labels: outputs},
        r"the loss must return one number for each example, of the shape \(6,\), got \(6, 3\): sum over the outputs",
    ),
    "an objective without statistics": (
        {"objective": lambda params, stats, batch, key: batch.weights.sum()},
        r"the objective must return a pair, \(loss, stats\), got an array of float32 of the shape \(\): return both",
    ),
    "an objective of each example": (
        {"objective": lambda params, stats, batch, key: (batch.weights, stats)},
        r"the objective must return one number for a batch, got an array of shape \(6,\): take its mean",
    ),
    "a penalty of each parameter": (
        {"penalty": lambda params: params["Dense_0"]["bias"] ** 2},
        r"the penalty must be one number, got an array of float32 of the shape \(4,\): sum over all parameters",
    ),
    "an augmentation that returns inputs": (
        {"augment": lambda key, batch: batch.inputs},
        r"augment must return a batch, got an array .*: return batch\._replace\(inputs=\.\.\.\)",
    ),
}


@pytest.mark.parametrize(("change", "message"), RESULTS.values(), ids=RESULTS.keys())
def test_a_function_of_the_user_with_a_wrong_result_is_named(params, change, message):
    with pytest.raises((TypeError, ValueError), match=message):
        jax.eval_shape(objective_of(task_of()._replace(**change)), params, {}, DATA, jax.random.key(0))


def test_a_metric_is_one_number_and_observe_returns_a_dictionary_of_numbers(params):
    shares = task_of(metrics={"hits": lambda outputs, labels, weights: (outputs.argmax(-1) == labels) * weights})
    with pytest.raises(
        ValueError, match=r"metric 'hits' must return one number, got an array of shape \(6,\): take its"
    ):
        jax.eval_shape(functools.partial(evaluate, shares), state_with(params, {}), DATA)
    with pytest.raises(TypeError, match="observe must return a dictionary of numbers, got None"):
        observed(task_of(), state_with(params, {}), DATA, lambda state, dev: None)
    for value in (None, {"mean": 1.0}):
        with pytest.raises(TypeError, match=r"metric 'hits' must return one number, got (None|dict): return a number"):
            evaluate(task_of(metrics={"hits": lambda *_, value=value: value}), state_with(params, {}), DATA)
    with pytest.raises(TypeError, match="observe must return a dictionary of numbers, but it holds None"):
        observed(task_of(), state_with(params, {}), DATA, lambda state, dev: {"loss": None})
    with pytest.raises(TypeError, match="observe must return a dictionary of numbers, but it holds 'high'"):
        observed(task_of(), state_with(params, {}), DATA, lambda state, dev: {"loss": "high"})
    every = lambda state, dev: {"params": state.params, "epoch": 3}
    assert observed(task_of(), state_with(params, {}), DATA, every)["epoch"] == 3


FUNCTIONS = {
    "a loss": ({"loss": lambda outputs, labels: outputs[:, 0] * float(labels[0])}, r"loss, .*\(outputs, labels\)"),
    "an objective": ({"objective": lambda p, s, batch, key: (np.sum(np.asarray(p["w"])), s)}, r"objective, .*\(params"),
    "a penalty": ({"penalty": lambda params: 0.1 if params["w"].sum() > 0 else 0.0}, r"penalty, .*\(params\)"),
    "an augmentation": (
        {"augment": lambda key, batch: batch if np.asarray(batch.inputs).any() else None},
        r"augment, .*\(key, batch\), such as data\.each_image",
    ),
    "a metric": ({"metrics": {"a": lambda o, y, w: float(o.mean())}}, r"metric 'a', .*\(outputs, labels, weights\)"),
}


@pytest.mark.parametrize(("change", "message"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_functions_of_a_task_must_be_traceable(change, message):
    for call in (fit, train):
        with raises(TypeError, message + r".* must be traceable by jax: .* use jnp, and jnp\.where or jax\.lax\.cond"):
            call(
                entry_points.task_of(**change),
                entry_points.DATA,
                entry_points.KEYS if call is fit else entry_points.KEY,
                epochs=1,
                dev=entry_points.DATA,
            )


def test_observe_must_be_traceable():
    with raises(TypeError, r"observe, a function of \(state, dev\), must be traceable by jax"):
        fit(
            entry_points.TASK,
            entry_points.DATA,
            entry_points.KEYS,
            epochs=1,
            dev=entry_points.DATA,
            observe=lambda state, dev: {"epoch": int(state.epoch)},
        )
