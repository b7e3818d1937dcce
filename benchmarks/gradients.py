"""Benchmark: how does the time of a gradient grow with the depth of a network?

    python -m benchmarks run gradients

From two to six layers, the time of the hand-derived reverse pass grows by a factor of 3.3, that of forward mode by 8.7,
and that of the sum over all paths, in which every path is multiplied out by itself, by 552. At six layers forward mode
takes 24 times as long as the reverse pass (22 to 26), the sum over all paths 240 times (216 to 282), and jax.grad about
as long (0.90 times; 0.81 to 0.96). Median and interval of 7 rounds on 2 CPU cores, jax 0.10.2.

Workload: the gradient of a squared error with respect to all parameters of dense layers with eight units, for a batch
of eight, a hundred times in one program.
"""

import functools
import itertools

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from benchmarks.harness.measure import Benchmark, BenchmarkCase, Competitor
from jaxdl.backpropagation import backward, forward, layer

WIDTH, BATCH, REPEATS = 8, 8, 100
DEPTHS = (2, 4, 6)


def sample(depth):
    """Return random parameters, inputs and targets."""
    keys = iter(jax.random.split(jax.random.key(0), depth + 2))
    params = tuple((jax.random.normal(next(keys), (WIDTH, WIDTH)) / 3, jnp.zeros(WIDTH)) for _ in range(depth))
    return params, jax.random.normal(next(keys), (BATCH, WIDTH)), jax.random.normal(next(keys), (BATCH, WIDTH))


def network(depth):
    """Return dense layers followed by a squared error."""
    return (*(layer(F.dense) for _ in range(depth)), layer(F.squared_error))


def losses(params, inputs, targets):
    """Return the squared error of each example, and the tape."""
    return forward(network(len(params)), (*params, (targets,)), inputs)


def reverse_by_hand(params, inputs, targets):
    """Return the gradient of the hand-derived reverse pass."""
    value, tape = losses(params, inputs, targets)
    return backward(network(len(params)), tape, jnp.ones_like(value))[1][:-1]


def reverse_mode(params, inputs, targets):
    """Return the gradient of jax.grad."""
    return jax.grad(lambda params: losses(params, inputs, targets)[0].sum())(params)


def forward_mode(params, inputs, targets):
    """Return the gradient from one directional derivative per parameter."""
    return jax.jacfwd(lambda params: losses(params, inputs, targets)[0].sum())(params)


def sum_over_paths(params, inputs, targets):
    """Return the gradient as a sum over all paths from a parameter to the loss, each multiplied out by itself."""
    signals = list(itertools.accumulate(params, lambda x, dense: F.dense(x, *dense), initial=inputs))
    last = 2 * (signals[-1] - targets)
    gradient = []
    for depth, signal in enumerate(signals[:-1], 1):
        later = [weights for weights, _ in params[depth:]]
        axes = len(later) + 1  # one axis per unit on a path, starting with the output of this layer
        products = last.reshape(BATCH, *[1] * (axes - 1), WIDTH)
        for place, weights in enumerate(later):
            products = products * weights.reshape(*[1] * (place + 1), WIDTH, WIDTH, *[1] * (axes - place - 2))
        ends = tuple(range(2, axes + 1))
        paths = signal.reshape(BATCH, WIDTH, *[1] * axes) * products[:, None]
        gradient.append((paths.sum((0, *(end + 1 for end in ends))), products.sum((0, *ends))))
    return tuple(gradient)


def prepare(gradient, depth):
    """Compile a hundred gradients. The run returns (found · expected) / (expected · expected), averaged, which is 1."""
    params, inputs, targets = sample(depth)
    expected = reverse_mode(params, inputs, targets)
    square = sum((leaf**2).sum() for leaf in jax.tree.leaves(expected))

    @jax.jit
    def repeated(params, inputs, targets):
        def once(inputs, _):
            found = gradient(params, inputs, targets)
            along = sum((a * b).sum() for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True))
            return inputs + 0 * along, along / square  # makes each repeat depend on the one before

        return jax.lax.scan(once, inputs, length=REPEATS)[1].mean()

    def run():
        return float(repeated(params, inputs, targets))

    run()
    return run


GRADIENTS = {
    "reverse pass by hand": reverse_by_hand,
    "jax.grad": reverse_mode,
    "forward mode": forward_mode,
    "sum over all paths": sum_over_paths,
}


def competitors(depth) -> list[Competitor]:
    """Return all ways to compute the gradient at one depth."""
    return [Competitor(name, functools.partial(prepare, gradient, depth)) for name, gradient in GRADIENTS.items()]


def _case(depth):
    return BenchmarkCase(
        name=f"{depth} layers",
        competitors=functools.partial(competitors, depth),
        tolerance=1e-3,
        unit=f"run of {REPEATS} gradients",
        axis="layers of eight units",
        size=depth,
    )


benchmark = Benchmark(
    name="gradients",
    question="How does the time of a gradient grow with the depth of a network?",
    cases=tuple(map(_case, DEPTHS)),
)
