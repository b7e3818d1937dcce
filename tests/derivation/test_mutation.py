import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl import derivation


def test_each_mutant_has_one_change():
    def f_vjp(g, x):
        h = (g - x).sum(axis=0)
        return -h * x, x.T / 2

    changes = {change for change, _ in derivation.mutants(f_vjp)}
    assert "(g - x).sum(axis=0)  →  g - x" in changes
    assert "g - x  →  g + x" in changes
    assert "g - x  →  -x" in changes
    assert "-h  →  h" in changes
    assert "x.T  →  x" in changes
    assert "x.T / 2  →  x.T" in changes
    assert sum("_slightly_more" in change for change in changes) == 2


def test_sums_means_and_equalities_are_mutated():
    def f_vjp(g, x, y):
        return ((g + x).mean(axis=0), jnp.where(x == y, g, 0))

    changes = {change for change, _ in derivation.mutants(f_vjp)}
    assert {"g + x  →  g", "g + x  →  x", "g + x  →  g - x"} <= changes
    assert "(g + x).mean(axis=0)  →  g + x" in changes
    assert "x == y  →  x != y" in changes


def test_boundary_of_a_comparison_is_mutated():
    changes = {change for change, _ in derivation.mutants(F.relu_vjp)}
    assert "z <= 0  →  z < 0" in changes


@pytest.mark.parametrize(("f_vjp", "given"), [(lambda g, x: (g,), "the function <lambda>"), ("relu", "'relu'")])
def test_mutants_need_a_definition(f_vjp, given, unchecked):
    with pytest.raises(
        ValueError, match=f"mutants need the source of a function .* with def, got {given}: define it in"
    ):
        next(unchecked(derivation.mutants)(f_vjp))
