import numpy as np
import pytest

from jaxdl.data.readers.labels import as_classes, as_targets, infer_labels


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array(["b", "a"], object), ["b", "a"]),
        (np.array([1.0, 0.0, 1.0, 0.0]), [1, 0, 1, 0]),
        (np.array([[2], [1], [2], [1]]), [2, 1, 2, 1]),
        (np.arange(100) % 50, (np.arange(100) % 50).tolist()),  # 0 to 49, like class numbers
        (np.array([True, False]), [1, 0]),
    ],
)
def test_names_and_whole_numbers_with_few_values_are_classes(values, classes):
    assert infer_labels(values).tolist() == classes


@pytest.mark.parametrize(
    "values",
    [np.array([0.5, 1.0]), np.arange(30.0), np.arange(100, 200), np.array([[1.0, 2.0]]), np.array([1.0, 2.0, 3.0])],
)
def test_all_other_numbers_are_targets(values):
    targets = infer_labels(values)
    assert targets.shape == (len(values), values.size // len(values))
    assert targets.dtype == np.float64


def test_numbers_can_be_read_as_classes_or_as_targets():
    assert as_classes(np.arange(30.0)).tolist() == list(range(30))
    assert as_classes(np.array([0.5, 1.5])).tolist() == ["0.5", "1.5"]
    assert as_targets(np.array([1, 0])).tolist() == [[1.0], [0.0]]
    with pytest.raises(TypeError, match="labels must be numbers for a regression, got 'a'"):
        as_targets(np.array(["a"], object))


@pytest.mark.parametrize(
    ("texts", "classes"),
    [
        (["0", "1", "1.0", "0"], [0, 1, 1, 0]),
        (["1.50", "1.5", "2", "2.0"], ["1.5", "1.5", "2", "2"]),
        (["007", "7"], ["007", "7"]),
        (["9007199254740993", "9007199254740992"], [2**53 + 1, 2**53]),
        (["100000000000000000000", "1"], ["100000000000000000000", "1"]),
        (["2020-01-01", "1"], ["2020-01-01", "1"]),
    ],
)
def test_text_with_numbers_is_normalized_to_classes(texts, classes):
    assert as_classes(np.array(texts, object)).tolist() == classes


def test_numbers_beyond_exact_integers_become_names():
    assert as_classes(np.array([1e20, 1.0])).tolist() == ["1e+20", "1"]


def test_text_with_numbers_counts_as_numbers():
    assert infer_labels(np.array(["1", "2", "2", "1"], object)).tolist() == [1, 2, 2, 1]
    assert infer_labels(np.array(["+", "-"], object)).tolist() == ["+", "-"]
    np.testing.assert_array_equal(infer_labels(np.array(["1.5", "2"], object)), [[1.5], [2.0]])
    with pytest.raises(TypeError, match="got 'x'"):
        as_targets(np.array(["1", "x"], object))
