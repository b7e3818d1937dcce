"""Claims: a stack of linear layers computes the same function as one linear layer; with ReLU it does not.

Each seed trains two 6-16-12-3 networks on the same random regression. Arms: no activation function, and ReLU. Metric:
the distance of the network from a single linear layer on new inputs, relative to its largest output. For the linear
stack that layer is the product of its matrices; for the network with ReLU it is the best fit by least squares.

    python -m experiments run stacked_linear_layers
"""

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.data import Dataset
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.models import mlp
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, train

TOLERANCE = 1e-5  # relative, for float32: about a hundred rounding errors
NONLINEAR = 1e-2


def identity(z):
    """Return the input: no activation function."""
    return z


def product_of_layers(params, inputs):
    """Apply the single dense layer with the product of all kernels and the propagated bias."""
    layers = [params[f"Dense_{number}"] for number in range(len(params))]
    kernel, bias = layers[0]["kernel"], layers[0]["bias"]
    for layer in layers[1:]:
        kernel, bias = kernel @ layer["kernel"], bias @ layer["kernel"] + layer["bias"]
    return F.dense(inputs, kernel, bias)


def best_single_layer(inputs, outputs):
    """Return the outputs of the dense layer that fits these outputs best, by least squares."""
    with_one = jnp.concatenate([inputs, jnp.ones((len(inputs), 1))], axis=1)
    return with_one @ jnp.linalg.lstsq(with_one, outputs)[0]


def distance_after_training(key, activation):
    """Train one network; return its distance from a single layer, relative to its largest output."""
    data_key, training_key = jax.random.split(key)
    inputs, targets, new_inputs = (
        jax.random.normal(k, shape)
        for k, shape in zip(jax.random.split(data_key, 3), [(64, 6), (64, 3), (256, 6)], strict=True)
    )
    model = mlp((16, 12), 3, activation=activation)
    task = Task(model, F.squared_error, adam(1e-2), 16)
    state, _ = train(task, Dataset(inputs, targets, jnp.ones(64)), training_key, epochs=50)
    outputs, _ = model.apply(state.params, state.stats, new_inputs)
    if activation is identity:
        single = product_of_layers(state.params, new_inputs)
    else:
        single = best_single_layer(new_inputs, outputs)
    return jnp.abs(outputs - single).max() / jnp.abs(outputs).max()


def measure(keys):
    """Measure the distance of both networks for each key."""
    for arm, activation in {"linear": identity, "relu": F.relu}.items():
        yield arm, population(lambda key, activation=activation: distance_after_training(key, activation), keys)


experiment = Experiment(
    name="stacked_linear_layers",
    item=26,
    sentence="If you combine more linear layers...you will have a linear layer. We need non-linearity",
    claims=(
        Claim(
            "A trained stack of linear layers equals the single layer whose matrix is the product of theirs.",
            Exact(
                f"the distance of the linear stack is at most {TOLERANCE:.0e} for every seed",
                lambda measured: measured["linear"] <= TOLERANCE,
                lambda measured: f"The distance is at most {measured['linear'].max():.1e} of the largest output.",
            ),
        ),
        Claim(
            "With ReLU between the layers, no single layer equals the trained network.",
            Exact(
                f"the distance of the best single layer is at least {NONLINEAR:.0e} for every seed",
                lambda measured: measured["relu"] >= NONLINEAR,
                lambda measured: f"The distance is at least {measured['relu'].min():.0%} of the largest output.",
            ),
        ),
    ),
    panels=(
        Panel(
            "distance from a single layer, relative to the largest output",
            {"linear": "6-16-12-3, linear", "relu": "6-16-12-3, ReLU"},
            thresholds=(TOLERANCE, NONLINEAR),
        ),
    ),
    seeds=64,
    measure=measure,
)
