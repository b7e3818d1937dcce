"""A model is two pure functions; Flax stays behind them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jaxtyping import Array, PyTree

Stats = dict[str, PyTree]


class Model(NamedTuple):
    """Two pure functions.

    `init(key, inputs) -> params, stats` draws the first parameters for inputs of that shape.
    `apply(params, stats, inputs, *, key=None) -> outputs, stats`: a key means training, in which noise is drawn
    and statistics move. `stats` is whatever the model keeps that is not trained; its tree never changes.
    """

    init: Callable[..., tuple[PyTree, Stats]]
    apply: Callable[..., tuple[Array, Stats]]


def _call(module: Any, inputs: Any, training: bool) -> Any:
    return module(inputs, training=training)


def from_linen(module: nn.Module, call: Callable[[Any, Any, bool], Any] = _call) -> Model:
    """Any Flax Linen module as a Model.

    `call(module, inputs, training)` says how the module is called, whatever its own flag for training is, e.g.
    `lambda module, inputs, training: module(inputs, deterministic=not training)`. Every stream of randomness that the
    module asks for is drawn from the one key.
    """

    def init(key, inputs):
        variables = dict(module.init(key, inputs, method=lambda module, inputs: call(module, inputs, False)))
        return variables.pop("params", {}), variables

    def apply(params, stats, inputs, *, key=None):
        training = key is not None
        outputs, moved = module.apply(
            {"params": params, **stats},
            inputs,
            rngs={"params": key} if training else None,  # Flax falls back on this stream for all others
            mutable=list(stats) if training else [],
            method=lambda module, inputs: call(module, inputs, training),
        )
        moved = {**stats, **moved}
        if jax.tree.structure(moved) != jax.tree.structure(stats):
            raise ValueError("stats must keep their tree, but the module changed it: keep variables, sow nothing.")
        return outputs, moved

    return Model(init, apply)
