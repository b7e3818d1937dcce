import json

import jax
import numpy as np
import pytest

from jaxdl import data
from jaxdl.data.preprocessing.pixels import pixels_of
from jaxdl.data.preprocessing.preparation import (
    Classes,
    class_numbers,
    encode_inputs,
    fit_preparation,
    incomplete,
    prepare,
    prepared,
    rescaled,
    transform_of,
    unlike_training,
)
from jaxdl.data.preprocessing.serialization import from_json, to_json


def table(rows=12):
    """Everything that a column can be."""
    numbers = np.arange(rows, dtype=float)
    columns = {
        "number": np.where(numbers == 3, np.nan, numbers**2),
        "name": np.array([("a", "b", None)[row % 3] for row in range(rows)], object),
        "date": np.datetime64("2020-01-01", "us") + (numbers * 17).astype("timedelta64[D]"),
        "constant": np.ones(rows),
    }
    return data.Dataset(columns, np.array(["no", "yes"], object)[np.arange(rows) % 2], np.ones(rows, np.float32))


def test_a_table_becomes_numbers_and_names_become_classes():
    fitted = fit_preparation(table())
    ready = prepare(fitted, table())
    assert fitted.labels == Classes(("no", "yes"))
    assert fitted.left_out == {"constant": "it has one value in the training part"}
    assert ready.inputs.shape == (12, *fitted.shape) == (12, 2 + 3 + 5)
    assert ready.labels.tolist() == [0, 1] * 6
    assert np.isfinite(ready.inputs).all()


def test_nothing_but_the_training_part_is_looked_at():
    split = data.stratified_split(jax.random.key(0), table(60))
    ready, fitted = prepared(split)
    changed = {name: values.copy() for name, values in split.test.inputs.items()}
    changed["number"] += 1e6
    changed["name"][:] = "never seen"
    _, again = prepared(split._replace(test=split.test._replace(inputs=changed)))
    assert again == fitted
    days = -5  # the first feature of the last column
    np.testing.assert_allclose(ready.train.inputs[:, days].mean(), 0, atol=1e-6)
    assert abs(float(ready.test.inputs[:, days].mean())) > 1e-3


def test_arrays_are_standardized_and_targets_too(random):
    inputs, targets = random.normal(5, 3, (50, 4)), random.normal(100, 20, (50, 2))
    whole = data.Dataset(inputs.astype(np.float32), targets, np.ones(50, np.float32))
    fitted = fit_preparation(whole)
    ready = prepare(fitted, whole)
    for array in (ready.inputs, ready.labels):
        np.testing.assert_allclose(array.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(array.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(ready.labels * fitted.labels.deviation + fitted.labels.mean, targets, rtol=1e-5)


def test_a_target_that_never_varies_stays_finite():
    whole = data.Dataset(np.eye(3, dtype=np.float32), np.full((3, 1), 7.0), np.ones(3, np.float32))
    assert prepare(fit_preparation(whole), whole).labels.tolist() == [[0], [0], [0]]


@pytest.mark.parametrize("whole", [table(), data.load_digits()], ids=["table", "images"])
def test_what_was_fitted_comes_back_from_json_and_prepares_the_same(whole):
    fitted = fit_preparation(whole)
    back = from_json(json.loads(json.dumps(to_json(fitted))))
    assert (back.labels, back.shape, back.left_out) == (fitted.labels, fitted.shape, fitted.left_out)
    assert np.array_equal(encode_inputs(back, whole.inputs), encode_inputs(fitted, whole.inputs))


def test_targets_come_back_from_json():
    whole = data.Dataset(np.eye(3, dtype=np.float32), np.array([[0.1], [0.2], [5.0]]), np.ones(3, np.float32))
    fitted = fit_preparation(whole)
    assert np.array_equal(prepare(from_json(to_json(fitted)), whole).labels, prepare(fitted, whole).labels)


@pytest.mark.parametrize("content", [{}, {"inputs": [{"kind": "os.system"}], "labels": {"classes": []}}, [], None])
def test_what_is_no_preparation_is_told(content, unchecked):
    with pytest.raises(ValueError, match="a preparation must be as a run has written it, but is damaged"):
        unchecked(from_json)(content)


@pytest.mark.parametrize(
    ("names", "labels", "numbers"),
    [
        (("a", "ß", "中"), np.array(["中", "a", "b"], object), [2, 0, -1]),
        ((1, 2, 10), np.array([10.0, 2.0, 3.0, np.nan]), [2, 1, -1, -1]),
        ((1, 2, 10), np.array(["10", "1", "x", None], object), [2, 0, -1, -1]),
        ((-1, 1), np.array([1, -1]), [1, 0]),
    ],
)
def test_labels_are_found_among_the_classes(names, labels, numbers):
    assert class_numbers(Classes(names), labels).tolist() == numbers


def test_missing_cells_are_counted_where_there_are_any():
    assert incomplete(table()) == {"number": 1, "name": 4}
    assert incomplete(data.load_digits()) == {}


def test_targets_far_from_0_come_back_as_exactly_as_they_were(random):
    labels = 1e9 + random.normal(size=(12, 2)) * [1.0, 1e-3]
    fitted = fit_preparation(table()._replace(labels=labels))
    ready = prepare(fitted, table()._replace(labels=labels))
    found = rescaled(np.asarray(ready.labels), fitted.labels)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found - 1e9, labels - 1e9, rtol=1e-3, atol=1e-5)


def test_arrays_unlike_training_are_found():
    fitted = fit_preparation(data.load_digits())
    images = np.stack([np.zeros((8, 8, 1)), np.full((8, 8, 1), 255.0)])
    assert {name: of.tolist() for name, of in unlike_training(fitted, images).items()} == {"inputs": [False, True]}
    assert np.abs(encode_inputs(fitted, np.full((1, 8, 8, 1), 1e38))).max() == 1e6


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_targets_whose_squares_are_not_to_be_held_are_told(scale):
    with pytest.raises(ValueError, match="labels must be numbers whose squares float64 can hold, but are from"):
        fit_preparation(table()._replace(labels=np.arange(12.0)[:, None] * scale))


def test_inputs_and_labels_that_overflow_are_told():
    digits, labels = data.load_digits(), np.arange(12.0)[:, None]
    with pytest.raises(ValueError, match="inputs must be numbers whose squares float32 can hold"):
        fit_preparation(digits._replace(inputs=digits.inputs * 1e38))
    fitted = fit_preparation(table()._replace(labels=labels))
    with pytest.raises(ValueError, match="labels must be finite and not a million deviations from the mean"):
        prepare(fitted, table()._replace(labels=labels + 1e9))


def test_mistakes_are_told():
    fitted, images = fit_preparation(table()), fit_preparation(data.load_digits())
    with pytest.raises(ValueError, match="inputs must have the columns of training, but 'name', 'date' is not there"):
        encode_inputs(fitted, {"number": np.ones(1)})
    with pytest.raises(ValueError, match="inputs must be the columns of a table, as in training"):
        encode_inputs(fitted, np.ones((1, 10)))
    with pytest.raises(ValueError, match="inputs must be arrays, as in training, but are the columns of a table"):
        encode_inputs(images, table().inputs)
    with pytest.raises(
        ValueError, match=r"inputs must have the shape \(8, 8, 1\), as in training, but have \(9, 9, 1\)"
    ):
        encode_inputs(images, np.ones((1, 9, 9, 1)))
    with pytest.raises(ValueError, match="labels must be among the classes of the training part, but maybe is not"):
        prepare(fitted, table()._replace(labels=np.array(["maybe"] * 12, object)))
    with pytest.raises(ValueError, match="labels must be of two classes at least, but all are 'no'"):
        fit_preparation(table()._replace(labels=np.array(["no"] * 12, object)))
    with pytest.raises(ValueError, match="inputs must have a column to learn from, but none .*'constant': it has one"):
        fit_preparation(table()._replace(inputs={"constant": np.ones(12)}))


def test_images_that_were_bytes_stay_bytes_and_become_the_same_numbers(random):
    pixels = random.integers(0, 256, (3000, 4, 5, 3), np.uint8)
    whole = data.Dataset(pixels / np.float32(255), np.arange(3000) % 7, np.ones(3000, np.float32))
    fitted = fit_preparation(whole)
    kept, numbers = prepare(fitted, whole, keep_pixels=True), prepare(fitted, whole)
    assert kept.inputs.dtype == np.uint8
    assert np.array_equal(kept.inputs, pixels)
    assert [np.array_equal(a, b) for a, b in zip(kept[1:], numbers[1:], strict=True)] == [True, True]
    np.testing.assert_allclose(jax.jit(transform_of(fitted))(kept.inputs), numbers.inputs, atol=1e-6)
    assert numbers.inputs.dtype == np.float32
    assert transform_of(fitted)(numbers.inputs) is numbers.inputs


@pytest.mark.parametrize(
    "images",
    [
        np.full((2, 4, 4, 1), 0.3, np.float32),
        np.full((2, 4, 4, 1), np.nextafter(np.float32(0.2), np.float32(1))),
        np.full((2, 4, 4, 1), np.float32(256) / 255),
        np.full((2, 4, 4, 1), -np.float32(1) / 255),
        np.full((2, 4, 4, 1), np.nan, np.float32),
        np.full((2, 4), 0.2, np.float32),
    ],
)
def test_what_were_no_bytes_of_images_is_kept_as_it_is(images):
    assert pixels_of(images) is None
    assert pixels_of(np.full((2, 4, 4, 1), 0.2, np.float32)).tolist() == np.full((2, 4, 4, 1), 51).tolist()


def test_nothing_is_compiled_for_every_shape(random):
    """A command begins later for each program, as small as it may be."""
    compiled = []
    whole = data.from_arrays(random.normal(size=(50, 4)), np.arange(50) % 2)
    fitted = fit_preparation(whole)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **more: compiled.append(event) if "backend_compile" in event else None
    )
    for rows in (7, 11, 13):
        prepare(fitted, data.take(whole, np.arange(rows)))
    assert compiled == []
    jax.jit(lambda x: x + 123.0)(1.0)
    assert len(compiled) >= 1
