"""Models of modules that are written for Flax NNX, which hold their parameters themselves."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from jaxdl.models.listening import audible
from jaxdl.models.model import Model


def _call(module: Any, inputs: Any, training: bool) -> Any:  # noqa: ARG001
    return module(inputs)


def from_nnx(build: Callable[[nnx.Rngs], Any], call: Callable[[Any, Any, bool], Any] = _call) -> Model:
    """Any Flax NNX module as a Model: `from_nnx(lambda rngs: Net(784, 10, rngs=rngs))`.

    `build(rngs)` makes the module. Its layers are told by `module.train()` and `module.eval()` whether this is
    training, frozen ones too: a norm that is to stay frozen must be called with `use_running_average=True`, which wins.
    A module with a flag of its own is called by `call(module, inputs, training)`, e.g. `lambda module, inputs,
    training: module(inputs, is_training=training)`.

    The parameters are its `nnx.Param`, the stats all else that it keeps but for streams of randomness, each of which is
    drawn from the one key; both are plain dicts. What it sows is dropped. The inputs of `init` do not matter. Raises
    TypeError for a module instead of a function that makes one.
    """
    if isinstance(build, nnx.Module) or not callable(build):
        raise TypeError(
            f"build must be a function of rngs that makes a module, but was {type(build).__name__}: give "
            "lambda rngs: Net(…, rngs=rngs)."
        )
    abstract = nnx.eval_shape(lambda: build(nnx.Rngs(0)))
    graph, of_params, of_noise, of_stats = nnx.split(abstract, nnx.Param, nnx.RngState, ...)

    def init(key, inputs):  # noqa: ARG001
        _, params, _, stats = nnx.split(build(nnx.Rngs(key)), nnx.Param, nnx.RngState, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def apply(params, stats, inputs, *, key=None):
        training, given = key is not None, jax.tree.map(jnp.asarray, inputs)
        noise = _drawn(of_noise, key if training else jax.random.key(0))
        module = nnx.merge(graph, _filled(of_params, params), noise, _filled(of_stats, stats))
        (module.train if training else module.eval)()
        with audible(module):
            outputs = nnx.capture(lambda module: call(module, given, training))(module)
        if not training:
            return outputs, stats
        moved = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Any(nnx.Param, nnx.RngState))))
        return outputs, _at_places_of(stats, moved)

    return Model(init, apply)


def _filled(abstract, values):
    """A state like the abstract one, with these values."""

    def value_at(path):
        return functools.reduce(lambda tree, name: tree[name], path, values)

    return nnx.from_flat_state([(path, var.replace(value_at(path))) for path, var in nnx.to_flat_state(abstract)])


def _drawn(abstract, key):
    """Streams of randomness at their beginning, each with a key of its own."""
    leaves, structure = jax.tree.flatten(abstract)
    keys = iter(jax.random.split(key, max(len(leaves), 1)))

    def fresh(leaf):
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jax.random.split(next(keys), leaf.shape) if leaf.shape else next(keys)

    return structure.unflatten([fresh(leaf) for leaf in leaves])


def _at_places_of(stats, moved):
    """Of what moved, what stands where stats stood."""
    return {
        name: _at_places_of(part, moved[name]) if isinstance(part, dict) else moved[name]
        for name, part in stats.items()
    }
