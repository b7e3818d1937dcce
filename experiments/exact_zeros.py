"""Claim: L1 makes weights exactly zero only with a proximal step; its subgradient does not, and neither does L2.

Each seed draws a linear regression with 50 inputs, of which 5 are relevant, and trains it by full-batch gradient
descent. Arms: an L1 penalty in the loss (subgradient), the proximal step of L1, an L2 penalty in the loss, and no
penalty. Metric: the share of the weights of irrelevant inputs that are exactly zero after training.

    python -m experiments run exact_zeros
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxdl.functional as F
from jaxdl import initializers
from jaxdl.data import Dataset
from jaxdl.experiment import MEDIAN, AtLeast, Claim, Exact, Experiment, Panel
from jaxdl.models import linear_regression
from jaxdl.optimizers import decay_mask, proximal_l1, sgd
from jaxdl.training import Task, population, train

EXAMPLES, SIZE, RELEVANT = 100, 50, 5
LEARNING_RATE, PENALTY, EPOCHS = 0.1, 0.1, 500


def regression(key):
    """Draw inputs, of which a few are relevant, and noisy targets."""
    inputs_key, weights_key, noise_key = jax.random.split(key, 3)
    inputs = jax.random.normal(inputs_key, (EXAMPLES, SIZE))
    true = jnp.where(jnp.arange(SIZE) < RELEVANT, jax.random.normal(weights_key, (SIZE,)), 0.0)[:, None]
    targets = inputs @ true + 0.5 * jax.random.normal(noise_key, (EXAMPLES, 1))
    return Dataset(inputs, targets, weights=jnp.ones(EXAMPLES))


def no_penalty(params):  # noqa: ARG001
    """Return no penalty."""
    return 0.0


def penalty_of_weights(penalty):
    """Return a penalty that applies to weights only, not to biases."""
    return lambda params: PENALTY * penalty(params["Dense_0"]["kernel"])


def share_of_zeros(key, penalty, optimizer):
    """Train a regression; return the share of the weights of irrelevant inputs that are exactly zero."""
    data_key, training_key = jax.random.split(key)
    model = linear_regression(kernel_init=initializers.lecun_normal)  # no initial weight is zero
    task = Task(model, F.squared_error, optimizer, EXAMPLES, penalty=penalty)
    state, _ = train(task, regression(data_key), training_key, epochs=EPOCHS)
    return jnp.mean(state.params["Dense_0"]["kernel"][RELEVANT:] == 0)


PROXIMAL = optax.chain(sgd(LEARNING_RATE), proximal_l1(LEARNING_RATE, l1=PENALTY, mask=decay_mask))
ARMS = {
    "subgradient": (penalty_of_weights(F.l1), sgd(LEARNING_RATE)),
    "proximal": (no_penalty, PROXIMAL),
    "l2": (penalty_of_weights(F.l2), sgd(LEARNING_RATE)),
    "none": (no_penalty, sgd(LEARNING_RATE)),
}
LABELS = {
    "subgradient": "L1 in the loss (subgradient)",
    "proximal": "L1 by the proximal step",
    "l2": "L2 in the loss",
    "none": "no penalty",
}


def measure(keys):
    """Measure the share of exact zeros for each key."""
    for arm, (penalty, optimizer) in ARMS.items():
        yield arm, population(functools.partial(share_of_zeros, penalty=penalty, optimizer=optimizer), keys)


def finding(measured):
    """Describe in how many networks a weight of an irrelevant input is exactly zero, for each arm."""
    counts = "; ".join(f"{LABELS[arm]}: {np.sum(values > 0)} of {len(values)}" for arm, values in measured.items())
    return f"Networks in which a weight of an irrelevant input is exactly zero: {counts}."


experiment = Experiment(
    name="exact_zeros",
    item=72,
    sentence="Every non-zero parameter is gonna contribute to its loss. Best not to use a parameter at all, unless it "
    "really needs it. Works in sparsity",
    claims=(
        Claim(
            "Some weights of irrelevant inputs become exactly zero if the L1 penalty is added to the loss.",
            Exact(
                "for every seed at least one weight is exactly zero after training with the L1 penalty in the loss",
                lambda measured: measured["subgradient"] > 0,
                finding,
            ),
            reading="literal",
        ),
        Claim(
            "With a penalty of 0.1, the proximal step of L1 makes at least half of the weights of irrelevant inputs "
            "exactly zero.",
            AtLeast("proximal", 0.5, MEDIAN, effect=0.6, expected_sd=0.07),
            reading="careful",
        ),
        Claim(
            "No weight of an irrelevant input becomes exactly zero with L2, the subgradient of L1, or no penalty.",
            Exact(
                "in these three arms no weight of an irrelevant input is exactly zero for any seed",
                lambda measured: [measured[arm] == 0 for arm in ("subgradient", "l2", "none")],
                finding,
                control_holds=lambda measured: measured["proximal"] > 0,
                control="the proximal step makes at least one weight exactly zero for every seed",
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "share of the weights of irrelevant inputs that are exactly zero",
            LABELS,
            thresholds=(0.5,),
        ),
    ),
    seeds=32,
    measure=measure,
    limits="Only the coefficient 0.1 is tested; a smaller one leaves fewer zeros. Small weights are not counted.",
)
