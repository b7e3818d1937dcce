"""Shapes and numbers as text."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl._formatting import format_array, format_number, format_shape, format_shapes


@pytest.mark.parametrize(
    ("value", "rows"),
    [
        (2.5, [["2.5"]]),
        (jnp.array([1, -20]), [["1", "-20"]]),
        (np.array([0.00012345, -0.0]), [["1.234e-04", "0"]]),
        (np.array([[1 / 3], [100.0]]), [["0.3333"], ["100"]]),
        (np.arange(4.0).reshape(1, 2, 2, 1), [["0", "1"], ["2", "3"]]),
        (np.full((1, 1, 1, 1), 7.0), [["7"]]),
        (np.array([np.nan, np.inf]), [["nan", "inf"]]),
        (np.arange(100.0), [["100 numbers from 0 to 99"]]),
        (np.zeros((0, 2)), []),
        (np.zeros((2, 0)), []),
        (np.arange(16.0), [[str(number) for number in range(16)]]),
        (np.arange(17.0), [["17 numbers from 0 to 16"]]),
        (np.arange(64.0).reshape(8, 8), np.arange(64).reshape(8, 8).astype(str).tolist()),
        (np.arange(65.0).reshape(13, 5), [["65 numbers from 0 to 64"]]),
        (np.array([-0.00012345, 0.0005, 0.002]), [["-1.234e-04", "0.0005", "0.002"]]),
    ],
)
def test_numbers_have_four_digits_and_large_arrays_are_summarized(value, rows):
    assert format_array(value) == rows


def test_a_key_has_no_numbers():
    assert format_array(jax.random.key(0)) == [["a key"]]


@pytest.mark.parametrize(
    ("number", "text"), [(np.float32(0.5), "0.5"), (3, "3"), (1e-5, "1.000e-05"), (-4e-4, "-4.000e-04"), (0.0, "0")]
)
def test_small_numbers_are_in_scientific_notation(number, text):
    assert format_number(number) == text


def test_a_shape_is_joined_by_a_cross():
    assert format_shape((10, 9)) == "10×9"
    assert format_shape((), "one number") == "one number"


def test_shapes_of_cases_are_those_of_the_first_array_without_repetition():
    assert format_shapes([((2, 3), (3,)), ((2, 3), (1,)), ((), (4,)), ((), ())]) == "2×3, 4, scalar"
