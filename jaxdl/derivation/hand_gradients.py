"""Train through the hand derivations: the same functions, with their own gradient instead of jax's."""

import inspect
import types

import jax
import jax.numpy as jnp

import jaxdl.functional
from jaxdl.derivation.discovery import derivations, functions, is_floating


def by_hand(package: types.ModuleType = jaxdl.functional) -> types.ModuleType:
    """The package with the same names, but the gradient of every `f` is its hand derivation.

    Reverse mode and first order only, as for every `jax.custom_vjp`. A setting that is traced has no derivation: its
    gradient is NaN. `jaxdl.models.mlp((128,), 10, functional=by_hand())` trains through it.
    """
    derived = {pair.name: _pulled_back_by_hand(pair) for pair in derivations(package)}
    stand_in = types.ModuleType(f"{package.__name__} by hand", package.__doc__)
    vars(stand_in).update({**functions(package), **derived})
    return stand_in


def _pulled_back_by_hand(pair):
    def f(*arguments, **settings):
        bound = inspect.signature(pair.f).bind(*arguments, **settings)
        traced = {name: value for name, value in bound.kwargs.items() if isinstance(value, jax.Array)}
        static = {name: value for name, value in bound.kwargs.items() if name not in traced}

        @jax.custom_vjp
        def call(arguments, traced):
            return pair.f(*arguments, **traced, **static)

        def pull(residuals, g):
            arguments, traced = residuals
            cotangents = iter(pair.f_vjp(g, *arguments, **traced, **static))
            pulled = tuple(next(cotangents) if is_floating(argument) else None for argument in arguments)
            return pulled, {name: jnp.full_like(value, jnp.nan) for name, value in traced.items()}

        call.defvjp(lambda *inputs: (call(*inputs), inputs), pull)
        return call(bound.args, traced)

    f.__name__, f.__doc__ = pair.name, pair.f.__doc__
    return f
