"""Claim: gradient descent on a quadratic converges if and only if the learning rate is below 2/λmax.

Each seed draws a quadratic of eight variables with a random Hessian, and a starting point. Arms: 400 steps of gradient
descent at learning rates around 2/λmax, and the closed form (1 − ηλ)^t of each eigen-direction. Metrics: the distance
from the minimum after all steps, relative to the initial one, and the error of the closed form. In float64.

    python -m experiments run largest_learning_rate
"""

import functools

import jax
import jax.numpy as jnp
import optax

from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.optimizers import sgd
from jaxdl.training import population

SIZE, STEPS, FEW_STEPS = 8, 400, 20
FACTORS = (0.5, 0.9, 0.95, 0.99, 1.01, 1.05)  # of 2/λmax
LEARNING_RATES = "learning rate / (2/λmax)", FACTORS
TOLERANCE = 1e-9


def quadratic(key):
    """Draw the eigenvalues (between 0.1 and 10) and eigenvectors of a Hessian, and a starting point."""
    values_key, vectors_key, start_key = jax.random.split(key, 3)
    values = 10 ** jax.random.uniform(values_key, (SIZE,), minval=-1.0)
    vectors = jnp.linalg.qr(jax.random.normal(vectors_key, (SIZE, SIZE)))[0]
    return values, vectors, jax.random.normal(start_key, (SIZE,))


def distances(key, factor):
    """Return the distance after all steps, by descent and by the closed form, and the error of the closed form.

    All are relative to the initial distance. The error is the largest over all eigen-directions, after a few steps.
    """
    values, vectors, start = quadratic(key)
    learning_rate = factor * 2 / values.max()
    optimizer, hessian = sgd(learning_rate), vectors @ jnp.diag(values) @ vectors.T

    def step(x, _):
        updates, _ = optimizer.update(hessian @ x, optimizer.init(x), x)
        return optax.apply_updates(x, updates), None

    end, _ = jax.lax.scan(step, start, length=STEPS)
    after_few, _ = jax.lax.scan(step, start, length=FEW_STEPS)
    closed, closed_after_few = (
        (1 - learning_rate * values) ** steps * (vectors.T @ start) for steps in (STEPS, FEW_STEPS)
    )
    error = jnp.abs(vectors.T @ after_few - closed_after_few).max()
    return tuple(x / jnp.linalg.norm(start) for x in (*map(jnp.linalg.norm, (end, closed)), error))


def measure(keys):
    """Measure the distances at each learning rate for each key."""
    with jax.enable_x64(True):
        for factor in FACTORS:
            descended, closed, error = population(functools.partial(distances, factor=factor), keys)
            yield ("descent", factor), descended
            yield ("closed", factor), closed
            yield ("error", factor), error


def holds(measured):
    """Return whether descent ends nearer than it started below the limit, and farther above it, for every seed."""
    return [(measured["descent", factor] < 1) == (factor < 1) for factor in FACTORS]


def finding(measured):
    """Describe the distance just below and just above the limit."""
    below, above = measured["descent", 0.99], measured["descent", 1.01]
    return (
        f"After {STEPS} steps at 0.99 times the limit, at most {below.max():.1e} of the initial distance is left; at "
        f"1.01 times the limit, the distance has grown at least {above.min():.3g}-fold."
    )


def errors(measured):
    """Return the largest error of the closed form at each learning rate."""
    return [measured["error", factor].max() for factor in FACTORS]


experiment = Experiment(
    name="largest_learning_rate",
    item=15,
    sentence="Intro on gradient descent",
    claims=(
        Claim(
            "On a quadratic, gradient descent converges if the learning rate is below 2/λmax, and diverges if above.",
            Exact(
                "for every seed descent ends nearer to the minimum than it started at all learning rates below the "
                "limit, and farther from it at all above",
                holds,
                finding,
            ),
        ),
        Claim(
            "After 20 steps of gradient descent on a quadratic, the coordinate along each eigenvector of the Hessian "
            "is (1 − ηλ)^20 times the initial one.",
            Exact(
                f"after {FEW_STEPS} steps descent and closed form differ by at most {TOLERANCE:.0e} of the initial "
                "distance, in all eigen-directions, at every learning rate, for every seed",
                lambda measured: [error <= TOLERANCE for error in errors(measured)],
                lambda measured: f"They differ by at most {max(errors(measured)):.1e}.",
            ),
        ),
    ),
    panels=(
        Panel(
            "distance from the minimum, relative to the initial one",
            {"descent": "gradient descent", "closed": "closed form"},
            over=LEARNING_RATES,
            thresholds=(1.0,),
        ),
        Panel(
            "error of the closed form, relative to the initial distance",
            {"error": "largest of all eigen-directions"},
            over=LEARNING_RATES,
        ),
    ),
    seeds=64,
    measure=measure,
    limits="Converges means nearer to the minimum than at the start after 400 steps, at six learning rates.",
)
