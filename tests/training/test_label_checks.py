"""Labels of no class raise, those that a loss ignores do not, and a loss that pairs all examples is found."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl.training.label_checks import check_broadcast, check_labels
from tests.training.entry_points import CLASSES, INPUTS, KEYS, TRAINING, dataset, fit, linear, raises, task_of

OUTPUTS = jax.ShapeDtypeStruct((1, CLASSES), jnp.float32)
IGNORING = lambda outputs, labels: F.cross_entropy(outputs, labels, ignored=255)
COUNTED = lambda outputs, labels: (outputs[:, 0] - labels) ** 2


@pytest.mark.parametrize(
    ("loss", "labels", "outputs"),
    [
        (F.cross_entropy, [0, -100, 2], 3),
        (IGNORING, [0, 255, 2], 3),
        (lambda outputs, labels: outputs[:, 0] * labels, [0, 1], 1),
        (COUNTED, [0, 17], 1),
        (COUNTED, [-3, 17], 1),
        (None, [-3, 17], 3),
    ],
)
def test_labels_that_a_loss_ignores_or_counts_are_accepted(loss, labels, outputs):
    check_labels("data", task_of(loss=loss), np.array(labels), jax.ShapeDtypeStruct((1, outputs), jnp.float32))


@pytest.mark.parametrize("loss", [F.cross_entropy, IGNORING, optax.softmax_cross_entropy_with_integer_labels])
@pytest.mark.parametrize("label", [-1, 3])
def test_labels_of_no_class_raise(loss, label):
    with pytest.raises(ValueError, match=f"labels of data must be .*, got {label}"):
        check_labels("data", task_of(loss=loss), np.array([0, label]), OUTPUTS)


def test_two_classes_need_two_outputs():
    one = jax.ShapeDtypeStruct((1, 1), jnp.float32)
    with pytest.raises(ValueError, match="must be 0 for a model with one output, got 1: give the model one output for"):
        check_labels("data", task_of(loss=F.cross_entropy), np.array([0, 1]), one)


def test_a_loss_that_depends_on_traced_values_is_not_probed():
    def f(weight):
        check_labels("data", task_of(loss=lambda outputs, labels: weight * outputs[:, 0]), np.array([-1, 7]), OUTPUTS)
        return weight

    assert jax.jit(f)(1.0) == 1


MEAN = lambda outputs, labels: ((outputs - labels) ** 2).mean(axis=-1)
COLUMN = lambda outputs, labels: (outputs.reshape(-1) - labels.reshape(-1)) ** 2


@pytest.mark.parametrize(("outputs", "labels"), [((5, 1), (5,)), ((5,), (5, 1))])
def test_a_loss_that_broadcasts_to_all_pairs_raises(outputs, labels):
    outputs, labels = jnp.zeros(outputs), jnp.zeros(labels)
    check_broadcast(COLUMN, outputs, labels)
    check_broadcast(MEAN, {"head": outputs}, labels)
    with pytest.raises(ValueError, match=r"the loss broadcasts outputs of the shape .* and labels of .* to all pairs"):
        check_broadcast(MEAN, outputs, labels)


@pytest.mark.parametrize("call", ["train", "fit", "population", "jit"])
def test_training_names_targets_that_broadcast(call):
    task = task_of(model=linear(1), loss=MEAN, metrics={})
    targets = dataset(labels=INPUTS[:, 0])
    with raises(
        ValueError, r"the loss broadcasts outputs of the shape \((4|12), 1\) and labels of the shape \((4|12),\)"
    ):
        if call == "fit":
            fit(task, targets, KEYS, epochs=1, dev=targets)
        else:
            TRAINING[call](task, targets)
