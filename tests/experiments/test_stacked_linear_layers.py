"""The rule on stacked linear layers, and the layer that a stack is compared with."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import stacked_linear_layers
from jaxdl import models

LINEAR, RELU = stacked_linear_layers.experiment.claims


@pytest.mark.parametrize(
    ("linear", "relu", "expected"),
    [
        (np.full(64, 1e-7), np.full(64, 0.5), ["supported", "supported"]),
        (np.full(64, 1e-4), np.full(64, 0.5), ["refuted", "supported"]),
        (np.array([1e-7] * 63 + [1e-4]), np.full(64, 0.5), ["refuted", "supported"]),
        (np.full(64, 1e-7), np.full(64, 1e-6), ["supported", "refuted"]),
        (np.full(64, 1e-7), np.array([0.5] * 63 + [1e-6]), ["supported", "refuted"]),
    ],
)
def test_one_stack_that_is_not_linear_or_one_network_that_is_refutes_a_claim(linear, relu, expected):
    verdicts = [claim.rule.judge({"linear": linear, "relu": relu}, 0.95) for claim in (LINEAR, RELU)]
    assert [verdict.outcome for verdict in verdicts] == expected


def test_the_product_of_the_layers_is_the_stack():
    inputs = jax.random.normal(jax.random.key(0), (5, 6))
    model = models.mlp((4, 3), 2, activation=stacked_linear_layers.identity)
    params, stats = model.init(jax.random.key(1), inputs)
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    np.testing.assert_allclose(
        stacked_linear_layers.product_of_layers(params, inputs),
        model.apply(params, stats, inputs)[0],
        rtol=1e-5,
        atol=1e-5,
    )


def test_the_best_single_layer_recovers_a_linear_map():
    inputs = jax.random.normal(jax.random.key(0), (50, 3))
    outputs = inputs @ jnp.ones((3, 2)) - 4
    np.testing.assert_allclose(stacked_linear_layers.best_single_layer(inputs, outputs), outputs, rtol=1e-4, atol=1e-4)
