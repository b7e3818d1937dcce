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


def test_r_squared_and_the_errors_are_those_of_their_formulas(random):
    targets, weights = random.normal(size=(40, 2)), random.uniform(0.5, 2, 40)
    predictions = targets + random.normal(0, 0.5, (40, 2))
    of = [jnp.asarray(array, jnp.float32) for array in (predictions, targets, weights)]
    squares = ((predictions - targets) ** 2).sum(axis=1)
    spread = ((targets - np.average(targets, axis=0, weights=weights)) ** 2).sum(axis=1)
    np.testing.assert_allclose(metrics.r_squared(*of), 1 - (weights @ squares) / (weights @ spread), rtol=1e-5)
    np.testing.assert_allclose(
        metrics.root_mean_squared_error(*of), np.sqrt(np.average(squares, weights=weights)), rtol=1e-5
    )
    absolute = np.abs(predictions - targets).sum(axis=1)
    np.testing.assert_allclose(metrics.mean_absolute_error(*of), np.average(absolute, weights=weights), rtol=1e-5)


def test_r_squared_is_that_of_a_straight_line_in_closed_form(random):
    x, y = random.normal(size=(2, 30))
    slope, start = np.polyfit(x, y, 1)
    line = jnp.asarray(slope * x + start, jnp.float32)[:, None]
    found = metrics.r_squared(line, jnp.asarray(y, jnp.float32)[:, None], jnp.ones(30))
    np.testing.assert_allclose(found, np.corrcoef(x, y)[0, 1] ** 2, rtol=1e-4)


def test_r_squared_is_1_for_what_is_right_0_for_the_mean_and_nan_without_variance():
    targets = jnp.array([[1.0], [2.0], [6.0]])
    assert metrics.r_squared(targets, targets, jnp.ones(3)) == 1
    assert abs(metrics.r_squared(jnp.full((3, 1), 3.0), targets, jnp.ones(3))) < 1e-6
    assert jnp.isnan(metrics.r_squared(targets, jnp.ones((3, 1)), jnp.ones(3)))
