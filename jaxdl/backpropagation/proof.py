"""Every layer of a network held against automatic differentiation, where it stands."""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.backpropagation.network import Network, Residual
from jaxdl.backpropagation.sweep import Own, Tape, check_derivations, forward, named, pull, push
from jaxdl.derivation import is_floating, jax_vjp, max_magnitude, relative_error

BOUND = 1e-12
ROUNDING = 32 * float(np.finfo(np.float64).eps)


class LayerProof(NamedTuple):
    """A layer by place and name, the error of its derivation, and the fault, empty where there is none."""

    name: str
    error: float
    fault: str


def prove_layers(network: Network, own: Own, inputs: Any) -> tuple[LayerProof, ...]:
    """Hold the derivation of each layer against `jax.vjp`, given what the network gives it, in float64.

    Where a sweep and automatic differentiation disagree, this tells which layer it is: network[2] (dense), those inside
    a Residual too. What a layer pulls back of a random cotangent must be, argument by argument, within 1e-12 of the
    largest number that jax pulls back to it, and a few roundings of the largest to any. Raises what `forward` raises,
    and ValueError for a layer without a derivation.
    """
    check_derivations(network)
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        _, tape = jax.jit(functools.partial(forward, network))(*jax.tree.map(_in_double, (own, inputs)))
        return tuple(_proofs(network, tape, "network", np.random.default_rng(0)))


def _proofs(network: Network, tape: Tape, where: str, random: np.random.Generator) -> Iterator[LayerProof]:
    for number, (part, written) in enumerate(zip(network, tape, strict=True)):
        place = f"{where}[{number}]"
        if isinstance(part, Residual):
            yield from _proofs(part.layers, written, f"{place}.layers", random)
        else:
            yield _proof(part, written, place, random)


def _proof(layer, written, place, random) -> LayerProof:
    name = named(layer, place)
    outputs = jax.eval_shape(lambda *arguments: push(layer, arguments), *written)
    g = jnp.asarray(random.standard_normal(outputs.shape))

    def both(g, written):
        by_jax = jax_vjp(lambda *arguments: push(layer, arguments), g, written, {})
        return by_jax, pull(layer, written, g, place)

    try:
        truth, hand = jax.jit(both)(g, written)
    except ValueError as wrong:
        return LayerProof(name, float("inf"), str(wrong))
    given, wanted = (jax.tree.map(jnp.shape, cotangents) for cotangents in (hand, truth))
    if given != wanted:
        return LayerProof(name, float("inf"), f"the cotangents have shapes {given}, not {wanted}")
    beside = ROUNDING / BOUND * max(map(max_magnitude, jax.tree.leaves(truth)))  # for cotangents that are zero
    off = max(relative_error(*pair, beside) for pair in zip(*map(jax.tree.leaves, (hand, truth)), strict=True))
    return LayerProof(name, off, "" if off <= BOUND else f"error {off:.1e} is over {BOUND:.0e}")


def _in_double(leaf):
    return jnp.asarray(leaf, jnp.float64) if is_floating(leaf) else leaf
