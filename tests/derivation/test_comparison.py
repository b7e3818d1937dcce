"""`compare` reports every planted mistake, and reports no fault of a correct VJP."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.derivation import VJPPair, compare


def square(x: Float[Array, "batch features"], *, times: float = 1.0) -> Float[Array, "batch features"]:
    return times * x**2


def pair_with(f_vjp, f=square):
    return VJPPair(f.__name__, f, f_vjp)


def square_vjp(g, x, *, times=1.0):
    return (2 * times * g * x,)


def off_by_a_thousandth(g, x, *, times=1.0):
    return (2.002 * times * g * x,)


def wrong_in_one_entry(g, x, *, times=1.0):
    return ((2 * times * g * x).at[0, 0].mul(1 + 1e-9),)


def no_tuple(g, x, *, times=1.0):
    return 2 * times * g * x


def one_too_many(g, x, *, times=1.0):
    return 2 * times * g * x, g


def wrong_shape(g, x, *, times=1.0):
    return ((2 * times * g * x).sum(),)


def wrong_dtype(g, x, *, times=1.0):
    return ((2 * times * g * x).astype(jnp.float16),)


def nan(g, x, *, times=1.0):
    return (2 * times * g * x * jnp.nan,)


def raising(g, x, *, times=1.0):
    raise RuntimeError("does not work")


def wrong_default(g, x, *, times=2.0):
    return (2 * times * g * x,)


def wrong_name(g, y, *, times=1.0):
    return (2 * times * g * y,)


def positional_setting(g, x, times=1.0):
    return (2 * times * g * x,)


def imprecise_in_float32(g, x, *, times=1.0):
    lost = 1e-4 if x.dtype == jnp.float32 else 0.0
    return (2 * times * g * x * (1 + lost),)


def test_correct_vjp_has_no_fault():
    assert compare(pair_with(square_vjp)).fault == ""


@pytest.mark.parametrize(
    ("f_vjp", "fault"),
    [
        (off_by_a_thousandth, "float64 error 1.0e-03"),
        (wrong_in_one_entry, "float64 error"),
        (no_tuple, "must return a tuple of 1 cotangents, one per floating argument (x), got a "),
        (one_too_many, "must return a tuple of 1 cotangents, one per floating argument (x), got 2"),
        (wrong_shape, "the cotangent of x must have dtype and shape float64(10, 8), got float64()"),
        (wrong_dtype, "the cotangent of x must have dtype and shape float64(10, 8), got float16(10, 8)"),
        (nan, "float64 error inf"),
        (raising, "RuntimeError: does not work"),
        (wrong_default, "signature must be g followed by that of square"),
        (wrong_name, "signature must be g followed by that of square"),
        (positional_setting, "signature must be g followed by that of square"),
        (imprecise_in_float32, "float32 error"),
    ],
)
def test_planted_mistake_is_reported(f_vjp, fault):
    assert fault in compare(pair_with(f_vjp)).fault


def ignores_the_sign_at_zero(g, params):
    return (jax.tree.map(lambda w: g * jnp.where(w >= 0, 1.0, -1.0).astype(w.dtype), params),)


def ignores_the_cotangents_of_the_statistics(g, x, scale, bias, *, epsilon=1e-5):
    return F.batch_norm_vjp((g[0], 0 * g[1], 0 * g[2]), x, scale, bias, epsilon=epsilon)


def uses_another_mask(g, key, x, *, rate=0.5):
    return F.dropout_vjp(g, jax.random.fold_in(key, 1), x, rate=rate)


def is_finite_for_invalid_labels(g, logits, labels, *, smoothing=0.0, class_weights=1.0, ignored=-100):
    return (jnp.nan_to_num(F.cross_entropy_vjp(g, logits, labels)[0]),)


@pytest.mark.parametrize(
    ("name", "f_vjp"),
    [
        ("l1", ignores_the_sign_at_zero),
        ("batch_norm", ignores_the_cotangents_of_the_statistics),
        ("dropout", uses_another_mask),
        ("cross_entropy", is_finite_for_invalid_labels),
    ],
)
def test_subtle_mistake_in_a_real_vjp_is_reported(name, f_vjp):
    (pair,) = (pair for pair in derivation.vjp_pairs() if pair.name == name)
    assert "error" in compare(pair._replace(f_vjp=f_vjp)).fault


def test_unknown_name_raises_before_anything_is_compared():
    with pytest.raises(
        ValueError,
        match=r"unknown function 'dens'\. Did you mean 'dense'\? Functions with a hand-derived VJP: .*dense.*\.",
    ):
        next(derivation.prove(("dense", "dens")))


def noisy(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
    return x**2 if x.dtype == jnp.float64 else x**2 * (1 + 1e-4)


def unstable(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
    return x if x.dtype == jnp.float64 else x * jnp.inf


def slightly_imprecise_in_float32(g, x, *, times=1.0):
    return (2 * times * g * x * (1 + (2e-6 if x.dtype == jnp.float32 else 0.0)),)


@pytest.mark.parametrize(
    ("f", "f_vjp", "fault"),
    [
        (square, slightly_imprecise_in_float32, "float32 error"),  # within 1e-5, but over ten times the error of jax
        (noisy, lambda g, x: (2 * g * x * (1 + (1e-4 if x.dtype == jnp.float32 else 0.0)),), "float32 error"),
        (unstable, lambda g, x: (g if x.dtype == jnp.float64 else g * jnp.inf,), "f is unstable"),
    ],
)
def test_each_float32_rule_alone_reports_a_fault(f, f_vjp, fault):
    assert fault in compare(VJPPair(f.__name__, f, f_vjp)).fault


def test_largest_error_of_all_cases_is_reported():
    exact, wrong = ((np.zeros((2, 3)),), {}), ((np.ones((2, 3)),), {})
    errors = [compare(pair_with(off_by_a_thousandth), cases).float64 for cases in ([wrong], [exact, wrong])]
    assert errors[0] == errors[1] == pytest.approx(1e-3, rel=1e-6)


def test_float32_error_is_judged_for_each_argument_separately():
    def f(a: Float[Array, "rows"], b: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return jnp.sin(a**2) + jnp.sin(b)

    def f_vjp(g, a, b):
        lost = 1e-4 if a.dtype == jnp.float32 else 0.0
        return 2 * g * a * jnp.cos(a**2), (1 + lost) * g * jnp.cos(b)

    random = np.random.default_rng(0)
    case = (tuple(np.float64(np.float32(size * random.normal(size=5))) for size in (1000, 1)), {})
    assert "float32 error" in compare(VJPPair("f", f, f_vjp), [case]).fault


def test_mutant_that_returns_a_plain_number_is_detected():
    def twice(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return 2 * x

    def twice_vjp(g, x):
        return (2.0 * g,)

    assert derivation.surviving_mutants(VJPPair("twice", twice, twice_vjp)) == (3, [])


def test_mutant_that_changes_no_value_survives():
    def identity(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return x

    def identity_vjp(g, x):
        return (g * 1.0,)

    pair = VJPPair("identity", identity, identity_vjp)
    assert derivation.surviving_mutants(pair) == (3, ["g * 1.0  →  g"])


def test_mutants_are_compared_with_other_values_of_the_settings_too():
    """With the default, scale = 1, the factor changes nothing."""

    def scaled(x: Float[Array, "rows"], *, scale: float = 1.0) -> Float[Array, "rows"]:
        return scale * x

    def scaled_vjp(g, x, *, scale=1.0):
        return (scale * g,)

    assert derivation.surviving_mutants(VJPPair("scaled", scaled, scaled_vjp))[1] == []
