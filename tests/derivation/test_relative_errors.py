import numpy as np
import pytest

from jaxdl import derivation
from jaxdl.derivation.relative_errors import describe_largest_difference


def test_relative_error_divides_by_the_largest_entry_and_treats_nan_as_equal():
    assert derivation.relative_error([1.0, 2.0], [1.0, 2.002]) == pytest.approx(0.001, rel=1e-3)
    assert derivation.relative_error([np.nan, 1.0], [np.nan, 1.0]) == 0
    assert derivation.relative_error([np.nan, 1.0], [0.0, 1.0]) == np.inf
    assert derivation.relative_error([np.inf], [np.inf]) == 0
    assert derivation.relative_error([1e-3], [0.0]) > 1


@pytest.mark.parametrize(
    ("values", "reference", "text"),
    [
        ([[0.0, 1.0], [5.0, 3.0]], [[0.0, 1.0], [2.0, 4.0]], "w[1, 0]: 5 by hand, 2 by jax"),
        (1.0, 1.0 + 2**-40, "w: 1 by hand, 1.000000000001 by jax"),  # 2**-40 is 9.1e-13
        ([9.0, np.nan], [0.0, 1.0], "w[1]: nan by hand, 1 by jax"),
        ([np.nan, np.inf, 2.0], [np.nan, np.inf, 1.0], "w[2]: 2 by hand, 1 by jax"),
    ],
)
def test_largest_difference_is_described_with_the_digits_that_differ(values, reference, text):
    assert describe_largest_difference("w", values, reference) == text
