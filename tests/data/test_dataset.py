import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data


def test_default_weights_are_one():
    examples = data.from_arrays([[1, 2], [3, 4]], [0, 1])
    assert examples.inputs.dtype == examples.weights.dtype == jnp.float32
    assert examples.labels.dtype == jnp.int32
    assert examples.weights.tolist() == [1, 1]
    assert examples.size == 2


def test_byte_images_stay_bytes_and_byte_tables_become_numbers():
    pixels = np.arange(32, dtype=np.uint8)
    images, table = (data.from_arrays(pixels.reshape(shape), [0, 1]).inputs for shape in [(2, 4, 4, 1), (2, 16)])
    assert (images.dtype, table.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(images.reshape(2, 16), table)


def test_signs_are_valid_labels():
    assert data.from_arrays([[1.0], [2.0]], [-1, 1]).labels.tolist() == [-1, 1]


def test_regression_targets_stay_real_numbers():
    assert data.from_arrays([[1.0]], [[0.5]]).labels.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("inputs", "labels", "weights", "message"),
    [
        ([1.0, 2.0], [0, 1], None, r"inputs must have the shape \(examples, ...\), got \(2,\)"),
        ([0, 1], [[1.0], [2.0]], None, r"inputs come before labels, got the shapes \(2,\) and \(2, 1\): exchange them"),
        (np.zeros((0, 3)), [], None, r"inputs must hold at least one example, got the shape \(0, 3\)"),
        (
            [[1.0], [np.nan]],
            [0, 1],
            None,
            "inputs must be finite, but 1 of 2 rows hold NaN or infinity, the first of them row 1",
        ),
        ([[1.0], [np.inf]], [0, 1], None, "inputs must be finite"),
        ([[1.0], [2.0]], [0], None, "labels must hold one row for each of the 2 inputs, got 1 rows"),
        ([[1.0], [2.0]], [0, -1], None, "labels must be class numbers from 0, or all -1 or 1, got -1"),
        ([[1.0], [2.0]], [[0.0], [np.nan]], None, "labels must be finite"),
        ([[1.0], [2.0]], [0, 1], [1.0], "weights must hold one row for each of the 2 inputs, got 1 rows"),
        ([[1.0], [2.0]], [0, 1], [1.0, -1.0], "weights must be one number of at least 0 for each example"),
        ([[1.0], [2.0]], [0, 1], [0.0, 0.0], "and one of them above 0"),
        (
            [[1.0], [2.0]],
            [0, 1],
            [[1.0], [1.0]],
            r"weights must be one number .* \(2, 1\)",
        ),
        ([[1.0], [2.0]], [0, 1], [1.0, 1e38], r"weights must be 0 or between 1e-18 and 1e\+18, got .* 1 to 1e\+38"),
        ([[1.0], [2.0]], [0, 1], [1.0, 1e-50], r"weights must be 0 or between 1e-18 and 1e\+18, got .* 1e-50 to 1:"),
        ([[1.0], [2.0]], [0, 1], np.ma.masked_equal([1, 2], 2), "weights must not hold masked numbers, got 1 of 2:"),
    ],
)
def test_invalid_arrays_raise_errors(inputs, labels, weights, message):
    with pytest.raises(ValueError, match=message):
        data.from_arrays(inputs, labels, weights=weights)


def test_real_class_numbers_raise_an_error():
    with pytest.raises(TypeError, match="labels of the shape .* must be integers, got float64"):
        data.from_arrays([[1.0], [2.0]], [0.0, 1.0])


@pytest.mark.parametrize(
    ("inputs", "labels", "message"),
    [
        (
            [[1.0]],
            ["a"],
            r"labels must be real numbers, .*: number them with names, labels = np.unique\(labels, return_",
        ),
        ([[1.0]], None, "labels must be real numbers, got None: pass an array"),
        ({"a": [1.0]}, [0], "inputs must be real numbers, got dict: stack its columns with np.column_stack"),
    ],
)
def test_advice_fits_what_is_given_in_place_of_numbers(inputs, labels, message, unchecked):
    with pytest.raises(TypeError, match=message):
        unchecked(data.from_arrays)(inputs, labels)


def test_a_dataset_without_weights_raises_where_it_is_used():
    without = data.Dataset(np.ones((4, 1)), np.zeros(4, int))
    assert without.weights is None
    with pytest.raises(ValueError, match=r"a Dataset needs a weight for each example, got None: .* data.from_arrays\("):
        without.size  # noqa: B018
    with pytest.raises(TypeError, match=r"weights of a Dataset must be an array, got None: .* data.from_arrays\("):
        data.random_split(jax.random.key(0), without)


@pytest.mark.parametrize("inputs", [[["a"]], [[1j]], [[None]]])
def test_values_that_are_not_real_numbers_raise_an_error(inputs):
    with pytest.raises(TypeError, match="inputs must be real numbers, got"):
        data.from_arrays(inputs, [0])


def test_a_class_number_beyond_int32_raises_an_error():
    with pytest.raises(ValueError, match="labels must be class numbers that fit into int32, got 4294967297"):
        data.from_arrays([[1.0]], [2**32 + 1])


@pytest.mark.parametrize("indices", [[0, 4], [-1], [99]])
def test_an_index_out_of_range_raises_an_error(indices):
    with pytest.raises(IndexError, match="indices must be from 0 to 3, got"):
        data.take(data.xor(), indices)


def test_numbers_beyond_float32_raise_an_error():
    with pytest.raises(ValueError, match="inputs must be finite"), np.errstate(over="ignore"):
        data.from_arrays([[1e39]], [0])


def test_take_keeps_the_order_of_columns():
    columns = {name: np.arange(3.0) for name in ("b", "c", "a")}
    selected = data.take(data.Dataset(columns, np.arange(3), np.ones(3, np.float32)), [2, 0])
    assert list(selected.inputs) == ["b", "c", "a"]
    assert selected.inputs["b"].tolist() == [2, 0]


@pytest.mark.parametrize(
    ("labels", "outputs"),
    [
        ([0, 3, 1], 4),  # classes 0, ..., 3, of which one has no example
        ([-1, 1, 1], 1),
        ([[0.5], [1.5], [0.0]], 1),
        ([[0.5, 1.0], [1.5, 2.0], [0.0, 0.0]], 2),
        (np.array(["b", "a", "b"]), 2),
        (np.array(["b", "a", "b"], object), 2),
    ],
)
def test_a_data_set_counts_the_outputs_that_its_labels_need(labels, outputs):
    examples = data.Dataset(np.ones((3, 1), np.float32), np.asarray(labels), np.ones(3, np.float32))
    assert examples.outputs == outputs
    assert data.Split(*(data.take(examples, [number]) for number in (1, 0, 2))).outputs == outputs


def test_outputs_raises_for_labels_without_values_or_with_another_shape():
    examples = data.xor()
    with pytest.raises(ValueError, match=r"unknown inside jax.jit and jax.vmap, .*: read `outputs` outside"):
        jax.eval_shape(lambda examples: jnp.zeros(examples.outputs), examples)
    with pytest.raises(ValueError, match=r"classes \(examples,\) or targets .* got the shape \(4, 1, 2\)"):
        examples._replace(labels=np.zeros((4, 1, 2))).outputs  # noqa: B018
    with pytest.raises(ValueError, match=r"got dict: give the model its number of outputs"):
        examples._replace(labels={"digit": examples.labels}).outputs  # noqa: B018
    with pytest.raises(TypeError, match=r"must be integers, got float"):
        examples._replace(labels=np.ones(4)).outputs  # noqa: B018


def test_from_arrays_warns_if_digits_are_lost():
    with pytest.warns(UserWarning, match="^inputs lose digits in float32, because they vary little compared to their"):
        data.from_arrays(1.7e9 + np.arange(9.0)[:, None], np.zeros(9, int))
    for inputs in ([[0.1], [0.2]], [[1e5], [2e5]], [[16_777_217], [0]], [[7.0], [7.0]]):
        data.from_arrays(np.array(inputs), [0, 1])
