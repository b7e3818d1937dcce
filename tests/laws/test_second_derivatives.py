"""Every function can be differentiated twice, so Newton's method, Hessians and curvature products work through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import derivation
from jaxdl.derivation import is_floating

PAIRS = derivation.vjp_pairs()
CASES, STEP = 2, 1e-5
NOT_SMOOTH = ("kink", "second derivative", "true derivative")  # words of the docstrings of non-smooth functions


def random_like(random, tree):
    return jax.tree.map(lambda leaf: random.standard_normal(np.shape(leaf)), tree)


def curvature(pair, arguments, settings, g, direction):
    """Return f, and the derivative of the gradient of sum(g * f) along a direction: by jax, and by differences.

    The differences are those of the hand-derived gradient.
    """
    floating = tuple(a for a in arguments if is_floating(a))

    def whole(floating):
        remaining = iter(floating)
        return [next(remaining) if is_floating(a) else a for a in arguments]

    def weighted(floating):
        y = pair.f(*whole(floating), **settings)
        return sum((a * b).sum() for a, b in zip(jax.tree.leaves(g), jax.tree.leaves(y), strict=True)), y

    def along(step):
        moved = jax.tree.map(lambda a, d: a + step * d, floating, direction)
        return pair.f_vjp(g, *whole(moved), **settings)

    _, by_jax, y = jax.jvp(jax.grad(weighted, has_aux=True), (floating,), (direction,), has_aux=True)
    return y, by_jax, jax.tree.map(lambda a: (a[0] - a[1]) / (2 * STEP), jax.vmap(along)(jnp.array([STEP, -STEP])))


def is_finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree) if is_floating(leaf))


def curvatures(pair, cases):
    """Return the curvature in all cases, computed in one program."""
    settings = [settings for _, settings, *_ in cases]

    def each(inputs):
        cases_with_settings = zip(inputs, settings, strict=True)
        return [curvature(pair, arguments, s, g, direction) for (arguments, g, direction), s in cases_with_settings]

    return jax.device_get(jax.jit(each)([(arguments, *vectors) for arguments, _, *vectors in cases]))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_second_derivative_is_finite_and_equals_the_difference_of_gradients_where_f_is_smooth(pair, double):
    random = np.random.default_rng(0)
    cases = []
    for arguments, settings in derivation.examples(pair.f)[:CASES]:
        y = jax.eval_shape(lambda *a: pair.f(*a, **settings), *arguments)
        g, direction = random_like(random, y), random_like(random, tuple(a for a in arguments if is_floating(a)))
        if is_finite(arguments):
            cases.append((arguments, settings, g, direction))
    finite = 0
    for y, by_jax, by_difference in curvatures(pair, cases):
        if not is_finite(y):
            continue
        for a, b in zip(jax.tree.leaves(by_jax), jax.tree.leaves(by_difference), strict=True):
            assert np.isfinite(a).all()
            if not any(word in pair.f.__doc__ for word in NOT_SMOOTH):
                assert np.abs(a - b).max() <= 1e-6 * (1 + np.abs(b).max())
        finite += 1
    assert finite
