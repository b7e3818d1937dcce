"""The checker is itself checked: it must find what is planted, and pass what is right."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, Int, Key

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.derivation import Derivation, compare


def square(x: Float[Array, "batch features"], *, times: float = 1.0) -> Float[Array, "batch features"]:
    return times * x**2


def pair_with(f_vjp, f=square):
    return Derivation(f.__name__, f, f_vjp)


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


def test_a_right_derivation_passes():
    assert compare(pair_with(square_vjp)).fault == ""


@pytest.mark.parametrize(
    ("f_vjp", "fault"),
    [
        (off_by_a_thousandth, "float64 error 1.0e-03"),
        (wrong_in_one_entry, "float64 error"),
        (no_tuple, "tuple of 1 cotangents"),
        (one_too_many, "tuple of 1 cotangents"),
        (wrong_shape, "cotangents must be"),
        (wrong_dtype, "cotangents must be"),
        (nan, "float64 error inf"),
        (raising, "RuntimeError: does not work"),
        (wrong_default, "signature must be g followed by that of square"),
        (wrong_name, "signature must be g followed by that of square"),
        (positional_setting, "signature must be g followed by that of square"),
        (imprecise_in_float32, "float32 error"),
    ],
)
def test_a_planted_mistake_is_told(f_vjp, fault):
    assert fault in compare(pair_with(f_vjp)).fault


def ignoring_the_sign_at_zero(g, params):
    return (jax.tree.map(lambda w: g * jnp.where(w >= 0, 1.0, -1.0).astype(w.dtype), params),)


def blind_to_the_statistics(g, x, scale, bias, *, epsilon=1e-5):
    return F.batch_norm_vjp((g[0], 0 * g[1], 0 * g[2]), x, scale, bias, epsilon=epsilon)


def another_mask(g, key, x, *, rate=0.5):
    return F.dropout_vjp(g, jax.random.fold_in(key, 1), x, rate=rate)


def finite_for_a_label_that_is_none(g, logits, labels, *, smoothing=0.0, class_weights=1.0, ignored=-100):
    return (jnp.nan_to_num(F.cross_entropy_vjp(g, logits, labels)[0]),)


@pytest.mark.parametrize(
    ("name", "f_vjp"),
    [
        ("l1", ignoring_the_sign_at_zero),
        ("batch_norm", blind_to_the_statistics),
        ("dropout", another_mask),
        ("cross_entropy", finite_for_a_label_that_is_none),
    ],
)
def test_a_subtle_mistake_in_a_real_derivation_is_told(name, f_vjp):
    (pair,) = (pair for pair in derivation.derivations() if pair.name == name)
    assert "error" in compare(pair._replace(f_vjp=f_vjp)).fault


def test_examples_have_the_shapes_of_the_signature_all_axes_different():
    def f(key: Key[Array, ""], x: Float[Array, "*batch rows columns"], labels: Int[Array, "rows"]) -> None: ...

    ((key, x, labels), settings) = derivation.examples(f)[0]
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    assert len(set(x.shape)) == x.ndim == 4
    assert labels.shape == (x.shape[2],)
    assert set(labels.tolist()) <= {0, 1, 2}
    assert settings == {}


def test_a_signature_that_says_too_little_is_told():
    def f(x): ...

    with pytest.raises(TypeError, match=r"f\(x\) says no shape: annotate it, or write f_examples"):
        derivation.examples(f)


def test_an_unknown_name_is_told_before_anything_is_proven():
    with pytest.raises(ValueError, match="name must be a function with a derivation .*dense.*, but was 'dens'"):
        next(derivation.prove(("dense", "dens")))


def test_the_error_is_relative_to_the_largest_entry_and_knows_nan():
    assert derivation.error([1.0, 2.0], [1.0, 2.002]) == pytest.approx(0.001, rel=1e-3)
    assert derivation.error([np.nan, 1.0], [np.nan, 1.0]) == 0
    assert derivation.error([np.nan, 1.0], [0.0, 1.0]) == np.inf
    assert derivation.error([np.inf], [np.inf]) == 0
    assert derivation.error([1e-3], [0.0]) > 1


def test_forgeries_change_one_thing_each():
    def f_vjp(g, x):
        h = (g - x).sum(axis=0)
        return -h * x, x.T / 2

    changes = {change for change, _ in derivation.forgeries(f_vjp)}
    assert "(g - x).sum(axis=0)  →  g - x" in changes
    assert "g - x  →  g + x" in changes
    assert "g - x  →  -x" in changes
    assert "-h  →  h" in changes
    assert "x.T  →  x" in changes
    assert "x.T / 2  →  x.T" in changes
    assert sum("_slightly_more" in change for change in changes) == 2


def test_sums_means_and_equalities_are_forged_too():
    def f_vjp(g, x, y):
        return ((g + x).mean(axis=0), jnp.where(x == y, g, 0))

    changes = {change for change, _ in derivation.forgeries(f_vjp)}
    assert {"g + x  →  g", "g + x  →  x", "g + x  →  g - x"} <= changes
    assert "(g + x).mean(axis=0)  →  g + x" in changes
    assert "x == y  →  x != y" in changes


def test_a_forgery_that_leaves_a_mere_number_is_noticed():
    def twice(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return 2 * x

    def twice_vjp(g, x):
        return (2.0 * g,)

    assert derivation.unnoticed(Derivation("twice", twice, twice_vjp)) == (3, [])


def test_a_forgery_that_changes_nothing_is_told():
    def same(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return x

    def same_vjp(g, x):
        return (g * 1.0,)

    assert derivation.unnoticed(Derivation("same", same, same_vjp)) == (3, ["g * 1.0  →  g"])


def test_a_comparison_is_forged_on_its_boundary():
    changes = {change for change, _ in derivation.forgeries(F.relu_vjp)}
    assert "z <= 0  →  z < 0" in changes


def noisy(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
    return x**2 if x.dtype == jnp.float64 else x**2 * (1 + 1e-4)


def unstable(x: Float[Array, "rows"]) -> Float[Array, "rows"]:
    return x if x.dtype == jnp.float64 else x * jnp.inf


def by_a_little(g, x, *, times=1.0):
    return (2 * times * g * x * (1 + (2e-6 if x.dtype == jnp.float32 else 0.0)),)


@pytest.mark.parametrize(
    ("f", "f_vjp", "fault"),
    [
        (square, by_a_little, "float32 error"),  # within 1e-5, but more than ten times as far as jax
        (noisy, lambda g, x: (2 * g * x * (1 + (1e-4 if x.dtype == jnp.float32 else 0.0)),), "float32 error"),
        (unstable, lambda g, x: (g if x.dtype == jnp.float64 else g * jnp.inf,), "f is unstable"),
    ],
)
def test_every_rule_of_float32_decides_by_itself(f, f_vjp, fault):
    assert fault in compare(Derivation(f.__name__, f, f_vjp)).fault


def test_the_worst_case_is_the_one_that_is_told():
    exact, wrong = ((np.zeros((2, 3)),), {}), ((np.ones((2, 3)),), {})
    told = [compare(pair_with(off_by_a_thousandth), cases).float64 for cases in ([wrong], [exact, wrong])]
    assert told[0] == told[1] == pytest.approx(1e-3, rel=1e-6)


def test_a_batch_of_one_and_of_many_is_tried():
    assert {arguments[0].shape[0] for arguments, _ in derivation.examples(F.dense)} == {1, 10, 100}


def test_a_tuple_floats_only_if_all_its_leaves_do():
    assert derivation.is_floating((1.0, 2.0))
    assert not derivation.is_floating((1.0, 1))


def test_in_float32_each_argument_is_judged_by_itself():
    def f(a: Float[Array, "rows"], b: Float[Array, "rows"]) -> Float[Array, "rows"]:
        return jnp.sin(a**2) + jnp.sin(b)

    def f_vjp(g, a, b):
        lost = 1e-4 if a.dtype == jnp.float32 else 0.0
        return 2 * g * a * jnp.cos(a**2), (1 + lost) * g * jnp.cos(b)

    random = np.random.default_rng(0)
    case = (tuple(np.float64(np.float32(size * random.normal(size=5))) for size in (1000, 1)), {})
    assert "float32 error" in compare(Derivation("f", f, f_vjp), [case]).fault
