"""Claim: momentum speeds up gradient descent on ill-conditioned problems, from order κ to order √κ steps.

Each seed draws quadratics of eight variables with condition numbers κ from 1 to 10,000, and a starting point. Arms:
gradient descent and the heavy ball (momentum), each with the learning rate and decay that are optimal in theory.
Metric: the number of steps until the distance from the minimum is a millionth of the initial one. In float64.

    python -m experiments run ill_conditioning
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxdl.experiment import Claim, Exact, Experiment, Panel
from jaxdl.optimizers import momentum, sgd
from jaxdl.training import population

SIZE, REDUCTION, MAX_STEPS = 8, 1e-6, 1_000_000
CONDITIONS = (1, 10, 100, 1000, 10_000)
LARGE = (100, 1000, 10_000)  # condition numbers that the exponents are fitted to


def descent(condition):
    """Return gradient descent for eigenvalues 1 to κ: a step leaves at most (κ − 1) / (κ + 1) of the distance."""
    return sgd(2 / (condition + 1))


def heavy_ball(condition):
    """Return momentum with Polyak's learning rate and decay: asymptotically a step leaves (√κ − 1) / (√κ + 1)."""
    root = condition**0.5
    return momentum(4 / (root + 1) ** 2, decay=((root - 1) / (root + 1)) ** 2)


OPTIMIZERS = {"descent": descent, "heavy_ball": heavy_ball}


def steps_needed(key, optimizer, condition):
    """Count the steps until the distance from the minimum is reduced to a millionth."""
    eigenvalues_key, start_key = jax.random.split(key)
    inner = condition ** jax.random.uniform(eigenvalues_key, (SIZE - 2,))
    eigenvalues = jnp.concatenate([jnp.array([1.0, condition]), inner])
    start = jax.random.normal(start_key, (SIZE,))
    goal = REDUCTION * jnp.linalg.norm(start)

    def far(carry):
        x, _, steps = carry
        return (jnp.linalg.norm(x) > goal) & (steps < MAX_STEPS)

    def step(carry):
        x, state, steps = carry
        updates, state = optimizer.update(eigenvalues * x, state, x)
        return optax.apply_updates(x, updates), state, steps + 1

    return jax.lax.while_loop(far, step, (start, optimizer.init(start), 0))[2]


def measure(keys):
    """Count the steps of both optimizers at each condition number, for each key."""
    with jax.enable_x64(True):
        for condition in CONDITIONS:
            for name, optimizer in OPTIMIZERS.items():
                one = functools.partial(steps_needed, optimizer=optimizer(condition), condition=float(condition))
                yield (name, condition), population(one, keys)


def exponents(measured, name):
    """Fit the exponent p of steps ∝ κ^p for an optimizer, for each seed."""
    counts = np.log([measured[name, condition] for condition in LARGE])
    return np.polyfit(np.log(LARGE), counts, 1)[0]


def as_many_or_fewer(measured):
    """Return whether momentum takes fewer steps on the ill-conditioned quadratics, and as many with κ = 1."""
    return [
        measured["heavy_ball", 10_000] < measured["descent", 10_000],
        measured["heavy_ball", 1] == measured["descent", 1],
    ]


def mean_steps(measured):
    """Describe the mean number of steps of both optimizers."""
    texts = [
        f"with κ = {condition:,} the heavy ball takes {measured['heavy_ball', condition].mean():,.0f} steps and "
        f"gradient descent {measured['descent', condition].mean():,.0f}"
        for condition in (1, 10_000)
    ]
    return f"On average, {' and '.join(texts)}."


def finding(measured):
    """Describe both exponents."""
    ball, plain = (exponents(measured, name) for name in ("heavy_ball", "descent"))
    return (
        f"From κ = {LARGE[0]} on, the number of steps grows as κ^p, with p from {plain.min():.2f} to {plain.max():.2f} "
        f"for gradient descent and from {ball.min():.2f} to {ball.max():.2f} for the heavy ball."
    )


experiment = Experiment(
    name="ill_conditioning",
    item=99,
    sentence="You want to use it if you have ill-conditioning",
    claims=(
        Claim(
            "On ill-conditioned quadratics (κ = 10,000) gradient descent needs fewer steps with momentum than without; "
            "with κ = 1 it needs as many.",
            Exact(
                "for every seed the heavy ball takes fewer steps with κ = 10,000, and as many with κ = 1",
                as_many_or_fewer,
                mean_steps,
            ),
        ),
        Claim(
            "From κ = 100 to 10,000, the number of steps grows about as κ for gradient descent and as √κ for the heavy "
            "ball, each with its optimal settings (exponents within 0.1).",
            Exact(
                "the exponents are within 0.1 of 1 and of ½ for every seed",
                lambda measured: [
                    abs(exponents(measured, "descent") - 1) < 0.1,
                    abs(exponents(measured, "heavy_ball") - 0.5) < 0.1,
                ],
                finding,
            ),
        ),
    ),
    panels=(
        Panel(
            "steps until the distance is a millionth of the initial one",
            {"descent": "gradient descent", "heavy_ball": "heavy ball"},
            over=("condition number κ", CONDITIONS),
        ),
    ),
    seeds=32,
    measure=measure,
    limits="With κ = 1 the optimal decay is 0, and the heavy ball is plain gradient descent. The quadratics have eight "
    "variables, and no noise.",
)
