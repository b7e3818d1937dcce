"""Gradient descent on a quadratic converges exactly as long as the rate is below 2/λmax.

Each seed draws a quadratic of eight variables with a random Hessian and a start. Gradient descent takes 400 steps at
rates around 2/λmax, and the distance from the minimum that is left is told, beside the one that the closed form
(1 − ηλ)^t of each eigen-direction gives. All in float64.

    python -m experiments run largest_rate
"""

import functools

import jax
import jax.numpy as jnp
import optax

from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.optimizers import sgd
from jaxdl.training import population

SIZE, STEPS, FEW = 8, 400, 20
FACTORS = (0.5, 0.9, 0.95, 0.99, 1.01, 1.05)  # of 2/λmax
RATES = "rate / (2/λmax)", FACTORS
ROUNDING = 1e-9


def quadratic(key):
    """A Hessian with eigenvalues between 0.1 and 10, its eigenvalues and eigenvectors, and a start."""
    of_values, of_vectors, of_start = jax.random.split(key, 3)
    values = 10 ** jax.random.uniform(of_values, (SIZE,), minval=-1.0)
    vectors = jnp.linalg.qr(jax.random.normal(of_vectors, (SIZE, SIZE)))[0]
    return values, vectors, jax.random.normal(of_start, (SIZE,))


def distances(key, factor):
    """What is left of the distance from the minimum after all steps, what the closed form says of it, and an error.

    The error is that of the closed form after a few steps, the largest of all eigen-directions, relative to the start.
    """
    values, vectors, start = quadratic(key)
    rate = factor * 2 / values.max()
    rule, hessian = sgd(rate), vectors @ jnp.diag(values) @ vectors.T

    def step(x, _):
        updates, _ = rule.update(hessian @ x, rule.init(x), x)
        return optax.apply_updates(x, updates), None

    end, _ = jax.lax.scan(step, start, length=STEPS)
    after_few, _ = jax.lax.scan(step, start, length=FEW)
    closed, closed_after_few = ((1 - rate * values) ** steps * (vectors.T @ start) for steps in (STEPS, FEW))
    error = jnp.abs(vectors.T @ after_few - closed_after_few).max()
    return tuple(x / jnp.linalg.norm(start) for x in (*map(jnp.linalg.norm, (end, closed)), error))


def measure(keys):
    """The distances at each rate, for each key."""
    with jax.enable_x64(True):
        for factor in FACTORS:
            descended, closed, error = population(functools.partial(distances, factor=factor), keys)
            yield ("descent", factor), descended
            yield ("closed", factor), closed
            yield ("error", factor), error


def holds(measured):
    """Nearer than at the start below the limit, farther above it, for every seed."""
    return [(measured["descent", factor] < 1) == (factor < 1) for factor in FACTORS]


def found(measured):
    """What is left just below and just above."""
    below, above = measured["descent", 0.99], measured["descent", 1.01]
    return (
        f"After {STEPS} steps at 0.99 of the limit at most {below.max():.1e} of the distance is left; at 1.01 it has "
        f"become at least {above.min():.3g} times as large."
    )


def errors(measured):
    """How far descent is from the closed form, in any direction, at each rate."""
    return [measured["error", factor].max() for factor in FACTORS]


experiment = Experiment(
    name="largest_rate",
    item=15,
    sentence="Intro on gradient descent",
    claims=(
        Claim(
            "On a quadratic gradient descent converges if the rate is below 2/λmax, and diverges if it is above.",
            Exact("every seed ends nearer at all rates below the limit and farther at all above it", holds, found),
        ),
        Claim(
            "Each eigen-direction shrinks by the factor 1 − ηλ in every step, and by nothing else.",
            Exact(
                f"all agree with the closed form to {ROUNDING:.0e} of the start after {FEW} steps, at every rate",
                lambda measured: [error <= ROUNDING for error in errors(measured)],
                lambda measured: f"They agree to {max(errors(measured)):.1e}.",
            ),
        ),
    ),
    panels=(
        Panel(
            "distance from the minimum, relative to the start",
            {"descent": "gradient descent", "closed": "closed form"},
            over=RATES,
            thresholds=(1.0,),
        ),
        Panel("error of the closed form, relative to the start", {"error": "largest direction"}, over=RATES),
    ),
    seeds=64,
    measure=measure,
)
