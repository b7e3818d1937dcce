"""A model is two pure functions; Flax stays behind them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

Stats = dict[str, PyTree]


class Model(NamedTuple):
    """Two pure functions.

    `init(key, inputs) -> params, stats` draws the first parameters for inputs of that shape and dtype.
    `apply(params, stats, inputs, *, key=None) -> outputs, stats`: a key means training, in which noise is drawn
    and statistics move. `stats` is whatever the model keeps that is not trained; its tree never changes.
    """

    init: Callable[..., tuple[PyTree, Stats]]
    apply: Callable[..., tuple[Any, Stats]]


def _call(module: Any, inputs: Any, training: bool) -> Any:
    return module(inputs, training=training)


def from_linen(module: nn.Module, call: Callable[[Any, Any, bool], Any] = _call) -> Model:
    """Any Flax Linen module as a Model.

    `call(module, inputs, training)` says how the module is called, whatever its own flag for training is, e.g.
    `lambda module, inputs, training: module(inputs, deterministic=not training)`. Every stream of randomness that the
    module asks for is drawn from the one key. What it sows is kept among the stats as the tuple of the last call's
    values, except for the collection "intermediates", which is dropped; `reduce_fn` other than Flax's own cannot be
    told from a statistic, and goes on from call to call. `apply` raises ValueError in training for a module that then
    keeps other variables than it began with.
    """

    def init(key, inputs):
        inputs = jax.tree.map(jnp.asarray, inputs)  # else float64 of numpy would be the dtype of the parameters
        variables = dict(module.init(key, inputs, method=lambda module, inputs: call(module, inputs, False)))
        return variables.pop("params", {}), variables

    def apply(params, stats, inputs, *, key=None):
        training = key is not None
        inputs = jax.tree.map(jnp.asarray, inputs)
        outputs, moved = module.apply(
            {"params": params, **_without_sown(stats)},
            inputs,
            rngs={"params": key} if training else None,  # Flax falls back on this stream for all others
            mutable=list(stats) if training else [],
            method=lambda module, inputs: call(module, inputs, training),
        )
        moved = {**stats, **moved}
        if jax.tree.structure(moved) != jax.tree.structure(stats):
            raise ValueError(
                "stats must keep their tree, but the module keeps other variables in training than it began with: "
                f"{jax.tree.structure(moved)} instead of {jax.tree.structure(stats)}. Keep the same in both."
            )
        return outputs, moved

    return Model(init, apply)


def _without_sown(tree: PyTree) -> PyTree:
    """The variables of a collection but for what was sown: a tuple, to which a further call would append."""
    if not isinstance(tree, dict):
        return tree
    return {name: _without_sown(part) for name, part in tree.items() if type(part) is not tuple}
