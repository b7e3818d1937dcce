"""How long do four small convolutional networks train: as one population, and one after another?

    python -m benchmarks run convolution_population

In 0.472 s as one program that takes one member after the other (`map`), 1.3 times that under `vmap` (1.2 to 1.4). With
Flax's layers it takes 13 times as long under `map` (11.8 to 14.4) and 20 times as long under `vmap` (16.7 to 21.5),
where jax makes one convolution in groups of all kernels. PyTorch, one network after another, takes half the time (0.50;
0.47 to 0.68). Median and range of 7 rounds on 2 CPU cores, jax 0.10.2, PyTorch 2.13.0.

The work is that of the benchmark `convolution`, for four networks with weights of their own on the same images.
"""

import functools
import importlib.util

import jax
import jax.numpy as jnp

from benchmarks.benchmark import Benchmark, Competitor
from benchmarks.convolution import drawn, flax_layers, in_torch, jaxdl_layers, train

MEMBERS = 4


def together(layers, over_members):
    """All members in one compiled program, by `vmap` or by `map`."""
    images, labels, params = jax.tree.map(jnp.asarray, drawn(MEMBERS))
    program = jax.jit(lambda x, y, params: over_members(lambda p: train(layers, x, y, p), params).mean())
    program = program.lower(images, labels, params).compile()
    program(images, labels, params).block_until_ready()
    return lambda: float(program(images, labels, params))


def by_vmap(one, params):
    """All members at once."""
    return jax.vmap(one)(params)


def by_map(one, params):
    """One member after the other, in one program."""
    return jax.lax.map(one, params)


def competitors() -> list[Competitor]:
    """All of them; PyTorch only where it is installed."""
    prepared = {
        "jaxdl, map": functools.partial(together, jaxdl_layers, by_map),
        "jaxdl, vmap": functools.partial(together, jaxdl_layers, by_vmap),
        "Flax, map": functools.partial(together, flax_layers, by_map),
        "Flax, vmap": functools.partial(together, flax_layers, by_vmap),
    }
    if importlib.util.find_spec("torch") is not None:
        prepared["PyTorch, one after another"] = functools.partial(in_torch, MEMBERS)
    return [Competitor(name, prepare) for name, prepare in prepared.items()]


benchmark = Benchmark(
    name="convolution_population",
    question=f"How long do 16 training steps of {MEMBERS} small convolutional networks take?",
    competitors=competitors,
    same_work=1e-3,
)
