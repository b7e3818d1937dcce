"""Momentum helps where a problem is ill-conditioned, and does nothing where it is not.

Each seed draws quadratics of eight variables with condition numbers κ from 1 to 10,000 and a start. Measured: the
steps until a millionth of the distance is left, by gradient descent and by the heavy ball, each with the rate (and the
decay) that its theory says is best. In float64.

    python -m experiments run ill_conditioning
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.experiment import Claim, Exact, Experiment, Panel, Regimes
from jaxdl.optimizers import momentum, sgd
from jaxdl.training import population

SIZE, LEFT, MOST = 8, 1e-6, 1_000_000
CONDITIONS = (1, 10, 100, 1000, 10_000)
LATE = (100, 1000, 10_000)  # where the slopes are measured


def descent(condition):
    """Gradient descent on eigenvalues from 1 to κ: each step leaves at most (κ − 1) / (κ + 1)."""
    return sgd(2 / (condition + 1))


def heavy_ball(condition):
    """Polyak's rate and decay: in the long run a step leaves (√κ − 1) / (√κ + 1)."""
    root = condition**0.5
    return momentum(4 / (root + 1) ** 2, decay=((root - 1) / (root + 1)) ** 2)


RULES = {"descent": descent, "heavy_ball": heavy_ball}


def steps(key, rule, condition):
    """How many steps it takes until so little of the distance is left."""
    of_values, of_start = jax.random.split(key)
    between = condition ** jax.random.uniform(of_values, (SIZE - 2,))
    values = jnp.concatenate([jnp.array([1.0, condition]), between])
    start = jax.random.normal(of_start, (SIZE,))
    enough = LEFT * jnp.linalg.norm(start)

    def far(carry):
        x, _, taken = carry
        return (jnp.linalg.norm(x) > enough) & (taken < MOST)

    def step(carry):
        x, state, taken = carry
        updates, state = rule.update(values * x, state, x)
        return optax.apply_updates(x, updates), state, taken + 1

    return jax.lax.while_loop(far, step, (start, rule.init(start), 0))[2]


def measure(keys):
    """The steps of both rules at each condition number, for each key."""
    with jax.enable_x64(True):
        for condition in CONDITIONS:
            for name, rule in RULES.items():
                one = functools.partial(steps, rule=rule(condition), condition=float(condition))
                yield (name, condition), population(one, keys)


def slopes(measured, name):
    """By which power of the condition number the steps of a rule grow, for each seed."""
    counts = np.log([measured[name, condition] for condition in LATE])
    return np.polyfit(np.log(LATE), counts, 1)[0]


def fewer(condition):
    """Momentum takes fewer steps, for every seed."""
    return Exact(
        "the heavy ball takes fewer steps for every seed",
        lambda measured: measured["heavy_ball", condition] < measured["descent", condition],
        lambda measured: (
            f"it takes {measured['heavy_ball', condition].mean():,.0f} steps, and gradient descent "
            f"{measured['descent', condition].mean():,.0f}."
        ),
    )


def found(measured):
    """Both powers."""
    ball, plain = (slopes(measured, name) for name in ("heavy_ball", "descent"))
    return (
        f"From κ = {LATE[0]} on, the steps of gradient descent grow as κ to the power {plain.min():.2f} to "
        f"{plain.max():.2f}, and those of the heavy ball to {ball.min():.2f} to {ball.max():.2f}."
    )


experiment = Experiment(
    name="ill_conditioning",
    item=99,
    sentence="You want to use it if you have ill-conditioning",
    claims=(
        Claim(
            "Gradient descent with momentum needs fewer steps than without.",
            Regimes({"κ = 1": fewer(1), "κ = 10,000": fewer(10_000)}),
        ),
        Claim(
            "The steps of gradient descent grow in proportion to κ, and those of the heavy ball to √κ.",
            Exact(
                "the powers are 1 and ½ to within 0.1 for every seed",
                lambda measured: [
                    abs(slopes(measured, "descent") - 1) < 0.1,
                    abs(slopes(measured, "heavy_ball") - 0.5) < 0.1,
                ],
                found,
            ),
        ),
    ),
    panels=(
        Panel(
            "steps until a millionth of the distance is left",
            {"descent": "gradient descent", "heavy_ball": "heavy ball"},
            over=("condition number κ", CONDITIONS),
        ),
    ),
    seeds=32,
    measure=measure,
)
