"""Claim: hidden units with equal initial weights stay equal, so initialization must break the symmetry.

Each seed draws a random classification problem and trains two 5-8-1 networks on it. Arms: all weights start at 0.5; all
weights start at random. Metric: the largest difference between two hidden units after training.

    python -m experiments run equal_weights
"""

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl import initializers
from jaxdl.data import Dataset
from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.models import mlp
from jaxdl.optimizers import adam
from jaxdl.training import Task, population, train


def equal(key, shape, dtype=jnp.float32):  # noqa: ARG001  initializers take a key
    """Initialize all weights to 0.5."""
    return jnp.full(shape, 0.5, dtype)


def largest_difference(key, kernel_init):
    """Train one network; return the largest difference between two hidden units, over all their weights."""
    inputs_key, plane_key, training_key = jax.random.split(key, 3)
    inputs = jax.random.normal(inputs_key, (64, 5))
    labels = (inputs @ jax.random.normal(plane_key, (5,)) > 0).astype(int)
    model = mlp((8,), 1, activation=F.tanh, kernel_init=kernel_init)
    loss = lambda outputs, labels: F.sigmoid_binary_cross_entropy(outputs[:, 0], labels)  # noqa: E731
    task = Task(model, loss, adam(1e-2), 16)
    state, _ = train(task, Dataset(inputs, labels, jnp.ones(64)), training_key, epochs=100)
    hidden, out = state.params["Dense_0"], state.params["Dense_1"]
    units = jnp.concatenate([hidden["kernel"], hidden["bias"][None], out["kernel"].T])
    return jnp.ptp(units, axis=1).max()


def measure(keys):
    """Measure the largest difference for each key."""
    for arm, kernel_init in {"equal": equal, "random": initializers.glorot_uniform}.items():
        yield arm, population(lambda key, kernel_init=kernel_init: largest_difference(key, kernel_init), keys)


def finding(measured):
    """Describe how many networks keep equal units, and how much random units differ."""
    equal = measured["equal"]
    return (
        f"After 400 steps hidden units with equal initial weights are bit-identical in {int((equal == 0).sum())} of "
        f"{len(equal)} networks (largest difference {equal.max():.1e}); units with random initial weights differ by at "
        f"least {measured['random'].min():.2f}."
    )


experiment = Experiment(
    name="equal_weights",
    item=108,
    sentence="Gotta break symmetry: if all initial weigths are the same, they will ALL grow the same too",
    claims=(
        Claim(
            "Hidden units that start with equal weights are still bit-identical after 400 steps of training.",
            Exact(
                "the largest difference with equal initial weights is exactly 0 for every seed",
                lambda measured: measured["equal"] == 0,
                finding,
                control_holds=lambda measured: measured["random"] > 0,
                control="units with random initial weights differ for every seed",
            ),
        ),
    ),
    panels=(
        Panel(
            "largest difference between two hidden units",
            {"equal": "all weights start at 0.5", "random": "random initial weights"},
            thresholds=(0.0,),
        ),
    ),
    seeds=64,
    measure=measure,
)
