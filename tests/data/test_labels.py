import numpy as np
import pytest

from jaxdl.data.readers.labels import as_classes, as_targets, as_they_look


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array(["b", "a"], object), ["b", "a"]),
        (np.array([1.0, 0.0, 1.0, 0.0]), [1, 0, 1, 0]),
        (np.array([[2], [1], [2], [1]]), [2, 1, 2, 1]),
        (np.arange(100) % 50, (np.arange(100) % 50).tolist()),  # 0 to 49, as class numbers are
        (np.array([True, False]), [1, 0]),
    ],
)
def test_names_and_few_whole_numbers_look_like_classes(values, classes):
    assert as_they_look(values).tolist() == classes


@pytest.mark.parametrize(
    "values",
    [np.array([0.5, 1.0]), np.arange(30.0), np.arange(100, 200), np.array([[1.0, 2.0]]), np.array([1.0, 2.0, 3.0])],
)
def test_all_other_numbers_look_like_targets(values):
    looks = as_they_look(values)
    assert looks.shape == (len(values), values.size // len(values))
    assert looks.dtype == np.float64


def test_what_they_are_can_be_said():
    assert as_classes(np.arange(30.0)).tolist() == list(range(30))
    assert as_classes(np.array([0.5, 1.5])).tolist() == ["0.5", "1.5"]
    assert as_targets(np.array([1, 0])).tolist() == [[1.0], [0.0]]
    with pytest.raises(TypeError, match="labels must be numbers for a regression, but 'a' is among them"):
        as_targets(np.array(["a"], object))


@pytest.mark.parametrize(
    ("written", "classes"),
    [
        (["0", "1", "1.0", "0"], [0, 1, 1, 0]),
        (["1.50", "1.5", "2", "2.0"], ["1.5", "1.5", "2", "2"]),
        (["007", "7"], ["007", "7"]),
        (["9007199254740993", "9007199254740992"], [2**53 + 1, 2**53]),
        (["100000000000000000000", "1"], ["100000000000000000000", "1"]),
        (["2020-01-01", "1"], ["2020-01-01", "1"]),
    ],
)
def test_numbers_as_text_are_classes_as_they_are_written(written, classes):
    assert as_classes(np.array(written, object)).tolist() == classes


def test_numbers_beyond_the_exact_ones_keep_their_names():
    assert as_classes(np.array([1e20, 1.0])).tolist() == ["1e+20", "1"]


def test_numbers_as_text_look_like_what_they_are():
    assert as_they_look(np.array(["1", "2", "2", "1"], object)).tolist() == [1, 2, 2, 1]
    assert as_they_look(np.array(["+", "-"], object)).tolist() == ["+", "-"]
    np.testing.assert_array_equal(as_they_look(np.array(["1.5", "2"], object)), [[1.5], [2.0]])
    with pytest.raises(TypeError, match="but 'x' is among them"):
        as_targets(np.array(["1", "x"], object))
