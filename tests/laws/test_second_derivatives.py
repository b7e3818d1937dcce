"""What is public can be differentiated twice: Newton's method, Hessians and curvature work through every function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import derivation
from jaxdl.derivation import is_floating

PAIRS = derivation.derivations()
TRIED, STEP = 2, 1e-5
NOT_SMOOTH = ("kink", "second derivative", "true derivative")  # how docstrings speak of it


def drawn_like(random, tree):
    return jax.tree.map(lambda leaf: jnp.asarray(random.standard_normal(np.shape(leaf))), tree)


def curvature(f, arguments, settings, g, direction):
    """The derivative along a direction of the gradient of the sum of g times f, and of the hand-derived one."""
    floating = tuple(a for a in arguments if is_floating(a))

    def whole(floating):
        remaining = iter(floating)
        return [next(remaining) if is_floating(a) else a for a in arguments]

    def weighted(floating):
        y = f.f(*whole(floating), **settings)
        return sum((a * b).sum() for a, b in zip(jax.tree.leaves(g), jax.tree.leaves(y), strict=True)), y

    def along(step):
        moved = jax.tree.map(lambda a, d: a + step * d, floating, direction)
        return f.f_vjp(g, *whole(moved), **settings)

    _, by_jax, y = jax.jvp(jax.grad(weighted, has_aux=True), (floating,), (direction,), has_aux=True)
    return y, by_jax, jax.tree.map(lambda a, b: (a - b) / (2 * STEP), along(STEP), along(-STEP))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_second_derivative_is_finite_and_where_smooth_the_difference_of_the_first(pair, double):
    random = np.random.default_rng(0)
    finite = 0
    for arguments, settings in derivation.examples(pair.f)[:TRIED]:
        arguments = jax.tree.map(jnp.asarray, arguments)
        y = jax.eval_shape(lambda *a: pair.f(*a, **settings), *arguments)
        g, direction = drawn_like(random, y), drawn_like(random, tuple(a for a in arguments if is_floating(a)))
        y, by_jax, by_difference = jax.jit(
            lambda arguments, g, direction: curvature(pair, arguments, settings, g, direction)
        )(arguments, g, direction)
        if not all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(((g, arguments), y)) if is_floating(leaf)):
            continue
        for a, b in zip(jax.tree.leaves(by_jax), jax.tree.leaves(by_difference), strict=True):
            assert jnp.isfinite(a).all()
            if not any(word in pair.f.__doc__ for word in NOT_SMOOTH):
                assert jnp.abs(a - b).max() <= 1e-6 * (1 + jnp.abs(b).max())
        finite += 1
    assert finite
