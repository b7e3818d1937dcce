"""Models from Flax NNX modules, which hold their parameters themselves."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx

from jaxdl._formatting import format_argument
from jaxdl.data._arguments import check_key
from jaxdl.models.call_recorder import record_nnx_calls
from jaxdl.models.model import Model, check_call, check_variables, dropout_errors_explained


def _call_with_inputs(module: Any, inputs: Any, training: bool) -> Any:  # noqa: ARG001
    return module(inputs)


def from_nnx(build: Callable[[nnx.Rngs], Any], call: Callable[[Any, Any, bool], Any] = _call_with_inputs) -> Model:
    """Wrap a Flax NNX module as a `Model`.

    The parameters are the module's `nnx.Param`. The stats are all its other variables, except random streams, each of
    which is derived from the one key. Both are plain dicts. Values that the module sows are dropped.

    `apply` calls `module.train()` in training mode and `module.eval()` otherwise, which sets the flags of all layers,
    also of those meant to be frozen. To freeze a batch norm call it with `use_running_average=True`, which overrides
    the flag.

    Args:
        build: `build(rngs) -> module` creates the module.
        call: `call(module, inputs, training) -> outputs` calls the module. The default calls `module(inputs)`; for a
            module with its own flag give e.g.
            `lambda module, inputs, training: module(inputs, is_training=training)`.

    Returns:
        The model. Its `init` ignores the inputs.

    Raises:
        TypeError: If `build` is a module, or does not create one from rngs alone.

    Example:
        >>> from flax import nnx
        >>> from jaxdl import models
        >>> model = models.from_nnx(lambda rngs: nnx.Linear(4, 3, rngs=rngs))
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> jax.tree.map(jnp.shape, params), stats
        ({'bias': (3,), 'kernel': (4, 3)}, {})
    """
    if isinstance(build, nnx.Module) or not callable(build):
        raise TypeError(
            f"build must be a function of rngs that creates a module, got {type(build).__name__}. Write "
            "lambda rngs: Net(..., rngs=rngs)."
        )
    if isinstance(build, nn.Module):
        raise TypeError(
            f"build must create an NNX module, got the Linen module {type(build).__name__}: use from_linen."
        )
    check_call(call)
    _check_parameters(build)
    abstract = nnx.eval_shape(lambda: _built(build, nnx.Rngs(0)))
    graph, abstract_params, abstract_rngs, abstract_stats = nnx.split(abstract, nnx.Param, nnx.RngState, ...)

    def init(key, inputs):  # noqa: ARG001
        check_key(key)
        _, params, _, stats = nnx.split(build(nnx.Rngs(key)), nnx.Param, nnx.RngState, ...)
        return nnx.to_pure_dict(params), nnx.to_pure_dict(stats)

    def apply(params, stats, inputs, *, key=None):
        check_variables(params, stats)
        if key is not None:
            check_key(key)
        training, inputs = key is not None, jax.tree.map(jnp.asarray, inputs)
        rngs = _seeded(abstract_rngs, key if training else jax.random.key(0))
        module = nnx.merge(graph, _with_values(abstract_params, params), rngs, _with_values(abstract_stats, stats))
        (module.train if training else module.eval)()
        with record_nnx_calls(module), dropout_errors_explained():
            outputs = nnx.capture(lambda module: call(module, inputs, training))(module)
        if not training:
            return outputs, stats
        updated = nnx.to_pure_dict(nnx.state(module, nnx.Not(nnx.Any(nnx.Param, nnx.RngState))))
        return outputs, _restricted_to(stats, updated)

    return Model(init, apply)


def _check_parameters(build) -> None:
    """Raise TypeError unless `build` can be called with the random streams as its only argument."""
    function, arguments = (build.__init__, (None, None)) if isinstance(build, type) else (build, (None,))
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        names = ", ".join(name for name in inspect.signature(function).parameters if name != "self") or "none"
        raise TypeError(
            f"build must be a function of rngs alone, got {format_argument(build)} with the parameters {names} "
            f"({error}). Write lambda rngs: Net(..., rngs=rngs)."
        ) from None
    except ValueError:  # a function of C code has no signature
        return


def _built(build, rngs) -> nnx.Module:
    module = build(rngs)
    if not isinstance(module, nnx.Module):
        raise TypeError(
            f"build(rngs) must return an NNX module, got {format_argument(module)}: for a Linen module use "
            "models.from_linen."
        )
    return module


def _with_values(abstract, values):
    """Return the abstract state with these values, a dict of the same structure."""

    def value_at(path):
        return functools.reduce(lambda tree, name: tree[name], path, values)

    return nnx.from_flat_state([(path, var.replace(value_at(path))) for path, var in nnx.to_flat_state(abstract)])


def _seeded(abstract, key):
    """Return the random streams with counters at zero and a key of its own for each."""
    leaves, structure = jax.tree.flatten(abstract)
    keys = iter(jax.random.split(key, max(len(leaves), 1)))

    def value(leaf):
        if not jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jax.random.split(next(keys), leaf.shape) if leaf.shape else next(keys)

    return structure.unflatten([value(leaf) for leaf in leaves])


def _restricted_to(stats, updated):
    """Return the updated values at the places that `stats` has, which leaves out sown values."""
    return {
        name: _restricted_to(part, updated[name]) if isinstance(part, dict) else updated[name]
        for name, part in stats.items()
    }
