"""L1 makes parameters exactly zero, but only by a proximal step: by its gradient it never does, and L2 does not either.

Each seed draws a linear regression with 50 inputs, of which 5 matter, and trains it by full gradients with a penalty:
L1 by its subgradient, as one adds it to the loss; L1 by the proximal step; L2; and none. Measured: the share of weights
that are exactly zero in the end, of those that do not matter.

    python -m experiments run exact_zeros
"""

import functools

import jax
import jax.numpy as jnp
import optax

import jaxdl.functional as F
from jaxdl import initializers
from jaxdl.data import Dataset
from jaxdl.experiment import Claim, Exact, Experiment, More, Panel
from jaxdl.models import linear_regression
from jaxdl.optimizers import decay_mask, proximal_l1, sgd
from jaxdl.training import Task, population, supervised, train

EXAMPLES, SIZE, MATTER = 100, 50, 5
RATE, STRENGTH, EPOCHS = 0.1, 0.1, 500


def regression(key):
    """Inputs of which a few matter, and targets with noise."""
    of_inputs, of_weights, of_noise = jax.random.split(key, 3)
    inputs = jax.random.normal(of_inputs, (EXAMPLES, SIZE))
    true = jnp.where(jnp.arange(SIZE) < MATTER, jax.random.normal(of_weights, (SIZE,)), 0.0)[:, None]
    targets = inputs @ true + 0.5 * jax.random.normal(of_noise, (EXAMPLES, 1))
    return Dataset(inputs, targets, weights=jnp.ones(EXAMPLES))


def nothing(params):  # noqa: ARG001
    """No penalty."""
    return 0.0


def of_weights_alone(penalty):
    """A penalty of weights, which leaves biases alone."""
    return lambda params: STRENGTH * penalty(params["Dense_0"]["kernel"])


def zeros(key, penalty, rule):
    """The share of weights that are exactly zero after training, of those that do not matter."""
    of_data, of_training = jax.random.split(key)
    model = linear_regression(kernel_init=initializers.lecun_normal)  # none is zero before
    task = Task(model, supervised(model, F.squared_error, penalty=penalty), rule, EXAMPLES)
    state, _ = train(task, regression(of_data), of_training, epochs=EPOCHS)
    return jnp.mean(state.params["Dense_0"]["kernel"][MATTER:] == 0)


PROXIMAL = optax.chain(sgd(RATE), proximal_l1(RATE, l1=STRENGTH, mask=decay_mask))
ARMS = {
    "subgradient": (of_weights_alone(F.l1), sgd(RATE)),
    "proximal": (nothing, PROXIMAL),
    "l2": (of_weights_alone(F.l2), sgd(RATE)),
    "none": (nothing, sgd(RATE)),
}


def measure(keys):
    """The share of exact zeros, for each key."""
    for arm, (penalty, rule) in ARMS.items():
        yield arm, population(functools.partial(zeros, penalty=penalty, rule=rule), keys)


def shares(measured):
    """What each arm has of zeros."""
    return ", ".join(f"{arm} {values.mean():.1%}" for arm, values in measured.items())


experiment = Experiment(
    name="exact_zeros",
    item=72,
    sentence="Every non-zero parameter is gonna contribute to its loss. Best not to use a parameter at all, unless it "
    "really needs it. Works in sparsity",
    claims=(
        Claim(
            "Of the parameters that are not needed, some become exactly zero if their absolute values are added to the "
            "loss.",
            Exact(
                "some weight is exactly zero for every seed, by the subgradient of the penalty",
                lambda measured: measured["subgradient"] > 0,
                lambda measured: f"The shares of exact zeros: {shares(measured)}.",
            ),
            reading="as it stands",
        ),
        Claim(
            "The proximal step of the L1 penalty makes more than half of the weights exactly zero that do not matter.",
            More("proximal", 0.5, margin=0.1, expected_sd=0.07),
            reading="careful",
        ),
        Claim(
            "Neither the L2 penalty nor the subgradient of L1 nor no penalty makes a single weight exactly zero.",
            Exact(
                "no weight is zero for any seed",
                lambda measured: [measured[arm] == 0 for arm in ("subgradient", "l2", "none")],
                lambda measured: f"The shares of exact zeros: {shares(measured)}.",
                sees=lambda measured: measured["proximal"] > 0,
                control="the proximal step makes some",
            ),
            reading="careful",
        ),
    ),
    panels=(
        Panel(
            "share of weights that do not matter which are exactly zero",
            {
                "subgradient": "L1 by its subgradient",
                "proximal": "L1 by the proximal step",
                "l2": "L2",
                "none": "no penalty",
            },
            thresholds=(0.5,),
        ),
    ),
    seeds=32,
    measure=measure,
)
