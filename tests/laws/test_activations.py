"""Properties of all elementwise activations, from one table."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F

# Our name, PyTorch's function, our settings. PyTorch's own hard_sigmoid has a slope of exactly 1/6 in float32 only.
ACTIVATIONS = [
    ("sigmoid", lambda T, z: T.sigmoid(z), {}),
    ("log_sigmoid", lambda T, z: T.logsigmoid(z), {}),
    ("tanh", lambda T, z: T.tanh(z), {}),
    ("softsign", lambda T, z: T.softsign(z), {}),
    ("hard_tanh", lambda T, z: T.hardtanh(z), {}),
    ("hard_sigmoid", lambda T, z: T.relu6(z + 3) / 6, {}),
    ("relu", lambda T, z: T.relu(z), {}),
    ("relu6", lambda T, z: T.relu6(z), {}),
    ("threshold", lambda T, z: T.threshold(z, 1.0, -2.0), {"cutoff": 1.0, "replacement": -2.0}),
    ("leaky_relu", lambda T, z: T.leaky_relu(z), {}),
    ("leaky_relu", lambda T, z: T.leaky_relu(z, 0.3), {"negative_slope": 0.3}),
    ("hard_swish", lambda T, z: T.hardswish(z), {}),
    ("softplus", lambda T, z: T.softplus(z, threshold=700), {}),
    ("softplus", lambda T, z: T.softplus(z, beta=2.5, threshold=700), {"beta": 2.5}),
    ("elu", lambda T, z: T.elu(z), {}),
    ("elu", lambda T, z: T.elu(z, alpha=0.3), {"alpha": 0.3}),
    ("selu", lambda T, z: T.selu(z), {}),
    ("celu", lambda T, z: T.celu(z), {}),
    ("celu", lambda T, z: T.celu(z, alpha=0.5), {"alpha": 0.5}),
    ("gelu", lambda T, z: T.gelu(z), {}),
    ("gelu_tanh", lambda T, z: T.gelu(z, approximate="tanh"), {}),
    ("silu", lambda T, z: T.silu(z), {}),
    ("mish", lambda T, z: T.mish(z), {}),
    ("soft_shrink", lambda T, z: T.softshrink(z), {}),
    ("soft_shrink", lambda T, z: T.softshrink(z, 1.0), {"threshold": 1.0}),
    ("hard_shrink", lambda T, z: T.hardshrink(z), {}),
    ("hard_shrink", lambda T, z: T.hardshrink(z, 1.0), {"threshold": 1.0}),
]
KINKS = [
    ("hard_tanh", {}, {-1: 0, 1: 0}),
    ("hard_sigmoid", {}, {-3: 0, 3: 0}),
    ("relu", {}, {0: 0}),
    ("relu6", {}, {0: 0, 6: 0}),
    ("threshold", {"cutoff": 2.0, "replacement": 1.0}, {2: 0}),
    ("leaky_relu", {"negative_slope": 0.25}, {0: 0.25}),
    ("hard_swish", {}, {-3: 0, 3: 1}),
    ("elu", {"alpha": 0.25}, {0: 0.25}),
    ("selu", {}, {0: 1.7580993408473766}),
    ("soft_shrink", {"threshold": 2.0}, {-2: 0, 2: 0}),
    ("hard_shrink", {"threshold": 2.0}, {-2: 0, 2: 0}),
]
INVALID_SETTINGS = [
    *(("softplus", {"beta": beta}) for beta in (0.0, -1.0, jnp.nan)),
    *(("elu", {"alpha": alpha}) for alpha in (-0.5, jnp.nan)),
    *(("celu", {"alpha": alpha}) for alpha in (0.0, -0.5, jnp.nan)),
    *(("soft_shrink", {"threshold": threshold}) for threshold in (-0.5, jnp.nan)),
    *(("hard_shrink", {"threshold": threshold}) for threshold in (-0.5, jnp.nan)),
]
GRID = np.array([-30, -20, -10, -6, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 10, 20, 30])
EXTREME = [-1e4, -745, -710, -88, -6, -3, -1, -0.5, -1e-30, 0, 1e-30, 0.5, 1, 3, 6, 88, 710, 745, 1e4]

each_with_pytorch = pytest.mark.parametrize(
    ("name", "theirs", "settings"), ACTIVATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
each = pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in ACTIVATIONS))


@pytest.fixture(autouse=True)
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"):
        yield


def with_gradient(name, settings):
    """Compile a function that returns the value, the gradient by hand and by jax, and the second derivative."""
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    one = lambda z: f(z, **settings)
    return jax.jit(
        lambda z: (
            f(z, **settings),
            f_vjp(jnp.ones_like(z), z, **settings)[0],
            jax.vmap(jax.grad(one))(z),
            jax.vmap(jax.grad(jax.grad(one)))(z),
        )
    )


@each_with_pytorch
def test_value_and_both_derivatives_equal_pytorch(torch, double, random, name, theirs, settings):
    points = np.concatenate([GRID, random.uniform(-8, 8, 30)])  # the tails and the kinks, and random points
    z = torch.tensor(points, requires_grad=True)
    y = theirs(torch.nn.functional, z)
    (slope,) = torch.autograd.grad(y.sum(), z, create_graph=True)
    second = torch.autograd.grad(slope.sum(), z)[0] if slope.requires_grad else torch.zeros(len(points))
    value, by_hand, by_jax, second_by_jax = with_gradient(name, settings)(jnp.asarray(points))
    np.testing.assert_allclose(value, y.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_hand, slope.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_jax, slope.detach(), rtol=1e-12, atol=1e-14)
    off_the_kinks = ~np.isin(points, GRID[np.abs(GRID) <= 6])
    np.testing.assert_allclose(second_by_jax[off_the_kinks], second[off_the_kinks], rtol=1e-10, atol=1e-13)


@each
def test_value_and_derivatives_are_finite_and_keep_the_dtype_and_nan_stays_nan(name):
    z = np.float32([*EXTREME, np.nan])
    results = jax.device_get(with_gradient(name, {})(z))
    for result in results:
        assert np.isfinite(result[:-1]).all()
        assert result.dtype == z.dtype
    assert np.isnan(results[0][-1])


@each_with_pytorch
def test_half_precision_is_kept(name, theirs, settings):
    z = jax.ShapeDtypeStruct((3,), jnp.bfloat16)
    assert jax.eval_shape(lambda z: getattr(F, name)(z, **settings), z).dtype == jnp.bfloat16
    assert jax.eval_shape(lambda g, z: getattr(F, f"{name}_vjp")(g, z, **settings)[0], z, z).dtype == jnp.bfloat16


@pytest.mark.parametrize(("name", "settings", "derivatives"), KINKS)
def test_derivative_at_a_kink_is_the_documented_one(name, settings, derivatives):
    _, by_hand, by_jax, _ = with_gradient(name, settings)(jnp.array([*derivatives], jnp.float32))
    expected = np.array([*derivatives.values()], np.float32)
    assert np.array_equal(by_hand, expected)
    assert np.array_equal(by_jax, expected)
    assert "kink" in getattr(F, name).__doc__


@pytest.mark.parametrize(("name", "settings"), INVALID_SETTINGS)
def test_invalid_setting_gives_nan_everywhere(name, settings):
    traced = jax.jit(lambda z, settings: with_gradient(name, settings)(z)[:3])
    for result in traced(jnp.array([-3.0, -0.1, 0.0, 0.1, 3.0]), settings):
        assert jnp.isnan(result).all()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *(("leaky_relu", "negative_slope"), ("softplus", "beta"), ("elu", "alpha"), ("celu", "alpha")),
        *(("soft_shrink", "threshold"), ("hard_shrink", "threshold"), ("threshold", "cutoff")),
    ],
)
def test_setting_may_be_vmapped(name, setting):
    z, f = jnp.linspace(-3, 3, 12), getattr(F, name)
    mapped = jax.vmap(lambda value: f(z, **{setting: value}))(jnp.array([0.5, 1.5]))
    alone = [f(z, **{setting: 0.5}), f(z, **{setting: 1.5})]
    np.testing.assert_allclose(mapped, alone, rtol=1e-6, atol=1e-7)
    assert not np.allclose(*alone)


@pytest.mark.parametrize(
    "name",
    [
        *("sigmoid", "log_sigmoid", "tanh", "softsign", "hard_tanh", "hard_sigmoid", "relu", "relu6", "leaky_relu"),
        *("softplus", "elu", "selu", "celu", "soft_shrink", "hard_shrink"),
    ],
)
def test_activation_is_monotonic(double, name):
    y = np.asarray(getattr(F, name)(jnp.asarray(np.linspace(-8, 8, 1001))))
    assert (np.diff(y) >= -1e-15).all()
    assert y[-1] > y[0]


@pytest.mark.parametrize("name", ["tanh", "softsign", "hard_tanh", "soft_shrink", "hard_shrink"])
def test_activation_is_odd(name):
    z = jnp.linspace(-4, 4, 33)
    np.testing.assert_allclose(getattr(F, name)(-z), -getattr(F, name)(z), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "place", "value"),
    [
        ("silu", -1.2784645427610738, -0.2784645427610738),
        ("mish", -1.1924312145154952, -0.30884341301725043),
        ("gelu", -0.7517915246935645, -0.1699712074763384),
        ("hard_swish", -1.5, -0.375),
    ],
)
def test_non_monotonic_activation_has_its_known_minimum(double, name, place, value):
    y, slope, _, second = with_gradient(name, {})(jnp.array([place]))
    np.testing.assert_allclose(y, value, rtol=1e-9)
    np.testing.assert_allclose(slope, 0, atol=1e-9)
    assert second > 0


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("leaky_relu", "negative_slope"),
        ("softplus", "beta"),
        ("elu", "alpha"),
        ("celu", "alpha"),
        ("threshold", "cutoff"),
        ("threshold", "replacement"),
        ("softmax", "temperature"),
        ("log_softmax", "temperature"),
        ("soft_shrink", "threshold"),
        ("hard_shrink", "threshold"),
    ],
)
def test_setting_of_another_precision_keeps_the_dtype(double, name, setting):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    z, value = jnp.ones((2, 3), jnp.bfloat16), jnp.float64(0.5)
    both = lambda z, value: (f(z, **{setting: value}), *f_vjp(z, z, **{setting: value}))
    assert [result.dtype for result in jax.eval_shape(both, z, value)] == [jnp.bfloat16] * 2


@each
def test_integers_raise(unchecked, name):
    with pytest.raises(TypeError, match=r"z must be floating, got int32: convert it with z\.astype"):
        unchecked(getattr(F, name))(jnp.arange(-2, 3))


def test_large_inputs_do_not_overflow():
    assert F.mish_vjp(jnp.ones(1), jnp.array([3e38])) == (1.0,)
