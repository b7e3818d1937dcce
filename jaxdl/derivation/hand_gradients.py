"""Train with the hand-derived gradients: the same functions, differentiated by `f_vjp` instead of by jax."""

import functools
import inspect
import types

import jax
import jax.numpy as jnp

import jaxdl.functional
from jaxdl.derivation.discovery import functions, is_floating, vjp_pairs


def by_hand(package: types.ModuleType = jaxdl.functional) -> types.ModuleType:
    """Return a copy of a package in which the gradient of every `f` is computed by its hand-derived `f_vjp`.

    Pass it to a model to train with the hand-derived gradients: `models.mlp((128,), 10, functional=by_hand())`. As for
    every `jax.custom_vjp`, only first-order reverse-mode differentiation works.

    Args:
        package: An imported package with pairs `f`, `f_vjp`.

    Returns:
        A module with the same public functions. Values do not change. The gradient with respect to a traced setting is
        NaN, because settings have no hand-derived gradient.

    Raises:
        TypeError: If the argument is not a module.
        ValueError: If it has no pair `f`, `f_vjp`.

    Example:
        >>> from jaxdl import derivation
        >>> hand = derivation.by_hand()
        >>> z, g = jnp.array([1.0, 2.0]), jnp.array([1.0, 0.0])
        >>> gradient = jax.grad(lambda z: g @ hand.softmax(z))(z)
        >>> bool((gradient == F.softmax_vjp(g, z)[0]).all())
        True
    """
    if not (pairs := vjp_pairs(package)):
        raise ValueError(f"{package.__name__} has no pair of functions f and f_vjp: pass a package that defines some.")
    differentiated = {pair.name: _with_hand_vjp(pair) for pair in pairs}
    stand_in = types.ModuleType(f"{package.__name__} by hand", package.__doc__)
    vars(stand_in).update({**functions(package), **differentiated})
    return stand_in


def _with_hand_vjp(pair):
    """Return `f` with `f_vjp` as its custom VJP."""
    signature = inspect.signature(pair.f)

    @functools.wraps(pair.f)
    def f(*arguments, **settings):
        bound = signature.bind(*arguments, **settings)
        traced = {name: value for name, value in bound.kwargs.items() if isinstance(value, jax.Array)}
        static = {name: value for name, value in bound.kwargs.items() if name not in traced}

        @jax.custom_vjp
        def call(arguments, traced):
            return pair.f(*jax.tree.map(jnp.asarray, arguments), **traced, **static)  # jax passes literals as they are

        def pull(residuals, g):
            arguments, traced = residuals
            cotangents = iter(pair.f_vjp(g, *arguments, **traced, **static))
            pulled = tuple(next(cotangents) if is_floating(argument) else None for argument in arguments)
            return pulled, {name: jnp.full_like(value, jnp.nan) for name, value in traced.items()}

        call.defvjp(lambda *inputs: (call(*inputs), inputs), pull)
        return call(bound.args, traced)

    return f
