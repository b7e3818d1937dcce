import jax.numpy as jnp
import numpy as np

from jaxdl import metrics


def test_accuracy_is_the_weighted_share_that_is_right():
    logits = jnp.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    assert metrics.accuracy(logits, jnp.array([0, 0, 0]), jnp.array([1.0, 1.0, 2.0])) == 0.75


def test_what_is_nan_is_never_right():
    logits = jnp.array([[jnp.nan, 1.0], [1.0, jnp.nan]])
    assert metrics.predictions(logits).tolist() == [-1, -1]
    assert metrics.accuracy(logits, jnp.array([0, 1]), jnp.ones(2)) == 0
    assert metrics.accuracy(logits, jnp.array([-1, -1]), jnp.ones(2)) == 0


def test_the_confusion_matrix_counts_labels_in_rows_and_predictions_in_columns(random):
    labels, predicted = random.integers(0, 3, 50), random.integers(0, 3, 50)
    counted = np.zeros((3, 3), int)
    for label, prediction in zip(labels, predicted, strict=True):
        counted[label, prediction] += 1
    assert np.array_equal(metrics.confusion_matrix(jnp.asarray(predicted), jnp.asarray(labels), classes=3), counted)


def test_what_is_no_class_is_counted_nowhere():
    assert metrics.confusion_matrix(jnp.array([0, 0, 1]), jnp.array([-1, 5, 1]), classes=2).tolist() == [[0, 0], [0, 1]]
    assert metrics.confusion_matrix(jnp.array([-1, 1]), jnp.array([0, 1]), classes=2).tolist() == [[0, 0], [0, 1]]
