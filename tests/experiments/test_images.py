"""Data files of the experiments."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import images
from jaxdl.experiment import Unavailable


def test_each_seed_divides_the_digits_in_its_own_way_and_standardizes_by_its_train_part():
    digits = images.digits()
    one, again, other = (images.divided(jax.random.key(seed), digits) for seed in (0, 0, 1))
    assert [part.size for part in one] == [1078, 360, 359]
    assert 1 / one.test.size == images.DIGITS_STEP
    np.testing.assert_array_equal(one.test.labels, again.test.labels)
    assert not np.array_equal(one.test.labels, other.test.labels)
    assert float(one.train.inputs.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(one.train.inputs.std()) == pytest.approx(1.0, abs=1e-5)
    restored = jnp.concatenate([part.labels for part in one])
    np.testing.assert_array_equal(jnp.bincount(restored), jnp.bincount(digits.labels))
    assert images.divided(jax.random.key(0), one) is one


def test_a_missing_file_raises_and_says_where_it_is_expected(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    with pytest.raises(
        Unavailable, match="mnist.npz does not exist. Set JAXDL_DATA to the folder that holds mnist.npz"
    ):
        images.mnist()
