import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import metrics


def test_accuracy_is_the_weighted_share_of_correct_predictions():
    logits = jnp.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    assert metrics.accuracy(logits, jnp.array([0, 0, 0]), jnp.array([1.0, 1.0, 2.0])) == 0.75


def test_binary_accuracy_is_the_weighted_share_of_logits_on_the_right_side():
    binary_accuracy = metrics.binary_accuracy
    logits = jnp.array([2.0, -1.0, 0.5, jnp.nan, -3.0, 0.0])
    labels, weights = jnp.array([1, 0, 0, 0, 1, 0]), jnp.array([1.0, 2, 3, 4, 5, 1])
    expected = (1 + 2 + 1) / 16  # the NaN is an error, and 0 is not above the threshold
    assert binary_accuracy(logits, labels, weights) == expected
    columns = logits[:, None], labels[:, None].astype(float), weights
    assert binary_accuracy(*columns) == expected
    assert binary_accuracy(logits, 2 * labels - 1, weights) == expected
    probabilities = 1 / (1 + jnp.exp(-logits))
    assert binary_accuracy(probabilities, labels, weights, threshold=0.5) == expected


def test_binary_accuracy_of_several_outputs_is_their_mean_and_other_labels_are_errors():
    logits, labels = jnp.array([[1.0, 1.0], [1.0, -1.0]]), jnp.array([[1, 0], [1, 0]])
    assert metrics.binary_accuracy(logits, labels, jnp.array([3.0, 1.0])) == (3 * 0.5 + 1) / 4
    assert metrics.binary_accuracy(jnp.ones(3), jnp.array([2, 1, 255], "uint8"), jnp.ones(3)) == np.float32(1 / 3)
    assert metrics.binary_accuracy(-jnp.ones(2), jnp.array([-100, -1]), jnp.ones(2)) == 0.5


def test_a_nan_logit_is_an_error():
    logits = jnp.array([[jnp.nan, 1.0], [1.0, jnp.nan]])
    assert metrics.predictions(logits).tolist() == [-1, -1]
    assert metrics.predictions(logits[None]).tolist() == [[-1, -1]]
    assert metrics.accuracy(logits, jnp.array([0, 1]), jnp.ones(2)) == 0
    assert metrics.accuracy(logits, jnp.array([-1, -1]), jnp.ones(2)) == 0


def test_the_confusion_matrix_counts_labels_in_rows_and_predictions_in_columns(random):
    labels, predicted = random.integers(0, 3, 50), random.integers(0, 3, 50)
    counts = np.zeros((3, 3), int)
    for label, prediction in zip(labels, predicted, strict=True):
        counts[label, prediction] += 1
    assert np.array_equal(metrics.confusion_matrix(jnp.asarray(predicted), jnp.asarray(labels), classes=3), counts)


def test_the_confusion_matrix_ignores_labels_and_predictions_that_are_out_of_range():
    assert metrics.confusion_matrix(jnp.array([0, 0, 1]), jnp.array([-1, 5, 1]), classes=2).tolist() == [[0, 0], [0, 1]]
    assert metrics.confusion_matrix(jnp.array([-1, 1]), jnp.array([0, 1]), classes=2).tolist() == [[0, 0], [0, 1]]


def test_the_confusion_matrix_and_the_accuracy_raise_instead_of_broadcasting(unchecked):
    labels, column, ones = jnp.array([0, 1, 1]), jnp.array([[0], [1], [1]]), jnp.ones(3)
    for arguments in ((labels, column), (column, labels), (column, column)):
        with pytest.raises(ValueError, match=r"must have the shape \(batch,\)"):
            unchecked(metrics.confusion_matrix)(*arguments, classes=2)
    for arguments in ((jnp.ones((3, 2)), column, ones), (jnp.ones((3, 2)), labels, ones[:, None])):
        with pytest.raises(ValueError, match=r"must have the shape \(batch,\)"):
            unchecked(metrics.accuracy)(*arguments)
    with pytest.raises(TypeError, match="labels must be integers, got float32"):
        unchecked(metrics.confusion_matrix)(labels, ones, classes=2)


def test_r_squared_and_the_errors_equal_their_formulas(random):
    targets, weights = random.normal(size=(40, 2)), random.uniform(0.5, 2, 40)
    predictions = targets + random.normal(0, 0.5, (40, 2))
    arrays = [jnp.asarray(array, jnp.float32) for array in (predictions, targets, weights)]
    functions = (metrics.r_squared, metrics.root_mean_squared_error, metrics.mean_absolute_error)
    r_squared, root_mean_square, mean_absolute = jax.jit(lambda *arrays: [f(*arrays) for f in functions])(*arrays)
    squares = ((predictions - targets) ** 2).sum(axis=1)
    spread = ((targets - np.average(targets, axis=0, weights=weights)) ** 2).sum(axis=1)
    np.testing.assert_allclose(r_squared, 1 - (weights @ squares) / (weights @ spread), rtol=1e-5)
    np.testing.assert_allclose(root_mean_square, np.sqrt(np.average(squares, weights=weights)), rtol=1e-5)
    absolute = np.abs(predictions - targets).sum(axis=1)
    np.testing.assert_allclose(mean_absolute, np.average(absolute, weights=weights), rtol=1e-5)


def test_r_squared_of_a_least_squares_line_is_the_squared_correlation(random):
    x, y = random.normal(size=(2, 30))
    slope, start = np.polyfit(x, y, 1)
    line = jnp.asarray(slope * x + start, jnp.float32)[:, None]
    found = metrics.r_squared(line, jnp.asarray(y, jnp.float32)[:, None], jnp.ones(30))
    np.testing.assert_allclose(found, np.corrcoef(x, y)[0, 1] ** 2, rtol=1e-4)


def test_r_squared_is_1_if_exact_0_for_the_mean_and_nan_without_variance():
    targets = jnp.array([[1.0], [2.0], [6.0]])
    assert metrics.r_squared(targets, targets, jnp.ones(3)) == 1
    assert abs(metrics.r_squared(jnp.full((3, 1), 3.0), targets, jnp.ones(3))) < 1e-6
    assert jnp.isnan(metrics.r_squared(targets, jnp.ones((3, 1)), jnp.ones(3)))


LOGITS, LABELS, WEIGHTS = np.zeros((3, 2), np.float32), np.zeros(3, int), np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("metric", "arguments", "sentence"),
    [
        ("accuracy", (LABELS, LOGITS, WEIGHTS), "accuracy takes outputs before labels, got integers first: exchange"),
        ("accuracy", ([[1.0, 2.0]], [1], [1.0]), "logits must be a jax or numpy array, got list"),
        (
            "accuracy",
            (LOGITS, LABELS[:2], WEIGHTS),
            r"labels must have the shape \(batch,\) with batch = 3, got \(2,\)",
        ),
        ("accuracy", (LOGITS, LABELS[:, None], WEIGHTS), r"labels must have the shape .*, got \(3, 1\): reshape it"),
        (
            "accuracy",
            (LOGITS, LOGITS, WEIGHTS),
            r"labels must be integers, .* or one-hot labels with labels.argmax\(-1\)",
        ),
        (
            "accuracy",
            (LOGITS[:, :1], LABELS, WEIGHTS),
            r"at least two classes, got \(3, 1\): .* metrics.binary_accuracy",
        ),
        ("accuracy", (LOGITS[:, 0], LABELS, WEIGHTS), r"at least two classes, got \(3,\): .* with threshold=0.5"),
        (
            "binary_accuracy",
            (LOGITS[:, :1], LABELS, WEIGHTS),
            r", \*outputs = \(1,\), got \(3,\): reshape it to \(batch, 1\)",
        ),
        (
            "accuracy",
            ((LOGITS, {}), LABELS, WEIGHTS),
            "got tuple: take an entry of it, as in outputs, stats = model.apply",
        ),
        ("r_squared", (WEIGHTS, WEIGHTS, WEIGHTS), r"predictions .*, got \(3,\): reshape it to \(batch, 1\)"),
        ("accuracy", (LOGITS, LABELS, WEIGHTS[:, None]), r"weights .*, got \(3, 1\): reshape it to \(batch,\)"),
        ("predictions", (LABELS,), "logits must be floating, got int"),
        ("r_squared", (LOGITS, LOGITS[:, 0], WEIGHTS), r"targets must have the shape .*, got \(3,\)"),
        (
            "root_mean_squared_error",
            (LOGITS, LOGITS.tolist(), WEIGHTS),
            "targets must be a jax or numpy array, got list",
        ),
        ("mean_absolute_error", (LOGITS, LOGITS, None), "weights must be a jax or numpy array, got None"),
    ],
)
def test_wrong_arguments_raise(unchecked, metric, arguments, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(getattr(metrics, metric))(*arguments)


@pytest.mark.parametrize(
    ("arguments", "classes", "sentence"),
    [
        (([0, 1], [0, 1]), 2, "predicted must be a jax or numpy array, got list"),
        ((LOGITS, LABELS), 2, "predicted must be integers, got float32"),
        ((LABELS, LABELS[:2]), 2, r"labels must have the shape \(batch,\) with batch = 3, got \(2,\)"),
        ((LABELS, LABELS), 0, "classes must be at least 1, got 0"),
        ((LABELS, LABELS), ["a", "b"], r"classes must be the number of classes, got list: give len\(names\)"),
    ],
)
def test_wrong_arguments_of_the_confusion_matrix_raise(unchecked, arguments, classes, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(metrics.confusion_matrix)(*arguments, classes=classes)
