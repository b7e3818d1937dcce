"""Passing over the data in a new order each epoch is better than drawing each example anew.

Each seed draws a linear regression with noise and trains it by single examples for 50 epochs at a constant rate: with
the examples in a new order each epoch, and drawn with replacement. Measured: by how much the training loss then exceeds
the least that is possible. That single gradients are right on average is shown by averaging all of them.

    python -m experiments run reshuffling
"""

import jax
import jax.numpy as jnp
import optax

import jaxdl.functional as F
from jaxdl.experiment import RATIO, Claim, Exact, Experiment, More, Panel
from jaxdl.optimizers import sgd
from jaxdl.training import population

EXAMPLES, SIZE, EPOCHS, RATE = 64, 8, 50, 0.01
ROUNDING = 1e-5  # relative, for float32


def regression(key):
    """Inputs, and targets with noise of deviation 1."""
    of_inputs, of_weights, of_noise = jax.random.split(key, 3)
    inputs = jax.random.normal(of_inputs, (EXAMPLES, SIZE))
    noise = jax.random.normal(of_noise, (EXAMPLES, 1))
    return inputs, inputs @ jax.random.normal(of_weights, (SIZE, 1)) + noise


def loss(weights, inputs, targets):
    """The mean squared error."""
    return F.squared_error(F.dense(inputs, weights, jnp.zeros(1)), targets).mean()


def reshuffled(key):
    """The examples in a new order for each epoch."""
    return jax.vmap(lambda key: jax.random.permutation(key, EXAMPLES))(jax.random.split(key, EPOCHS)).reshape(-1)


def with_replacement(key):
    """As many examples, each drawn from all."""
    return jax.random.randint(key, (EPOCHS * EXAMPLES,), 0, EXAMPLES)


def excess(key, draw):
    """The training loss after all steps, above the least there is."""
    of_data, of_order = jax.random.split(key)
    inputs, targets = regression(of_data)
    rule = sgd(RATE)

    def step(weights, row):
        slope = jax.grad(loss)(weights, inputs[row][None], targets[row][None])
        updates, _ = rule.update(slope, rule.init(weights), weights)
        return optax.apply_updates(weights, updates), None

    weights, _ = jax.lax.scan(step, jnp.zeros((SIZE, 1)), draw(of_order))
    best = jnp.linalg.lstsq(inputs, targets)[0]
    return loss(weights, inputs, targets) - loss(best, inputs, targets)


def bias(key):
    """How far the mean of the gradients of all examples is from the gradient of the loss, relative to it."""
    of_data, of_weights = jax.random.split(key)
    inputs, targets = regression(of_data)
    weights = jax.random.normal(of_weights, (SIZE, 1))
    each = jax.vmap(lambda x, t: jax.grad(loss)(weights, x[None], t[None]))(inputs, targets)
    whole = jax.grad(loss)(weights, inputs, targets)
    return jnp.abs(each.mean(axis=0) - whole).max() / jnp.abs(whole).max()


def measure(keys):
    """Both kinds of draws, and the bias, for each key."""
    yield "bias", population(bias, keys)
    for arm, draw in {"reshuffled": reshuffled, "replacement": with_replacement}.items():
        yield arm, population(lambda key, draw=draw: excess(key, draw), keys)


experiment = Experiment(
    name="reshuffling",
    item=18,
    sentence='"draw one input-output pair..." -> in practice we make multiple passes over same training points, these '
    "are colled epochs",
    claims=(
        Claim(
            "The gradient of one example, drawn at random, is on average that of the whole loss.",
            Exact(
                f"the mean of all single gradients is the whole one, to a relative {ROUNDING:.0e}, for every seed",
                lambda measured: measured["bias"] <= ROUNDING,
                lambda measured: f"They differ by at most {measured['bias'].max():.1e}.",
            ),
        ),
        Claim(
            "Passes in a new order end with a smaller excess of the loss than draws with replacement do.",
            More("replacement", "reshuffled", margin=2.0, expected_sd=1.0, scale=RATIO),
        ),
    ),
    panels=(
        Panel(
            "training loss above the least possible",
            {"reshuffled": "a new order each epoch", "replacement": "drawn with replacement"},
        ),
        Panel("difference of the mean gradient from the whole one, relative", {"bias": "over all examples"}),
    ),
    seeds=64,
    measure=measure,
)
