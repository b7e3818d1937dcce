"""Weights that start equal stay equal forever.

Each seed draws a random classification and trains two networks 5-8-1 on it, one whose weights all start at 0.5 and one
whose weights start at random, and asks how different the hidden units are from each other in the end.

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
from jaxdl.training import Task, population, supervised, train


def equal(key, shape, dtype=jnp.float32):  # noqa: ARG001  an initializer is given a key
    """All weights 0.5."""
    return jnp.full(shape, 0.5, dtype)


def largest_difference(key, kernel_init):
    """Train one network; the largest difference between two hidden units, over all that goes in and out of them."""
    of_inputs, of_plane, of_training = jax.random.split(key, 3)
    inputs = jax.random.normal(of_inputs, (64, 5))
    labels = (inputs @ jax.random.normal(of_plane, (5,)) > 0).astype(int)
    model = mlp((8,), 1, activation=F.tanh, kernel_init=kernel_init)
    objective = supervised(model, lambda outputs, labels: F.binary_cross_entropy(outputs[:, 0], labels))
    task = Task(model, objective, adam(1e-2), 16)
    state, _ = train(task, Dataset(inputs, labels, jnp.ones(64)), of_training, epochs=100)
    hidden, out = state.params["Dense_0"], state.params["Dense_1"]
    units = jnp.concatenate([hidden["kernel"], hidden["bias"][None], out["kernel"].T])
    return jnp.ptp(units, axis=1).max()


def measure(keys):
    """The largest difference, for each key."""
    for arm, draw in {"equal": equal, "random": initializers.glorot_uniform}.items():
        yield arm, population(lambda key, draw=draw: largest_difference(key, draw), keys)


def found(measured):
    """How many differ, and by how much."""
    equal = measured["equal"]
    return (
        f"After 400 steps the hidden units of {int((equal == 0).sum())} of {len(equal)} networks are equal to the last "
        f"bit (largest difference {equal.max():.1e}); from random weights they differ by at least "
        f"{measured['random'].min():.2f}."
    )


experiment = Experiment(
    name="equal_weights",
    item=108,
    sentence="Gotta break symmetry: if all initial weigths are the same, they will ALL grow the same too",
    claims=(
        Claim(
            "Hidden units that start with the same weights are the same after any number of steps, to the last bit.",
            Exact(
                "the difference is exactly 0 for every seed of equal weights",
                lambda measured: measured["equal"] == 0,
                found,
                sees=lambda measured: measured["random"] > 0,
                control="units that start differently differ, for every seed",
            ),
        ),
    ),
    panels=(
        Panel(
            "largest difference between two hidden units",
            {"equal": "all weights start at 0.5", "random": "weights start at random"},
            thresholds=(0.0,),
        ),
    ),
    seeds=64,
    measure=measure,
)
