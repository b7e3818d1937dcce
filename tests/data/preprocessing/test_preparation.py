import jax
import numpy as np
import pytest

from jaxdl import data
from jaxdl.data.preprocessing.preparation import (
    Classes,
    class_numbers,
    encode_inputs,
    fit_preparation,
    missing_counts,
    prepare,
    prepared,
    rescaled,
    transform_of,
    unlike_training,
)
from tests.data.preprocessing.example_table import table


def test_a_table_becomes_numbers_and_names_become_classes():
    fitted = fit_preparation(table())
    ready = prepare(fitted, table())
    assert fitted.labels == Classes(("no", "yes"))
    assert fitted.outputs == 2
    assert fitted.left_out == {"constant": "it has one value in the training part"}
    assert ready.inputs.shape == (12, *fitted.shape) == (12, 2 + 3 + 5)
    assert ready.labels.tolist() == [0, 1] * 6
    assert np.isfinite(ready.inputs).all()


def test_columns_that_python_makes_are_encoded_like_those_of_a_file():
    columns = {"rooms": np.array([1.0, 3.0]), "home": np.array(["hut", "flat"], object)}
    fitted = fit_preparation(data.Dataset(columns, np.array(["no", "yes"]), np.ones(2, np.float32)))
    read = encode_inputs(fitted, columns)
    assert (encode_inputs(fitted, {"rooms": np.array([1, 3]), "home": np.array(["hut", "flat"])}) == read).all()
    assert (encode_inputs(fitted, {"rooms": [1, 3], "home": ["hut", "flat"]}) == read).all()
    unknown = unlike_training(fitted, {"rooms": [1, 3], "home": ["hut", "barn"]})
    assert {name: mask.tolist() for name, mask in unknown.items()} == {"rooms": [False] * 2, "home": [False, True]}
    with pytest.raises(TypeError, match="column 'home' must hold text, as in training, got float64"):
        encode_inputs(fitted, {"rooms": [1, 3], "home": [1, 2]})


def test_only_the_training_part_is_used():
    split = data.stratified_split(jax.random.key(0), table(60))
    ready, fitted = prepared(split)
    changed = {name: values.copy() for name, values in split.test.inputs.items()}
    changed["number"] += 1e6
    changed["name"][:] = "unknown"
    _, again = prepared(split._replace(test=split.test._replace(inputs=changed)))
    assert again == fitted
    days = -5  # the first feature of the date column
    np.testing.assert_allclose(ready.train.inputs[:, days].mean(), 0, atol=1e-6)
    assert abs(float(ready.test.inputs[:, days].mean())) > 1e-3


def test_arrays_and_targets_are_standardized(random):
    inputs, targets = random.normal(5, 3, (50, 4)), random.normal(100, 20, (50, 2))
    whole = data.Dataset(inputs.astype(np.float32), targets, np.ones(50, np.float32))
    fitted = fit_preparation(whole)
    ready = prepare(fitted, whole)
    for array in (ready.inputs, ready.labels):
        np.testing.assert_allclose(array.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(array.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(ready.labels * fitted.labels.std + fitted.labels.mean, targets, rtol=1e-5)


def test_a_constant_target_becomes_zero():
    whole = data.Dataset(np.eye(3, dtype=np.float32), np.full((3, 1), 7.0), np.ones(3, np.float32))
    assert prepare(fit_preparation(whole), whole).labels.tolist() == [[0], [0], [0]]


@pytest.mark.parametrize(
    ("names", "labels", "numbers"),
    [
        (("a", "ß", "中"), np.array(["中", "a", "b"], object), [2, 0, -1]),
        ((1, 2, 10), np.array([10.0, 2.0, 3.0, np.nan]), [2, 1, -1, -1]),
        ((1, 2, 10), np.array(["10", "1", "x", None], object), [2, 0, -1, -1]),
        ((-1, 1), np.array([1, -1]), [1, 0]),
    ],
)
def test_class_numbers_are_positions_among_the_classes(names, labels, numbers):
    assert class_numbers(Classes(names), labels).tolist() == numbers


def test_missing_counts_lists_only_columns_with_missing_cells():
    assert missing_counts(table()) == {"number": 1, "name": 4}
    assert missing_counts(data.load_digits()) == {}


def test_rescaled_keeps_the_precision_of_targets_far_from_0(random):
    labels = 1e9 + random.normal(size=(12, 2)) * [1.0, 1e-3]
    fitted = fit_preparation(table()._replace(labels=labels))
    assert fitted.outputs == 2
    ready = prepare(fitted, table()._replace(labels=labels))
    found = rescaled(np.asarray(ready.labels), fitted.labels)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found - 1e9, labels - 1e9, rtol=1e-3, atol=1e-5)


def test_arrays_unlike_training_are_found():
    fitted = fit_preparation(data.load_digits())
    images = np.stack([np.zeros((8, 8, 1)), np.full((8, 8, 1), 255.0)])
    assert {name: mask.tolist() for name, mask in unlike_training(fitted, images).items()} == {"inputs": [False, True]}
    assert np.abs(encode_inputs(fitted, np.full((1, 8, 8, 1), 1e38))).max() == 1e6


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_targets_whose_squares_overflow_or_vanish_raise_an_error(scale):
    with pytest.raises(ValueError, match="labels must be numbers whose squares fit into float64, got numbers from"):
        fit_preparation(table()._replace(labels=np.arange(12.0)[:, None] * scale))


def test_inputs_and_labels_that_overflow_raise_errors():
    digits, labels = data.load_digits(), np.arange(12.0)[:, None]
    huge = digits._replace(inputs=digits.inputs * 1e38)  # the standardization is computed in float64
    scaled = prepare(fit_preparation(huge), huge).inputs
    np.testing.assert_allclose(scaled, prepare(fit_preparation(digits), digits).inputs, atol=1e-5)
    with pytest.raises(ValueError, match="inputs must be numbers whose squares fit into float64"):
        fit_preparation(digits._replace(inputs=np.asarray(digits.inputs, np.float64) * 1e300))
    fitted = fit_preparation(table()._replace(labels=labels))
    with pytest.raises(ValueError, match="labels must be finite and within a million standard deviations"):
        prepare(fitted, table()._replace(labels=labels + 1e9))


def test_inputs_and_labels_unlike_the_preparation_raise_errors():
    fitted, images = fit_preparation(table()), fit_preparation(data.load_digits())
    with pytest.raises(ValueError, match="inputs lack columns of training: 'name', 'date'"):
        encode_inputs(fitted, {"number": np.ones(1)})
    with pytest.raises(ValueError, match="inputs must be the columns of a table, as in training"):
        encode_inputs(fitted, np.ones((1, 10)))
    with pytest.raises(ValueError, match="inputs must be an array, as in training, got the columns of a table"):
        encode_inputs(images, table().inputs)
    with pytest.raises(
        ValueError, match=r"inputs must have the shape \(8, 8, 1\) per example, as in training, got \(9, 9, 1\)"
    ):
        encode_inputs(images, np.ones((1, 9, 9, 1)))
    with pytest.raises(ValueError, match="inputs must not hold masked numbers, got 1 of 64: fill them"):
        encode_inputs(images, np.ma.masked_equal(np.arange(64.0).reshape(1, 8, 8, 1), 3))
    masked = {**table().inputs, "number": np.ma.masked_equal(np.arange(12.0), 3)}
    with pytest.raises(ValueError, match="inputs of train must not hold masked numbers, got 1 of 12"):
        fit_preparation(table()._replace(inputs=masked))
    with pytest.raises(ValueError, match="label 'maybe' is not among the classes of the training part"):
        prepare(fitted, table()._replace(labels=np.array(["maybe"] * 12, object)))
    with pytest.raises(ValueError, match="labels must have at least two classes, but all are 'no'"):
        fit_preparation(table()._replace(labels=np.array(["no"] * 12, object)))
    with pytest.raises(ValueError, match=r"no column is usable as input \('constant': it has one"):
        fit_preparation(table()._replace(inputs={"constant": np.ones(12)}))


def test_images_kept_as_bytes_become_the_same_numbers(random):
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


def test_prepare_compiles_nothing_for_new_shapes(random):
    """Each compiled program would delay the start of a command."""
    compiled = []
    whole = data.from_arrays(random.normal(size=(50, 4)), np.arange(50) % 2)
    fitted = fit_preparation(whole)
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **details: compiled.append(event) if "backend_compile" in event else None
    )
    for rows in (7, 11, 13):
        prepare(fitted, data.take(whole, np.arange(rows)))
    assert compiled == []
    jax.jit(lambda x: x + 123.0)(1.0)
    assert len(compiled) >= 1


def test_examples_of_weight_0_count_nowhere(random):
    x, weights = random.normal(size=(20, 2)), np.arange(20) % 2.0
    x[::2] = 1e6
    counted = x[1::2]
    targets = data.Dataset(x.astype(np.float32), 3 * x[:, :1], weights.astype(np.float32))
    fitted = data.fit_preparation(targets)
    np.testing.assert_allclose(fitted.inputs.std, counted.std(0), rtol=1e-5)
    np.testing.assert_allclose(fitted.labels.std, 3 * counted[:, :1].std(0), rtol=1e-6)
    assert data.prepare(fitted, targets._replace(labels=np.where(weights[:, None], 3 * x[:, :1], np.inf))).size == 20
    names = np.where(weights, np.where(np.arange(20) % 4 == 1, "a", "b"), "unknown")
    classes = targets._replace(labels=names)
    fitted = data.fit_preparation(classes)
    assert fitted.labels.names == ("a", "b")
    ready = data.prepare(fitted, classes)
    assert np.asarray(ready.labels)[1::2].tolist() == [0, 1] * 5
    split = data.Split(classes, classes, classes)
    assert data.class_balance(split) == {"a": (5, 5, 5), "b": (5, 5, 5)}
    assert data.leakage(split).dev_in_train == 10
    assert data.conflicting_labels(classes._replace(inputs=0 * classes.inputs)) == 10
