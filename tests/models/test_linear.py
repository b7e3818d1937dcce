import jax
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training


def test_linear_regression_finds_the_least_squares_fit(random):
    inputs, targets = random.normal(size=(50, 3)), random.normal(size=(50, 2))
    model = models.linear_regression(2)
    sets = data.from_arrays(inputs, targets)
    task = training.Task(model, F.squared_error, optimizers.lbfgs(), 50)
    state, _ = jax.jit(lambda sets: training.train(task, sets, jax.random.key(0), epochs=20))(sets)
    fit, *_ = np.linalg.lstsq(np.c_[inputs, np.ones(50)], targets, rcond=None)
    np.testing.assert_allclose(state.params["Dense_0"]["kernel"], fit[:3], atol=1e-4)
    np.testing.assert_allclose(state.params["Dense_0"]["bias"], fit[3], atol=1e-4)


@pytest.mark.parametrize(
    ("model", "loss", "classes"),
    [
        (models.softmax_regression(3), F.cross_entropy, 3),
        (models.logistic_regression(), lambda z, y: F.sigmoid_binary_cross_entropy(z[:, 0], y), 2),
    ],
)
def test_classification_starts_with_equal_probabilities_and_learns(model, loss, classes, random):
    labels = np.arange(90) % 3
    blobs = data.from_arrays(random.normal(size=(90, 4)) + 3 * np.eye(3, 4)[labels], labels)
    sets = data.take(blobs, np.flatnonzero(labels < classes))
    task = training.Task(model, loss, optimizers.sgd(0.5), 10)

    @jax.jit
    @jax.vmap
    def first_and_later_losses(key):
        first = training.objective_of(task)(*model.init(key, sets.inputs[:1]), sets, jax.random.key(1))[0]
        return first, training.train(task, sets, jax.random.clone(key), epochs=20)[1].loss

    first, later = first_and_later_losses(jax.random.split(jax.random.key(0), 2))
    np.testing.assert_allclose(first, np.log(classes), rtol=1e-6)
    assert (later[:, -1] < 0.15).all()
