import jax
import numpy as np

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from tests.models.reference_models import random_array, random_variables


def test_two_tasks_learn_on_one_trunk(random):
    labels = np.arange(90) % 3
    inputs = random.normal(size=(90, 4)) + 3 * np.eye(3, 4)[labels]
    sets = data.from_arrays(inputs, np.c_[labels, inputs.sum(1)])
    model = models.multi_head(models.MLP((16,), 16), {"class": 3, "sum": 1})
    loss = lambda z, y: F.cross_entropy(z["class"], y[:, 0].astype(int)) + F.squared_error(z["sum"], y[:, 1:])
    task = training.Task(model, loss, optimizers.adam(0.02), 15)
    train = jax.jit(jax.vmap(lambda key: training.train(task, sets, key, epochs=40)[1].loss))
    assert (train(jax.random.split(jax.random.key(0), 2))[:, -1] < 0.2).all()
    assert {*jax.eval_shape(model.init, jax.random.key(0), sets.inputs)[0]} == {"trunk", "class", "sum"}


def test_the_trunk_receives_the_training_flag():
    model = models.multi_head(models.MLP((64,), 8, dropout_rate=0.5, norm=models.BatchNorm), {"a": 2})
    inputs = random_array(5, 4)
    params, stats = random_variables(model, inputs)
    apply = jax.jit(model.apply)
    first, updated = apply(params, stats, inputs, key=jax.random.key(2))
    other, _ = apply(params, stats, inputs, key=jax.random.key(3))
    assert not np.array_equal(first["a"], other["a"])
    batch_mean = (inputs @ np.asarray(params["trunk"]["Dense_0"]["kernel"])).mean(0)
    before, after = (tree["batch_stats"]["trunk"]["BatchNorm_0"]["mean"] for tree in (stats, updated))
    np.testing.assert_allclose(after, 0.9 * before + 0.1 * batch_mean, rtol=1e-4, atol=1e-6)
