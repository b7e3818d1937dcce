import numpy as np
import pytest

from jaxdl.functional._validity import check_number


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        (np.array([0.1, 0.2]), r"an array of the shape \(2,\): training.fit"),
        ({"rate": 0.1}, "take one of its entries, 'rate'"),
        ("0.1", "learning_rate must be a number, got '0.1'"),
    ],
)
def test_a_setting_that_is_not_a_number_raises_one_sentence(rate, message):
    with pytest.raises(TypeError, match=message):
        check_number("learning_rate", rate)
