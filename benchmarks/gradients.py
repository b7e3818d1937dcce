"""How does the time of a gradient grow with the depth of a network?

    python -m benchmarks run gradients

With three times as many layers, six for two, the sweep by hand takes 3.3 times as long, forward mode 8.7 times, and the
sum over every path, each multiplied out by itself, 534 times. At six layers forward mode takes 23 times as long as the
sweep (18 to 27), every path 236 times (163 to 248); jax.grad as long (0.96 times; 0.82 to 1.04). Median and interval of
7 rounds on 2 CPU cores, jax 0.10.2.

The work: the gradient of a squared error with respect to all parameters of dense layers of eight units, for a batch of
eight, a hundred times in one program.
"""

import functools
import itertools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from benchmarks.benchmark import Benchmark, Case, Competitor
from jaxdl.backpropagation import backward, forward, layer

WIDTH, BATCH, TIMES = 8, 8, 100
DEPTHS = (2, 4, 6)


def drawn(depth):
    """Parameters, inputs and targets."""
    keys = iter(jax.random.split(jax.random.key(0), depth + 2))
    params = tuple((jax.random.normal(next(keys), (WIDTH, WIDTH)) / 3, jnp.zeros(WIDTH)) for _ in range(depth))
    return params, jax.random.normal(next(keys), (BATCH, WIDTH)), jax.random.normal(next(keys), (BATCH, WIDTH))


def network(depth):
    """Dense layers and a squared error."""
    return (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error))


def losses(params, inputs, targets):
    """The squared error of each example, and the tape."""
    return forward(network(len(params)), (*params, (targets,)), inputs)


def sweep(params, inputs, targets):
    """By hand."""
    value, tape = losses(params, inputs, targets)
    return backward(network(len(params)), tape, jnp.ones_like(value))[1][:-1]


def reverse_mode(params, inputs, targets):
    """jax.grad."""
    return jax.grad(lambda params: losses(params, inputs, targets)[0].sum())(params)


def forward_mode(params, inputs, targets):
    """One directional derivative for each parameter."""
    return jax.jacfwd(lambda params: losses(params, inputs, targets)[0].sum())(params)


def enumeration(params, inputs, targets):
    """Every path from a parameter to the loss multiplied out by itself, and then the sum."""
    signals = list(itertools.accumulate(params, lambda x, of: F.dense(x, *of), initial=inputs))
    last = 2 * (signals[-1] - targets)
    gradient = []
    for depth, signal in enumerate(signals[:-1], 1):
        later = [weights for weights, _ in params[depth:]]
        axes = len(later) + 1  # the units on a path, from the output of this layer on
        along = last.reshape(BATCH, *[1] * (axes - 1), WIDTH)
        for place, weights in enumerate(later):
            along = along * weights.reshape(*[1] * (place + 1), WIDTH, WIDTH, *[1] * (axes - place - 2))
        ends = tuple(range(2, axes + 1))
        of_weights = (signal.reshape(BATCH, WIDTH, *[1] * axes) * along[:, None]).sum((0, *(end + 1 for end in ends)))
        gradient.append((of_weights, along.sum((0, *ends))))
    return tuple(gradient)


def prepare(gradient, depth):
    """Compile a hundred gradients; the run that is timed gives how far along jax's own gradient they go: once."""
    params, inputs, targets = drawn(depth)
    truth = reverse_mode(params, inputs, targets)
    square = sum((leaf**2).sum() for leaf in jax.tree.leaves(truth))

    @jax.jit
    def repeated(params, inputs, targets):
        def once(inputs, _):
            found = gradient(params, inputs, targets)
            along = sum((a * b).sum() for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(truth), strict=True))
            return inputs + 0 * along, along / square  # one after another, though nothing changes

        return jax.lax.scan(once, inputs, length=TIMES)[1].mean()

    def run():
        return float(repeated(params, inputs, targets))

    run()
    return run


WAYS = {
    "the sweep by hand": sweep,
    "jax.grad": reverse_mode,
    "forward mode": forward_mode,
    "every path": enumeration,
}


def competitors(depth) -> list[Competitor]:
    """Each way at one depth."""
    return [Competitor(name, functools.partial(prepare, way, depth)) for name, way in WAYS.items()]


def _case(depth):
    return Case(
        name=f"{depth} layers",
        competitors=functools.partial(competitors, depth),
        same_work=1e-3,
        unit=f"run of {TIMES} gradients",
        axis="layers of eight units",
        at=depth,
    )


benchmark = Benchmark(
    name="gradients",
    question="How does the time of a gradient grow with the depth of a network?",
    cases=tuple(map(_case, DEPTHS)),
)
