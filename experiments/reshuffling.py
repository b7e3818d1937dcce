"""Claim: SGD with reshuffled epochs ends with a lower loss than SGD with examples drawn with replacement.

Each seed draws a noisy linear regression and trains it on single examples for 50 epochs at a constant learning rate.
Arms: the examples in a new random order each epoch, and examples drawn with replacement. Metric: the training loss
above its minimum. A second claim, that the gradient of a random example is unbiased, is tested by averaging over all
examples.

    python -m experiments run reshuffling
"""

import jax
import jax.numpy as jnp
import optax

import jaxdl.functional as F
from jaxdl.experiment import MEDIAN, RATIO, Claim, Exact, Experiment, Greater, Panel
from jaxdl.optimizers import sgd
from jaxdl.training import population

EXAMPLES, SIZE, EPOCHS, LEARNING_RATE = 64, 8, 50, 0.01
TOLERANCE = 1e-5  # relative, for float32


def regression(key):
    """Draw inputs, and targets with noise of standard deviation 1."""
    inputs_key, weights_key, noise_key = jax.random.split(key, 3)
    inputs = jax.random.normal(inputs_key, (EXAMPLES, SIZE))
    noise = jax.random.normal(noise_key, (EXAMPLES, 1))
    return inputs, inputs @ jax.random.normal(weights_key, (SIZE, 1)) + noise


def loss(weights, inputs, targets):
    """Return the mean squared error."""
    return F.squared_error(F.dense(inputs, weights, jnp.zeros(1)), targets).mean()


def reshuffled(key):
    """Return a new random order of the examples for each epoch."""
    return jax.vmap(lambda key: jax.random.permutation(key, EXAMPLES))(jax.random.split(key, EPOCHS)).reshape(-1)


def with_replacement(key):
    """Return the same number of examples, each drawn from all of them."""
    return jax.random.randint(key, (EPOCHS * EXAMPLES,), 0, EXAMPLES)


def excess(key, draw):
    """Train a regression; return its training loss above the minimum."""
    data_key, order_key = jax.random.split(key)
    inputs, targets = regression(data_key)
    optimizer = sgd(LEARNING_RATE)

    def step(weights, row):
        gradient = jax.grad(loss)(weights, inputs[row][None], targets[row][None])
        updates, _ = optimizer.update(gradient, optimizer.init(weights), weights)
        return optax.apply_updates(weights, updates), None

    weights, _ = jax.lax.scan(step, jnp.zeros((SIZE, 1)), draw(order_key))
    best = jnp.linalg.lstsq(inputs, targets)[0]
    return loss(weights, inputs, targets) - loss(best, inputs, targets)


def bias(key):
    """Return the difference of the mean gradient of single examples from the full gradient, relative to the latter."""
    data_key, weights_key = jax.random.split(key)
    inputs, targets = regression(data_key)
    weights = jax.random.normal(weights_key, (SIZE, 1))
    single = jax.vmap(lambda x, t: jax.grad(loss)(weights, x[None], t[None]))(inputs, targets)
    full = jax.grad(loss)(weights, inputs, targets)
    return jnp.abs(single.mean(axis=0) - full).max() / jnp.abs(full).max()


def measure(keys):
    """Measure the bias, and the excess loss of both ways to draw examples, for each key."""
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
            "The gradient of a random example is an unbiased estimate of the full gradient.",
            Exact(
                f"mean gradient of all examples and full gradient agree to a relative {TOLERANCE:.0e} for every seed",
                lambda measured: measured["bias"] <= TOLERANCE,
                lambda measured: f"They differ by at most {measured['bias'].max():.1e}.",
            ),
        ),
        Claim(
            "On a linear regression, after 50 epochs of single examples at a learning rate of 0.01, the training loss "
            "typically lies more than twice as far above its minimum if examples are drawn with replacement as if "
            "every epoch reshuffles them.",
            Greater("replacement", "reshuffled", 2.0, MEDIAN, effect=4.77, expected_sd=0.95, scale=RATIO),
        ),
    ),
    panels=(
        Panel(
            "training loss above its minimum",
            {"reshuffled": "reshuffled each epoch", "replacement": "drawn with replacement"},
        ),
        Panel("relative difference of mean and full gradient", {"bias": "mean over all examples"}),
    ),
    seeds=64,
    measure=measure,
    limits="The sentence of the course does not mention drawing with replacement, which it is compared with here.",
)
