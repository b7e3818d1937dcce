"""Cotangents are those of the function's code, in the precision of its arguments, also of functions in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxdl import derivation
from jaxdl.derivation import VJPPair, compare, prove


def test_function_with_its_own_derivative_rule_is_compared_with_that_of_its_code():
    @jax.custom_vjp
    def double(x):
        return 2 * x

    double.defvjp(lambda x: (2 * x, None), lambda _, g: (3 * g,))

    def double_vjp(g, x):
        return (3 * g,)

    (proof,) = prove(double, examples=[(np.ones(2),)])
    assert "float64 error 5.0e-01" in proof.fault


def test_function_that_converts_to_float32_is_reported_with_the_remedy():
    def f(x: Float[Array, "rows"]):
        return 2 * x.astype(jnp.float32)

    fault = compare(VJPPair("f", f, lambda g, x: (2 * g,))).fault
    assert "f must return float64 arrays for float64 arguments, got float32; remove conversions to a dtype" in fault


def test_mutants_of_a_vjp_in_numpy_are_computed_and_not_taken_as_detected():
    def identity(x: Float[Array, "rows"]):
        return x

    def identity_vjp(g, x):
        return (np.asarray(g) * 1.0,)

    total, surviving = derivation.surviving_mutants(VJPPair("identity", identity, identity_vjp))
    assert (total, surviving) == (3, ["np.asarray(g) * 1.0  →  np.asarray(g)"])
