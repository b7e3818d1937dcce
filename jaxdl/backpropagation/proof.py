"""Every layer of a network held against automatic differentiation, where it stands."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.backpropagation.network import Network, Residual
from jaxdl.backpropagation.sweep import Own, Tape, check_derivations, forward, named
from jaxdl.derivation import Derivation, Proof, compare, is_floating
from jaxdl.derivation.discovery import round_to_single


def prove_layers(network: Network, own: Own, inputs: Any) -> tuple[Proof, ...]:
    """Hold the derivation of each layer against `jax.vjp`, given what the network gives it.

    Where a sweep and automatic differentiation disagree, this tells which layer it is: each gets a `Proof` by the rules
    of `jaxdl.derivation`, under its place and name, network[2] (dense); those inside a Residual too. All is computed in
    float64 and in float32, of signals that float32 holds exactly. Raises what `forward` and `backward` raise.
    """
    check_derivations(network)
    with jax.enable_x64(True):
        _, tape = forward(network, *jax.tree.map(_in_double, (own, inputs)))
        return tuple(_proofs(network, tape, "network"))


def _proofs(network: Network, tape: Tape, where: str):
    for number, (part, written) in enumerate(zip(network, tape, strict=True)):
        place = f"{where}[{number}]"
        if isinstance(part, Residual):
            yield from _proofs(part.layers, written, f"{place}.layers")
        else:
            pair = Derivation._make((named(part, place), part.f, part.f_vjp))
            yield compare(pair, [(jax.tree.map(round_to_single, written), part.settings)])


def _in_double(leaf):
    return jnp.asarray(leaf, jnp.float64) if is_floating(leaf) else leaf
