"""Train through the hand derivations: the same functions, with their own gradient instead of jax's."""

import types

import jax

import jaxdl.functional
from jaxdl.derivation.discovery import derivations, functions, is_floating


def by_hand(package: types.ModuleType = jaxdl.functional) -> types.SimpleNamespace:
    """The package with the same names, but the gradient of every `f` is its hand derivation.

    Reverse mode and first order only, as for every `jax.custom_vjp`. `Mlp(functional=by_hand())` trains through it.
    """
    derived = {pair.name: _pulled_back_by_hand(pair) for pair in derivations(package)}
    return types.SimpleNamespace(**{**functions(package), **derived})


def _pulled_back_by_hand(pair):
    def f(*arguments, **settings):
        traced = {name: value for name, value in settings.items() if isinstance(value, jax.Array)}
        static = {name: value for name, value in settings.items() if name not in traced}

        @jax.custom_vjp
        def call(arguments, traced):
            return pair.f(*arguments, **traced, **static)

        def pull(residuals, g):
            arguments, traced = residuals
            cotangents = iter(pair.f_vjp(g, *arguments, **traced, **static))
            return tuple(next(cotangents) if is_floating(a) else None for a in arguments), None

        call.defvjp(lambda *inputs: (call(*inputs), inputs), pull)
        return call(arguments, traced)

    f.__name__, f.__doc__ = pair.name, pair.f.__doc__
    return f
