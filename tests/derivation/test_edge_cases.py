"""Edge cases of the examples detect mistakes in rare branches, and accept the limit where jax has NaN."""

import inspect

import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

from jaxdl import derivation
from jaxdl.derivation import VJPPair, compare


def with_mistake(name, before, after):
    """Return a function of jaxdl and a copy of its VJP in which a piece of the source is changed."""
    (pair,) = (pair for pair in derivation.vjp_pairs() if pair.name == name)
    source = inspect.getsource(inspect.unwrap(pair.f_vjp))
    assert before in source
    namespace = {**inspect.unwrap(pair.f_vjp).__globals__}
    exec(source.replace(before, after), namespace)
    return pair._replace(f_vjp=namespace[f"{name}_vjp"])


@pytest.mark.parametrize(
    ("name", "before", "after", "fault"),
    [
        ("dense", "return g @", "return jnp.clip(g, -9, 9) @", "with 1e+09 times g: x["),
        ("huber", "_clip(predictions", "_clip(jnp.nan_to_num(predictions)", "with NaN and infinities in predictions: "),
        ("sigmoid", "sigmoid(-z),)", "sigmoid(-z) + g * ((z < -40) & (z > -5e3)),)", "with 30 times z: z["),
        ("weighted_mean", "_zero_masked(values,", "_zero_masked(jnp.nan_to_num(values),", "infinit"),
        ("negative_log_likelihood", "weights, ignored)", "weights, -100 if ignored < 0 else ignored)", "'ignored': -1"),
        ("perceptron", "s * scores > 0, 0, -g * s", "~(s * scores <= 0), 0 * s, -g * s", "infinities in scores: "),
    ],
)
def test_mistake_in_a_rare_branch_is_reported(name, before, after, fault):
    assert fault in compare(with_mistake(name, before, after)).fault


def softsign(z: Float[Array, "rows"]) -> Float[Array, "rows"]:
    return z / (1 + z * jnp.sign(z))


def softsign_vjp(g, z):
    return (g / (1 + z * jnp.sign(z)) ** 2,)


def one_at_infinity(g, z):
    return (jnp.where(jnp.isinf(z), g, *softsign_vjp(g, z)),)


def test_only_the_limit_is_accepted_where_jax_has_nan():
    """The slope of z / (1 + |z|) tends to 0 at infinity, where jax multiplies 0 by infinity."""
    (by_jax,) = derivation.jax_vjp(softsign, np.ones(1), (np.array([np.inf]),), {})
    assert np.isnan(by_jax).all()
    assert not compare(VJPPair("softsign", softsign, softsign_vjp), edge_cases=True).fault
    fault = compare(VJPPair("softsign", softsign, one_at_infinity), edge_cases=True).fault
    assert fault.startswith("case 0 with NaN and infinities in z: z[")


def test_edge_cases_of_own_functions_are_compared_only_on_request():
    pair = VJPPair("softsign", softsign, one_at_infinity)
    assert not compare(pair).fault


def largest(x: Float[Array, "batch d"]):
    return x.max(axis=-1)


def first_largest_vjp(g, x):
    return (jnp.where(jnp.arange(x.shape[1]) == x.argmax(axis=-1, keepdims=True), g[:, None], 0),)


def test_ties_of_own_functions_are_compared_without_a_request():
    """jax's maximum shares the cotangent among ties: 1/2 each for two equal neighbors."""
    fault = compare(VJPPair("largest", largest, first_largest_vjp)).fault
    assert fault.startswith("case 0 with equal neighbors in x: x[")


@pytest.mark.parametrize(
    ("name", "before", "after", "fault"),
    [
        ("dense", "return g @", "return jnp.nan_to_num(g, nan=jnp.nan) @", "with infinities in g: x["),
        ("log_sigmoid", "sigmoid(-z),)", "jnp.where(z > 30, 0, sigmoid(-z)),)", "with 12 added to z: z["),
    ],
)
def test_mistake_at_infinite_cotangents_and_in_tails_is_reported(name, before, after, fault):
    assert fault in compare(with_mistake(name, before, after)).fault
