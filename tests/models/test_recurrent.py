import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from tests.models.reference_models import random_array, random_variables


def test_the_state_starts_at_zero_and_the_last_state_is_classified():
    inputs = jnp.asarray(random_array(3, 5, 4))
    model = models.recurrent(models.GRU, (6,), 2)
    params, stats = random_variables(model, inputs)

    def by_formula(params):
        gru, head = params["Gru_0"], params["Dense_0"]
        weights = (gru["input_kernel"], gru["hidden_kernel"], gru["bias"], gru["candidate_bias"])
        states = F.gru(inputs, jnp.zeros((3, 6)), *weights)
        return F.dense(states[:, -1], head["kernel"], head["bias"])

    outputs, expected = jax.jit(lambda params: (model.apply(params, stats, inputs)[0], by_formula(params)))(params)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (models.RNN, ["Rnn_0", "Rnn_1"]),
        (models.GRU, ["Gru_0", "Gru_1"]),
        (models.LSTM, ["Lstm_0", "Lstm_1"]),
        (functools.partial(models.GRU, hidden_init=jax.nn.initializers.normal()), ["Gru_0", "Gru_1"]),
        (type("Own", (models.RNN,), {}), ["Own_0", "Own_1"]),
    ],
)
def test_parameters_have_the_names_under_which_models_were_saved(layer, names):
    model = models.recurrent(layer, (3, 3), 2)
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 2, 4)))
    assert sorted(params) == ["Dense_0", *names]


@pytest.mark.parametrize(("layer", "gates"), [(models.RNN, 1), (models.GRU, 3), (models.LSTM, 4)])
def test_hidden_kernels_start_orthogonal_and_only_the_forget_bias_starts_at_one(layer, gates, double):
    variables = jax.device_get(jax.jit(layer(6).init)(jax.random.key(0), jnp.ones((1, 2, 4)))["params"])
    matrices = np.split(variables["hidden_kernel"], gates, axis=1)
    for matrix in matrices:
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(6), atol=1e-12)
    assert all(not np.allclose(matrices[0], other) for other in matrices[1:])
    bias = [1.0 if layer is models.LSTM and gate == 1 else 0.0 for gate in range(gates)]
    np.testing.assert_array_equal(variables["bias"], np.repeat(bias, 6))


def test_default_kernels_have_variance_one_over_their_inputs():
    params, _ = jax.jit(models.recurrent(models.GRU, (100,), 300).init)(jax.random.key(0), jnp.ones((1, 2, 200)))
    assert float(params["Gru_0"]["input_kernel"].var()) == pytest.approx(1 / 200, rel=0.05)
    assert float(params["Dense_0"]["kernel"].var()) == pytest.approx(1 / 100, rel=0.05)


def test_a_recurrent_network_learns_to_remember_the_first_step(random):
    inputs = random.normal(size=(60, 6, 2))
    sets = data.from_arrays(inputs, (inputs[:, 0, 0] > 0).astype(int))
    model = models.recurrent(models.LSTM, (12,), 2)
    task = training.Task(model, F.cross_entropy, optimizers.adam(0.02), 20)
    train = jax.jit(jax.vmap(lambda key: training.train(task, sets, key, epochs=40)[1].loss))
    assert (train(jax.random.split(jax.random.key(0), 2))[:, -1] < 0.2).all()


@pytest.mark.parametrize("inputs", [np.ones((2, 5), np.float32), np.ones((2, 0, 4), np.float32)])
def test_sequences_without_features_or_time_steps_raise(inputs):
    with pytest.raises(
        ValueError, match=r"inputs must be sequences \(batch, time, features\) of at least one time step, got the shape"
    ):
        models.recurrent(models.RNN, (3,), 2).init(jax.random.key(0), inputs)


def test_a_gru_with_the_reset_before_the_product_has_one_bias_per_gate():
    inputs = jnp.asarray(random_array(3, 5, 4))
    model = models.recurrent(functools.partial(models.GRU, reset_after=False), (6,), 2)
    params, stats = random_variables(model, inputs)
    gru, head = params["Gru_0"], params["Dense_0"]
    assert sorted(gru) == ["bias", "hidden_kernel", "input_kernel"]

    def both(gru):
        weights = gru["input_kernel"], gru["hidden_kernel"], gru["bias"], jnp.zeros(6)
        states = F.gru(inputs, jnp.zeros((3, 6)), *weights, reset_after=False)
        outputs = model.apply({"Gru_0": gru, "Dense_0": head}, stats, inputs)[0]
        return outputs, F.dense(states[:, -1], head["kernel"], head["bias"])

    np.testing.assert_allclose(*jax.jit(both)(gru), rtol=1e-6)
    with pytest.raises(ValueError, match="PyTorch's GRU resets after the matrix product"):
        models.to_pytorch(model, params, stats, inputs)
