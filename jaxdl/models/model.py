"""A model is two pure functions; Flax stays behind them."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

Stats = dict[str, PyTree]


class Model(NamedTuple):
    """Two pure functions.

    `init(key, inputs) -> params, stats` draws the first parameters for inputs of that shape and dtype (a module of NNX
    knows both itself).
    `apply(params, stats, inputs, *, key=None) -> outputs, stats`: a key means training, in which noise is drawn
    and statistics move. `stats` is whatever the model keeps that is not trained; its tree never changes.
    """

    init: Callable[..., tuple[PyTree, Stats]]
    apply: Callable[..., tuple[Any, Stats]]


def _call(module: Any, inputs: Any, training: bool) -> Any:
    return module(inputs, training=training)


def from_linen(
    module: nn.Module, call: Callable[[Any, Any, bool], Any] = _call, *, streams: Sequence[str] = ("dropout",)
) -> Model:
    """Any Flax Linen module as a Model.

    `call(module, inputs, training)` says how the module is called, whatever its own flag for training is, e.g.
    `lambda module, inputs, training: module(inputs, deterministic=not training)`.

    In training every stream of randomness that the module asks for is drawn from the one key; those that it looks for
    by name, or splits by `nn.scan` and `nn.vmap`, are to be named among the `streams`.

    What it sows is kept among the stats as the tuple of the last call's values, except for the collection
    "intermediates", which is dropped; with a `reduce_fn` of its own it cannot be told from a statistic, and goes on
    from call to call.

    Raises TypeError for what is no instance of a Linen module, and without `call` for one that takes no `training`;
    `apply` raises ValueError in training for a module that then keeps other variables than it began with.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be an instance of a Linen module, such as nn.Dense(10), but was {module!r}.")
    if call is _call:
        _check_flag(module)

    def init(key, inputs):
        inputs = jax.tree.map(jnp.asarray, inputs)  # else float64 of numpy would be the dtype of the parameters
        variables = dict(module.init(key, inputs, method=lambda module, inputs: call(module, inputs, False)))
        return variables.pop("params", {}), variables

    def apply(params, stats, inputs, *, key=None):
        training = key is not None
        rngs = {name: jax.random.fold_in(key, number) for number, name in enumerate(streams)} if training else {}
        outputs, moved = module.apply(
            {"params": params, **stats},
            jax.tree.map(jnp.asarray, inputs),
            rngs={**rngs, "params": key} if training else None,  # Flax falls back on this one for all others
            mutable=list(stats) if training else [],
            method=lambda module, inputs: call(module, inputs, training),
        )
        return outputs, _as_before(stats, {**stats, **moved})

    return Model(init, apply)


def _check_flag(module):
    """Refuse what cannot be called with `training`, rather than never tell it."""
    taken = inspect.signature(module.__call__).parameters.values() if callable(module) else ()
    if not any(one.name == "training" or one.kind is one.VAR_KEYWORD for one in taken):
        raise TypeError(
            f"module must take the keyword training, but {type(module).__name__} takes "
            f"{', '.join(one.name for one in taken) or 'nothing'}: say how it is called, with call=lambda module, "
            "inputs, training: module(inputs), and whatever its own flag is."
        )


def _as_before(stats, moved):
    """The stats after a call, in the tree that they had; of what was sown, which is appended to a tuple, the last."""

    def last(before, after):
        return after[len(before) :] if type(before) is tuple and len(after) > len(before) else after

    try:
        moved = jax.tree.map(last, stats, moved, is_leaf=lambda part: type(part) is tuple)
    except ValueError:
        kept = False
    else:
        kept = jax.tree.structure(moved) == jax.tree.structure(stats)
    if not kept:
        raise ValueError(
            "stats must keep their tree, but the module keeps other variables in training than it began with: "
            f"{jax.tree.structure(moved)} instead of {jax.tree.structure(stats)}. Keep the same in both."
        )
    return moved
