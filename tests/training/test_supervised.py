import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import data, models
from jaxdl.training import State, classification, supervised

MODEL = models.mlp((4,), 3)
DATA = data.from_arrays(np.arange(12.0).reshape(6, 2) / 10, [0, 1, 2, 0, 1, 2], weights=[1, 1, 1, 1, 0, 2])
PARAMS, STATS = MODEL.init(jax.random.key(0), DATA.inputs)
LOSSES = F.cross_entropy(MODEL.apply(PARAMS, STATS, DATA.inputs)[0], DATA.labels)


def value(**settings):
    return supervised(MODEL, F.cross_entropy, **settings)(PARAMS, STATS, DATA, jax.random.key(0))[0]


def test_the_objective_is_the_weighted_mean_of_the_losses():
    np.testing.assert_allclose(value(), np.average(LOSSES, weights=DATA.weights), rtol=1e-6)


def test_a_penalty_is_added():
    np.testing.assert_allclose(
        value(penalty=lambda params: 0.1 * F.l2(params)) - value(), 0.1 * F.l2(PARAMS), rtol=1e-5
    )


def test_inputs_are_augmented_before_the_model_sees_them():
    nothing = value(augment=lambda key, inputs: 0 * inputs)
    at_zero = F.cross_entropy(MODEL.apply(PARAMS, STATS, 0 * DATA.inputs)[0], DATA.labels)
    np.testing.assert_allclose(nothing, np.average(at_zero, weights=DATA.weights), rtol=1e-6)


def test_a_classifier_is_observed_on_the_whole_set():
    zero = jnp.zeros((), int)
    observed = classification(MODEL)(State(jax.random.key(0), zero, zero, PARAMS, STATS, ()), DATA)
    np.testing.assert_allclose(observed["loss"], np.average(LOSSES, weights=DATA.weights), rtol=1e-6)
    right = MODEL.apply(PARAMS, STATS, DATA.inputs)[0].argmax(axis=1) == DATA.labels
    np.testing.assert_allclose(observed["accuracy"], np.average(right, weights=DATA.weights), rtol=1e-6)
