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
    nothing = value(augment=lambda key, batch: batch._replace(inputs=0 * batch.inputs))
    at_zero = F.cross_entropy(MODEL.apply(PARAMS, STATS, 0 * DATA.inputs)[0], DATA.labels)
    np.testing.assert_allclose(nothing, np.average(at_zero, weights=DATA.weights), rtol=1e-6)


def test_noise_is_drawn_in_training_and_not_where_a_classifier_is_observed():
    model = models.mlp((64,), 3, dropout_rate=0.5)
    params, stats = model.init(jax.random.key(0), DATA.inputs)
    objective = supervised(model, F.cross_entropy)
    assert objective(params, stats, DATA, jax.random.key(1))[0] != objective(params, stats, DATA, jax.random.key(2))[0]
    zero = jnp.zeros((), int)
    observed = classification(model)(State(jax.random.key(0), zero, zero, params, stats, ()), DATA)["loss"]
    still = F.cross_entropy(model.apply(params, stats, DATA.inputs)[0], DATA.labels)
    np.testing.assert_allclose(observed, np.average(still, weights=DATA.weights), rtol=1e-6)


def test_augmentation_and_model_draw_from_keys_of_their_own():
    drawn = []

    def apply(params, stats, inputs, key=None):
        drawn.append(jax.random.key_data(key))
        return jnp.ones((6, 3)), stats

    def augment(key, batch):
        drawn.append(jax.random.key_data(key))
        return batch

    objective = supervised(models.Model(MODEL.init, apply), F.cross_entropy, augment=augment)
    for seed in (1, 2):
        objective(PARAMS, STATS, DATA, jax.random.key(seed))
    assert len({tuple(key.tolist()) for key in drawn}) == 4


def test_a_classifier_is_observed_on_the_whole_set():
    zero = jnp.zeros((), int)
    observed = classification(MODEL)(State(jax.random.key(0), zero, zero, PARAMS, STATS, ()), DATA)
    np.testing.assert_allclose(observed["loss"], np.average(LOSSES, weights=DATA.weights), rtol=1e-6)
    right = MODEL.apply(PARAMS, STATS, DATA.inputs)[0].argmax(axis=1) == DATA.labels
    np.testing.assert_allclose(observed["accuracy"], np.average(right, weights=DATA.weights), rtol=1e-6)
