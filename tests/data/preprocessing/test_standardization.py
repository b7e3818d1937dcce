import numpy as np
import pytest

from jaxdl.data.dataset import Split, from_arrays
from jaxdl.data.preprocessing.standardization import fit_standardization, standardize, standardized


def test_another_number_of_features_raises_an_error():
    fitted = fit_standardization(from_arrays(np.ones((4, 5)), [0, 1, 0, 1]))
    with pytest.raises(ValueError, match=r"fitted to 5 features, got inputs of the shape \(2, 1\)"):
        standardize(fitted, from_arrays(np.ones((2, 1)), [0, 1]))


def test_standardization_is_fitted_to_the_training_part_alone(random):
    parts = [from_arrays(random.normal(loc, 3, (200, 2)), np.zeros(200, int)) for loc in (5, 0, -5)]
    train, dev, _ = standardized(Split(*parts))
    np.testing.assert_allclose(train.inputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.inputs.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(dev.inputs.mean(axis=0), -5 / 3, atol=0.4)


def test_images_are_standardized_by_channel_and_a_constant_channel_becomes_zero(random):
    images = random.normal(size=(20, 4, 4, 2))
    images[..., 1] = 7.0
    examples = from_arrays(images, np.zeros(20, int))
    fitted = fit_standardization(examples)
    assert fitted.mean.shape == fitted.std.shape == (2,)
    np.testing.assert_allclose(standardize(fitted, examples).inputs[..., 1], 0, atol=1e-6)


def test_a_constant_becomes_zero_despite_rounding():
    examples = from_arrays(np.full((1000, 1), 0.1), np.zeros(1000, int))
    fitted = fit_standardization(examples)
    assert fitted.std.tolist() == [1.0]
    assert not standardize(fitted, examples).inputs.any()
