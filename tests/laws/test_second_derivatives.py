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
    return jax.tree.map(lambda leaf: random.standard_normal(np.shape(leaf)), tree)


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
    return y, by_jax, jax.tree.map(lambda a: (a[0] - a[1]) / (2 * STEP), jax.vmap(along)(jnp.array([STEP, -STEP])))


def is_finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree) if is_floating(leaf))


def curvatures(pair, tried):
    """The curvature of a function on all that is tried, in one program."""
    settings = [settings for _, settings, *_ in tried]

    def each(given):
        return [curvature(pair, arguments, s, *drawn) for (arguments, *drawn), s in zip(given, settings, strict=True)]

    return jax.device_get(jax.jit(each)([(arguments, *drawn) for arguments, _, *drawn in tried]))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_second_derivative_is_finite_and_where_smooth_the_difference_of_the_first(pair, double):
    random = np.random.default_rng(0)
    tried = []
    for arguments, settings in derivation.examples(pair.f)[:TRIED]:
        y = jax.eval_shape(lambda *a: pair.f(*a, **settings), *arguments)
        g, direction = drawn_like(random, y), drawn_like(random, tuple(a for a in arguments if is_floating(a)))
        if is_finite(arguments):
            tried.append((arguments, settings, g, direction))
    finite = 0
    for y, by_jax, by_difference in curvatures(pair, tried):
        if not is_finite(y):
            continue
        for a, b in zip(jax.tree.leaves(by_jax), jax.tree.leaves(by_difference), strict=True):
            assert np.isfinite(a).all()
            if not any(word in pair.f.__doc__ for word in NOT_SMOOTH):
                assert np.abs(a - b).max() <= 1e-6 * (1 + np.abs(b).max())
        finite += 1
    assert finite
