import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data


def test_without_weights_every_example_counts_one():
    made = data.from_arrays([[1, 2], [3, 4]], [0, 1])
    assert made.inputs.dtype == made.weights.dtype == jnp.float32
    assert made.labels.dtype == jnp.int32
    assert made.weights.tolist() == [1, 1]
    assert made.size == 2


def test_images_of_bytes_stay_bytes_and_bytes_of_a_table_become_numbers():
    pixels = np.arange(32, dtype=np.uint8)
    images, table = (data.from_arrays(pixels.reshape(shape), [0, 1]).inputs for shape in [(2, 4, 4, 1), (2, 16)])
    assert (images.dtype, table.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(images.reshape(2, 16), table)


def test_signs_are_labels_too():
    assert data.from_arrays([[1.0], [2.0]], [-1, 1]).labels.tolist() == [-1, 1]


def test_targets_of_a_regression_stay_real():
    assert data.from_arrays([[1.0]], [[0.5]]).labels.tolist() == [[0.5]]


@pytest.mark.parametrize(
    ("inputs", "labels", "weights", "sentence"),
    [
        ([1.0, 2.0], [0, 1], None, r"inputs must have the shape \(examples, ...\), but were given as \(2,\)"),
        (np.zeros((0, 3)), [], None, r"inputs must hold at least one example, but were given as \(0, 3\)"),
        (
            [[1.0], [np.nan]],
            [0, 1],
            None,
            "inputs must be finite, but 1 of 2 rows hold NaN or infinity, the first of them row 1",
        ),
        ([[1.0], [np.inf]], [0, 1], None, "inputs must be finite"),
        ([[1.0], [2.0]], [0], None, "labels must hold one row for each of the 2 inputs, but hold 1"),
        ([[1.0], [2.0]], [0, -1], None, "labels must be class numbers from 0, or all -1 or 1, but -1 was"),
        ([[1.0], [2.0]], [[0.0], [np.nan]], None, "labels must be finite"),
        ([[1.0], [2.0]], [0, 1], [1.0], "weights must hold one row for each of the 2 inputs, but hold 1"),
        ([[1.0], [2.0]], [0, 1], [1.0, -1.0], "weights must be one number for each example, none below 0"),
        ([[1.0], [2.0]], [0, 1], [0.0, 0.0], "not all 0"),
        ([[1.0], [2.0]], [0, 1], [[1.0], [1.0]], "weights must be one number for each example"),
    ],
)
def test_what_is_no_data_set_is_told(inputs, labels, weights, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.from_arrays(inputs, labels, weights=weights)


def test_class_numbers_that_are_real_are_told():
    with pytest.raises(TypeError, match="labels of shape .* must be integers, but were given as float64"):
        data.from_arrays([[1.0], [2.0]], [0.0, 1.0])


@pytest.mark.parametrize("inputs", [[["a"]], [[1j]], [[None]]])
def test_what_is_no_number_is_told(inputs):
    with pytest.raises(TypeError, match="inputs must be real numbers, but were given as"):
        data.from_arrays(inputs, [0])


def test_a_class_number_that_int32_cannot_hold_is_told():
    with pytest.raises(ValueError, match="labels must be class numbers that int32 can hold, but 4294967297 was"):
        data.from_arrays([[1.0]], [2**32 + 1])


def test_other_features_than_were_fitted_are_told():
    fitted = data.fit_standardization(data.from_arrays(np.ones((4, 5)), [0, 1, 0, 1]))
    with pytest.raises(ValueError, match=r"data must have the 5 features that were fitted, but .* \(2, 1\)"):
        data.standardize(fitted, data.from_arrays(np.ones((2, 1)), [0, 1]))


def test_standardization_is_fitted_on_the_training_part_alone(random):
    parts = [data.from_arrays(random.normal(loc, 3, (200, 2)), np.zeros(200, int)) for loc in (5, 0, -5)]
    train, dev, _ = data.standardized(data.Split(*parts))
    np.testing.assert_allclose(train.inputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.inputs.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(dev.inputs.mean(axis=0), -5 / 3, atol=0.4)


def test_images_are_standardized_by_channel_and_what_never_varies_becomes_zero(random):
    images = random.normal(size=(20, 4, 4, 2))
    images[..., 1] = 7.0
    made = data.from_arrays(images, np.zeros(20, int))
    fitted = data.fit_standardization(made)
    assert fitted.mean.shape == fitted.deviation.shape == (2,)
    np.testing.assert_allclose(data.standardize(fitted, made).inputs[..., 1], 0, atol=1e-6)


def test_the_digits_are_the_published_ones():
    """The UCI repository counts 178, 182, 177, 183, 181, 182, 181, 179, 174, 180 of each digit."""
    digits = data.load_digits()
    assert digits.inputs.shape == (1797, 8, 8, 1)
    assert float(digits.inputs.min()) == 0
    assert float(digits.inputs.max()) == 1
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.parametrize("indices", [[0, 4], [-1], [99]])
def test_an_index_that_is_none_is_told(indices):
    with pytest.raises(IndexError, match="indices must be from 0 to 3, but go from"):
        data.take(data.xor(), indices)


def test_a_constant_becomes_zero_whatever_its_rounding():
    made = data.from_arrays(np.full((1000, 1), 0.1), np.zeros(1000, int))
    fitted = data.fit_standardization(made)
    assert fitted.deviation.tolist() == [1.0]
    assert not data.standardize(fitted, made).inputs.any()


def test_what_float32_cannot_hold_is_told():
    with pytest.raises(ValueError, match="inputs must be finite"), np.errstate(over="ignore"):
        data.from_arrays([[1e39]], [0])


def test_columns_keep_their_order():
    columns = {name: np.arange(3.0) for name in ("b", "c", "a")}
    taken = data.take(data.Dataset(columns, np.arange(3), np.ones(3, np.float32)), [2, 0])
    assert list(taken.inputs) == ["b", "c", "a"]
    assert taken.inputs["b"].tolist() == [2, 0]
