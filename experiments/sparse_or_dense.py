"""Claims: L1 is better if few inputs are relevant; L2 is better if all are.

Each seed draws two linear regressions with 50 inputs: one with 5 relevant inputs, and one in which all inputs are
slightly relevant. Arms: both regressions, each with an L1 or an L2 penalty. The coefficient of the penalty is the one
of twelve with the lowest error on dev. Metric: the squared distance from the true weights, which is the excess of the
error on new inputs over the noise.

    python -m experiments run sparse_or_dense
"""

import functools

import jax
import jax.numpy as jnp
import optax

import jaxdl.functional as F
from jaxdl.experiment import MEDIAN, RATIO, Claim, Experiment, Greater, Panel
from jaxdl.optimizers import proximal_l1, sgd
from jaxdl.training import population

EXAMPLES, SIZE, FEW = 100, 50, 5
LEARNING_RATE, STEPS = 0.1, 1000
COEFFICIENTS = 10 ** jnp.linspace(-3, 1, 12)


def draw(key, relevant):
    """Draw true weights of norm 1, of which `relevant` are not zero, and the train and dev parts."""
    weights_key, *part_keys = jax.random.split(key, 3)
    true = jnp.where(jnp.arange(SIZE) < relevant, jax.random.normal(weights_key, (SIZE,)), 0.0)
    true = true / jnp.linalg.norm(true)

    def part(key):
        inputs_key, noise_key = jax.random.split(key)
        inputs = jax.random.normal(inputs_key, (EXAMPLES, SIZE))
        return inputs, inputs @ true + jax.random.normal(noise_key, (EXAMPLES,))

    return true, *map(part, part_keys)


def half_mean_square(weights, part):
    """Return half the mean squared error."""
    inputs, targets = part
    return jnp.mean((inputs @ weights - targets) ** 2) / 2


def with_l1(coefficient):
    """Return no penalty in the loss, and an optimizer with the proximal step of L1."""
    optimizer = optax.chain(sgd(LEARNING_RATE), proximal_l1(LEARNING_RATE, l1=coefficient))
    return lambda weights: 0.0, optimizer  # noqa: ARG005


def with_l2(coefficient):
    """Return the L2 penalty, and an optimizer whose learning rate keeps a large penalty from diverging."""
    optimizer = sgd(LEARNING_RATE / (1 + coefficient))
    return lambda weights: coefficient * F.l2(weights), optimizer


def fit_weights(examples, method, coefficient):
    """Fit the weights by gradient descent."""
    penalty, optimizer = method(coefficient)
    gradient = jax.grad(lambda weights: half_mean_square(weights, examples) + penalty(weights))

    def step(carry, _):
        weights, state = carry
        updates, state = optimizer.update(gradient(weights), state, weights)
        return (optax.apply_updates(weights, updates), state), None

    zeros = jnp.zeros(SIZE)
    return jax.lax.scan(step, (zeros, optimizer.init(zeros)), length=STEPS)[0][0]


def distance(key, method, relevant):
    """Return the squared distance from the true weights, with the coefficient that is best on dev."""
    true, examples, dev = draw(key, relevant)
    fits = jax.vmap(lambda coefficient: fit_weights(examples, method, coefficient))(COEFFICIENTS)
    dev_errors = jax.vmap(lambda weights: half_mean_square(weights, dev))(fits)
    return jnp.sum((fits[dev_errors.argmin()] - true) ** 2)


def measure(keys):
    """Measure the distances for each key."""
    for regression, relevant in {"few": FEW, "all": SIZE}.items():
        for name, method in {"l1": with_l1, "l2": with_l2}.items():
            one = functools.partial(distance, method=method, relevant=relevant)
            yield f"{name}_{regression}", population(one, keys)


experiment = Experiment(
    name="sparse_or_dense",
    item=73,
    sentence="!!! Do not use for sparsity, use L1 instead … !!! do not use for moderate weight control without "
    "sparsity as your real goal.",
    claims=(
        Claim(
            "If 5 of 50 inputs are relevant, weights fitted with L2 typically have more than 1.3 times the squared "
            "distance from the true weights of those fitted with L1, each with its coefficient chosen on dev.",
            Greater("l2_few", "l1_few", 1.3, MEDIAN, effect=2.5, expected_sd=0.4, scale=RATIO),
        ),
        Claim(
            "If all inputs are slightly relevant, weights fitted with L1 typically have more than 1.1 times the "
            "squared distance from the true weights of those fitted with L2, each with its coefficient chosen on dev.",
            Greater("l1_all", "l2_all", 1.1, MEDIAN, effect=1.22, expected_sd=0.2, scale=RATIO),
        ),
    ),
    panels=(
        Panel(
            "squared distance from the true weights",
            {
                "l1_few": "L1, 5 of 50 inputs relevant",
                "l2_few": "L2, 5 of 50 inputs relevant",
                "l1_all": "L1, all inputs relevant",
                "l2_all": "L2, all inputs relevant",
            },
        ),
    ),
    seeds=256,
    limits="Linear regressions with 100 training examples, Gaussian inputs and noise of standard deviation 1.",
    measure=measure,
)
