"""L1 where few inputs matter, L2 where all do: which penalty is better depends on what is true.

Each seed draws two linear regressions with 50 inputs, one in which 5 matter and one in which all do, a little. Both are
fitted with either penalty at twelve strengths, of which the one with the least error on dev counts. Measured: the
squared distance from the true weights, by which the error on fresh inputs exceeds the noise.

    python -m experiments run sparse_or_dense
"""

import functools

import jax
import jax.numpy as jnp
import optax

import jaxdl.functional as F
from jaxdl.experiment import RATIO, Claim, Experiment, More, Panel
from jaxdl.optimizers import proximal_l1, sgd
from jaxdl.training import population

EXAMPLES, SIZE, FEW = 100, 50, 5
RATE, STEPS = 0.1, 1000
STRENGTHS = 10 ** jnp.linspace(-3, 1, 12)


def draw(key, matter):
    """A part to train on and one to decide by, and true weights of length 1, of which so many are not zero."""
    of_weights, *of_parts = jax.random.split(key, 3)
    true = jnp.where(jnp.arange(SIZE) < matter, jax.random.normal(of_weights, (SIZE,)), 0.0)
    true = true / jnp.linalg.norm(true)

    def part(key):
        of_inputs, of_noise = jax.random.split(key)
        inputs = jax.random.normal(of_inputs, (EXAMPLES, SIZE))
        return inputs, inputs @ true + jax.random.normal(of_noise, (EXAMPLES,))

    return true, *map(part, of_parts)


def half_mean_square(weights, part):
    """Half the mean squared error."""
    inputs, targets = part
    return jnp.mean((inputs @ weights - targets) ** 2) / 2


def by_l1(strength):
    """No penalty in the loss, and the proximal step of L1 after each."""
    rule = optax.chain(sgd(RATE), proximal_l1(RATE, l1=strength))
    return lambda weights: 0.0, rule  # noqa: ARG005


def by_l2(strength):
    """The penalty in the loss, and steps that do not diverge from a strong one."""
    rule = sgd(RATE / (1 + strength))
    return lambda weights: strength * F.l2(weights), rule


def fitted(examples, penalized, strength):
    """The weights after all steps of gradient descent."""
    penalty, rule = penalized(strength)
    slope = jax.grad(lambda weights: half_mean_square(weights, examples) + penalty(weights))

    def step(carry, _):
        weights, state = carry
        updates, state = rule.update(slope(weights), state, weights)
        return (optax.apply_updates(weights, updates), state), None

    zeros = jnp.zeros(SIZE)
    return jax.lax.scan(step, (zeros, rule.init(zeros)), length=STEPS)[0][0]


def distance(key, penalized, matter):
    """From the true weights, squared, at the strength that was best on dev."""
    true, examples, dev = draw(key, matter)
    each = jax.vmap(lambda strength: fitted(examples, penalized, strength))(STRENGTHS)
    dev_errors = jax.vmap(lambda weights: half_mean_square(weights, dev))(each)
    return jnp.sum((each[dev_errors.argmin()] - true) ** 2)


def measure(keys):
    """The distances, for each key."""
    for kind, matter in {"few": FEW, "all": SIZE}.items():
        for name, penalized in {"l1": by_l1, "l2": by_l2}.items():
            yield f"{name}_{kind}", population(functools.partial(distance, penalized=penalized, matter=matter), keys)


experiment = Experiment(
    name="sparse_or_dense",
    item=73,
    sentence="!!! Do not use for sparsity, use L1 instead … !!! do not use for moderate weight control without "
    "sparsity as your real goal.",
    claims=(
        Claim(
            "Where few inputs matter, L1 comes nearer to the truth than L2.",
            More("l2_few", "l1_few", margin=1.3, expected_sd=0.45, scale=RATIO),
        ),
        Claim(
            "Where all inputs matter a little, L2 comes nearer to the truth than L1.",
            More("l1_all", "l2_all", margin=1.15, expected_sd=0.2, scale=RATIO),
        ),
    ),
    panels=(
        Panel(
            "squared distance from the true weights",
            {
                "l1_few": "L1, 5 of 50 inputs matter",
                "l2_few": "L2, 5 of 50 inputs matter",
                "l1_all": "L1, all inputs matter",
                "l2_all": "L2, all inputs matter",
            },
        ),
    ),
    seeds=64,
    measure=measure,
)
