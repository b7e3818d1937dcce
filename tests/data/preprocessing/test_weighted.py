"""The oracle of integer weights is numpy on data whose examples are repeated as often as they weigh."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data
from jaxdl.data.preprocessing.weighted import uneven_weights, weighted_median, weighted_moments

COUNTS = np.array([1, 4, 2, 1, 3, 0, 2])


@pytest.fixture
def numbers(random):
    return 1e9 + random.normal(size=(7, 3, 2))


def test_weighted_moments_are_those_of_repeated_examples(numbers):
    repeated = numbers.repeat(COUNTS, axis=0)
    mean, std = weighted_moments(numbers, COUNTS / 8.0)
    np.testing.assert_allclose(mean, repeated.mean((0, 1)), rtol=1e-14)
    np.testing.assert_allclose(std, repeated.std((0, 1)), rtol=1e-6)
    assert weighted_moments(np.full((7, 1), 0.1), COUNTS) == (0.1, 1.0)


@pytest.mark.parametrize("counts", [COUNTS, np.array([1, 1, 1, 1, 0, 0, 0]), np.array([2, 1, 1, 0, 0, 0, 0])])
def test_the_weighted_median_is_that_of_repeated_examples(random, counts):
    numbers = random.permutation(np.arange(7.0))
    assert weighted_median(numbers, counts * 0.5) == np.median(numbers.repeat(counts))


def test_equal_weights_are_left_out():
    equal = data.from_arrays(np.eye(3), [0, 1, 0], weights=[0.1, 0.1, 0.1])
    assert uneven_weights(equal) is None
    assert uneven_weights(equal._replace(weights=jnp.arange(3.0))).tolist() == [0, 1, 2]


def test_standardizations_are_weighted_also_where_jax_traces_them(numbers):
    numbers = numbers - 1e9
    repeated = numbers.repeat(COUNTS, axis=0)
    weighted = data.from_arrays(numbers, np.arange(7) % 2, weights=COUNTS / 8.0)
    for fitted in (data.fit_standardization(weighted), jax.jit(data.fit_standardization)(weighted)):
        np.testing.assert_allclose(fitted.mean, repeated.mean((0, 1)), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(fitted.std, repeated.std((0, 1)), rtol=1e-5)


def test_the_preparation_of_a_table_is_weighted(random):
    age, price = random.normal(size=7), random.normal(size=(7, 1))
    age[1] = np.nan
    fitted = data.fit_preparation(data.Dataset({"age": age}, price, np.float32(COUNTS / 8)))
    many = age.repeat(COUNTS)
    found, moments = fitted.inputs[0], [np.nanmedian(many), np.nanmean(many), np.nanstd(many)]
    np.testing.assert_allclose([found.median, found.mean, found.std], moments, rtol=1e-12)
    many = price.repeat(COUNTS, axis=0)
    np.testing.assert_allclose([*fitted.labels.mean, *fitted.labels.std], [many.mean(), many.std()], rtol=1e-12)
