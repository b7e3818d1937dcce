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
from jaxdl.experiment import Experiment, Judgement
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
    return {
        "equal": population(lambda key: largest_difference(key, equal), keys),
        "random": population(lambda key: largest_difference(key, initializers.glorot_uniform), keys),
    }


def judge(measured):
    """Not one bit of difference may appear; where units started differently they must end differently."""
    differing = int((measured["equal"] != 0).sum())
    networks = len(measured["equal"])
    finding = (
        f"After 400 steps the hidden units of {networks - differing} of {networks} networks are equal to the last bit "
        f"(largest difference {measured['equal'].max():.1e}); from random weights they differ by at least "
        f"{measured['random'].min():.2f}."
    )
    if not measured["random"].min() > 0:
        return Judgement("inconclusive", f"{finding} The measurement does not see a difference.")
    return Judgement("refuted" if differing else "supported", finding)


experiment = Experiment(
    name="equal_weights",
    item=108,
    sentence="Gotta break symmetry: if all initial weigths are the same, they will ALL grow the same too",
    claim="Hidden units that start with the same weights are the same after any number of steps, to the last bit.",
    arms={"equal": "all weights start at 0.5", "random": "weights start at random"},
    metric="largest difference between two hidden units",
    rule="supported if the difference is exactly 0 for every seed of equal weights, else refuted; inconclusive if it "
    "is 0 for any seed of random weights.",
    thresholds=(0.0,),
    seeds=64,
    measure=measure,
    judge=judge,
)
