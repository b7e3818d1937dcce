"""Linear layers on top of each other are one linear layer.

Each seed trains two networks 6-16-12-3 on the same random regression, one with nothing between its layers and one with
ReLU, and asks how far each is from a single linear layer on fresh inputs. For the linear stack that layer is the
product of its matrices; for the other it is the best there is, by least squares.

    python -m experiments run stacked_linear_layers
"""

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.data import Dataset
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.models import mlp
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, supervised, train

EXACT = 1e-5  # relative, for float32: about a hundred times its rounding
BENT = 1e-2


def identity(z):
    """No non-linearity."""
    return z


def product_of_layers(params, inputs):
    """One dense layer whose kernel is the product of all kernels, and whose bias has gone through those after it."""
    layers = [params[f"Dense_{number}"] for number in range(len(params))]
    kernel, bias = layers[0]["kernel"], layers[0]["bias"]
    for layer in layers[1:]:
        kernel, bias = kernel @ layer["kernel"], bias @ layer["kernel"] + layer["bias"]
    return F.dense(inputs, kernel, bias)


def best_single_layer(inputs, outputs):
    """The dense layer nearest to these outputs, by least squares."""
    with_one = jnp.concatenate([inputs, jnp.ones((len(inputs), 1))], axis=1)
    return with_one @ jnp.linalg.lstsq(with_one, outputs)[0]


def distance_after_training(key, activation):
    """Train one network, and measure how far it is from a single layer, relative to its largest output."""
    of_data, of_training = jax.random.split(key)
    inputs, targets, fresh = (
        jax.random.normal(k, shape)
        for k, shape in zip(jax.random.split(of_data, 3), [(64, 6), (64, 3), (256, 6)], strict=True)
    )
    model = mlp((16, 12), 3, activation=activation)
    task = Task(model, supervised(model, F.squared_error), adam(1e-2), 16)
    state, _ = train(task, Dataset(inputs, targets, jnp.ones(64)), of_training, epochs=50)
    outputs, _ = model.apply(state.params, state.stats, fresh)
    single = product_of_layers(state.params, fresh) if activation is identity else best_single_layer(fresh, outputs)
    return jnp.abs(outputs - single).max() / jnp.abs(outputs).max()


def measure(keys):
    """The distance of both networks, for each key."""
    for arm, activation in {"linear": identity, "relu": F.relu}.items():
        yield arm, population(lambda key, activation=activation: distance_after_training(key, activation), keys)


def found(measured):
    """How far both are."""
    return (
        f"The stack differs from the product of its matrices by at most {measured['linear'].max():.1e} of its largest "
        f"output; with ReLU between the layers even the nearest single layer is at least {measured['relu'].min():.0%} "
        "away."
    )


experiment = Experiment(
    name="stacked_linear_layers",
    item=26,
    sentence="If you combine more linear layers...you will have a linear layer. We need non-linearity",
    claims=(
        Claim(
            "A trained stack of linear layers computes what the one layer computes whose matrix is their product; with "
            "ReLU between them no single layer does.",
            Exact(
                f"the distance is at most {EXACT:.0e} for every seed of the linear stack",
                lambda measured: measured["linear"] <= EXACT,
                found,
                sees=lambda measured: measured["relu"] >= BENT,
                control=f"every network with ReLU is at least {BENT:.0e} away",
            ),
        ),
    ),
    panels=(
        Panel(
            "distance from a single layer, relative to the largest output",
            {"linear": "6-16-12-3, nothing between", "relu": "6-16-12-3, ReLU between"},
            thresholds=(EXACT, BENT),
        ),
    ),
    seeds=64,
    measure=measure,
)
