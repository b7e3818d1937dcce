"""Names of modules and of results: `dir` lists what is public, and an unknown name raises with advice."""

import copy
import pickle
import traceback

import jax
import pytest

import jaxdl.functional as F
from jaxdl import data, experiment, metrics, models, optimizers, reports, schedules, statistics, training

NAMED = [training.Fit, training.History, training.State, training.Task, data.Dataset, data.Split]


@pytest.mark.parametrize("module", [metrics, schedules, statistics], ids=lambda module: module.__name__)
def test_dir_of_a_module_lists_the_public_names_only(module):
    assert dir(module) == sorted(module.__all__)


@pytest.mark.parametrize(
    ("module", "name", "nearest"),
    [
        (F, "crossentropy", "cross_entropy"),
        (F, "CrossEntropy", "cross_entropy"),
        (optimizers, "Adam", "adam"),
        (models, "resnet18", "resnet"),
        (metrics, "acuracy", "accuracy"),
        (metrics, "rmse", "root_mean_squared_error"),
        (metrics, "r2", "r_squared"),
        (F, "BCE", "binary_cross_entropy"),
        (F, "ce", "cosine_embedding or cross_entropy"),
        (F, "mse", "squared_error"),
        (F, "linear", "dense"),
        (models, "CNN", "convnet"),
        (data, "stratifed_split", "stratified_split"),
        (training, "fitt", "fit"),
        (schedules, "cosine_decay", "cosine"),
        (statistics, "Sumary", "summary"),
        (experiment, "greater", "Greater"),
        (reports, "write_reports", "write_report"),
    ],
)
def test_an_unknown_name_raises_with_the_nearest(module, name, nearest):
    sentence = f"module '{module.__name__}' has no attribute '{name}': did you mean {nearest}?"
    with pytest.raises(AttributeError) as raised:
        getattr(module, name)
    assert str(raised.value) == sentence
    assert "".join(traceback.format_exception(raised.value)).count(nearest) <= 2  # Python adds no suggestion of its own


def test_a_name_that_is_near_to_no_other_raises():
    assert not hasattr(F, "mean")
    with pytest.raises(AttributeError, match=r"no attribute 'mean': help\(jaxdl.functional\) lists what it has\."):
        F.mean  # noqa: B018


EMPTY = {kind: kind(*[None] * len(kind._fields)) for kind in NAMED}


@pytest.mark.parametrize(
    ("kind", "name", "advice"),
    [
        (training.History, "accuracy", 'values on dev are in observed, such as observed["accuracy"].'),
        (training.History, "losses", "did you mean loss?"),
        (training.History, "val_loss", 'the loss on dev is observed["loss"].'),
        (training.Fit, "accuracy", r'such as history.observed["accuracy"], and in table().'),
        (training.Fit, "params", "write state.params for those of the last epoch, or best.params for those of the"),
        (training.Fit, "histories", "did you mean history?"),
        (training.Task, "train", "call training.train(task, data, key, epochs=10), or training.fit for several"),
        (training.Task, "optimiser", "did you mean optimizer?"),
        (training.State, "opt_state", "write optimizer_state."),
        (training.State, "accuracy", "call training.evaluate(task, state, data)."),
        (data.Dataset, "X", "write inputs."),
        (data.Dataset, "y", "write labels."),
        (data.Dataset, "foo", "it has inputs, labels, outputs, size, weights."),
        (data.Split, "x_train", "write train.inputs."),
        (data.Split, "val_y", "write dev.labels."),
        (data.Split, "labels", "write train.labels, or that of another part."),
    ],
)
def test_an_unknown_attribute_of_a_result_raises_with_advice(kind, name, advice):
    with pytest.raises(AttributeError) as raised:
        getattr(EMPTY[kind], name)
    assert str(raised.value).startswith(f"{kind.__name__} has no attribute {name!r}: ")
    assert advice in str(raised.value)


@pytest.mark.parametrize("kind", NAMED, ids=lambda kind: kind.__name__)
def test_a_type_with_advice_is_copied_pickled_and_a_pytree_as_before(kind):
    value = kind(*range(len(kind._fields)))
    for same in (copy.deepcopy(value), pickle.loads(pickle.dumps(value)), jax.tree.map(lambda leaf: leaf, value)):
        assert type(same) is kind
        assert same == value
    assert jax.tree.leaves(value) == [*range(len(kind._fields))]
    assert not hasattr(value, "__jax_array__")
    assert "accuracy" not in dir(value)


def test_an_attribute_error_of_a_property_keeps_its_message():
    with pytest.raises(AttributeError, match="'list' object has no attribute 'shape'"):
        data.Dataset([[1.0]], [[1.0]], [1.0]).outputs  # noqa: B018
