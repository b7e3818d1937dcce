"""Laws of every elementwise activation function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


@pytest.fixture(autouse=True)
def strict_promotion():
    """The functional API does not rely on implicit dtype promotion."""
    with jax.numpy_dtype_promotion("strict"):
        yield


# Our name, PyTorch's function, our settings. PyTorch's own hard_sigmoid rounds its slope of 1/6 to float32.
ACTIVATIONS = [
    ("sigmoid", lambda T, z: T.sigmoid(z), {}),
    ("log_sigmoid", lambda T, z: T.logsigmoid(z), {}),
    ("tanh", lambda T, z: T.tanh(z), {}),
    ("softsign", lambda T, z: T.softsign(z), {}),
    ("hard_tanh", lambda T, z: T.hardtanh(z), {}),
    ("hard_sigmoid", lambda T, z: T.relu6(z + 3) / 6, {}),
    ("relu", lambda T, z: T.relu(z), {}),
    ("relu6", lambda T, z: T.relu6(z), {}),
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
    ("leaky_relu", {"negative_slope": 0.25}, {0: 0.25}),
    ("hard_swish", {}, {-3: 0, 3: 1}),
    ("elu", {"alpha": 0.25}, {0: 0.25}),
    ("selu", {}, {0: 1.7580993408473766}),
    ("soft_shrink", {"threshold": 2.0}, {-2: 0, 2: 0}),
    ("hard_shrink", {"threshold": 2.0}, {-2: 0, 2: 0}),
]
SETTINGS_OUT_OF_RANGE = [
    *(("softplus", {"beta": beta}) for beta in (0.0, -1.0, jnp.nan)),
    *(("elu", {"alpha": alpha}) for alpha in (-0.5, jnp.nan)),
    *(("celu", {"alpha": alpha}) for alpha in (0.0, -0.5, jnp.nan)),
    *(("soft_shrink", {"threshold": threshold}) for threshold in (-0.5, jnp.nan)),
    *(("hard_shrink", {"threshold": threshold}) for threshold in (-0.5, jnp.nan)),
]
GRID = np.array([-30, -20, -10, -6, -3, -1, -0.5, 0, 0.5, 1, 3, 6, 10, 20, 30])
EXTREME = [-1e4, -710, -88, -6, -3, -1, -0.5, -1e-30, 0, 1e-30, 0.5, 1, 3, 6, 88, 710, 1e4]

each_with_pytorch = pytest.mark.parametrize(
    ("name", "theirs", "settings"), ACTIVATIONS, ids=lambda value: value if isinstance(value, str) else ""
)
each = pytest.mark.parametrize("name", dict.fromkeys(name for name, _, _ in ACTIVATIONS))


def with_gradient(name, settings):
    """Return a compiled function: value, gradient by hand and by jax, and second derivative."""
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
def test_an_activation_equals_pytorch_with_both_derivatives(torch, double, random, name, theirs, settings):
    """Value and gradient on a grid with tails and kinks; second derivative at random points and in the tails."""
    z = torch.tensor(GRID, requires_grad=True)
    y = theirs(torch.nn.functional, z)
    y.sum().backward()
    points = np.concatenate([random.uniform(-8, 8, 30), GRID[np.abs(GRID) > 6]])
    value, by_hand, by_jax, second = with_gradient(name, settings)(jnp.asarray(np.concatenate([GRID, points])))
    np.testing.assert_allclose(value[: len(GRID)], y.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_hand[: len(GRID)], z.grad, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_jax[: len(GRID)], z.grad, rtol=1e-12, atol=1e-14)
    z = torch.tensor(points, requires_grad=True)
    (slope,) = torch.autograd.grad(theirs(torch.nn.functional, z).sum(), z, create_graph=True)
    expected = torch.autograd.grad(slope.sum(), z)[0] if slope.requires_grad else torch.zeros(len(points))
    np.testing.assert_allclose(second[len(GRID) :], expected, rtol=1e-10, atol=1e-13)


@each
def test_value_and_derivatives_are_finite_and_keep_the_dtype_and_nan_propagates(name):
    z = jnp.array([*EXTREME, jnp.nan], jnp.float32)
    value, *derivatives = with_gradient(name, {})(z)
    assert jnp.isnan(value[-1])
    for result in (value, *derivatives):
        assert jnp.isfinite(result[:-1]).all()
        assert result.dtype == z.dtype


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@each_with_pytorch
def test_half_precision_is_kept(name, theirs, settings, dtype):
    z = jax.ShapeDtypeStruct((3,), dtype)
    assert jax.eval_shape(lambda z: getattr(F, name)(z, **settings), z).dtype == dtype
    assert jax.eval_shape(lambda g, z: getattr(F, f"{name}_vjp")(g, z, **settings)[0], z, z).dtype == dtype


@pytest.mark.parametrize(("name", "settings", "derivatives"), KINKS)
def test_the_derivative_at_a_kink_is_the_documented_one(name, settings, derivatives):
    _, by_hand, by_jax, _ = with_gradient(name, settings)(jnp.array([*derivatives], jnp.float32))
    expected = np.array([*derivatives.values()], np.float32)
    assert np.array_equal(by_hand, expected)
    assert np.array_equal(by_jax, expected)
    assert "kink" in getattr(F, name).__doc__


@pytest.mark.parametrize(("name", "settings"), SETTINGS_OUT_OF_RANGE)
def test_a_setting_out_of_range_gives_nan_in_value_and_derivatives(name, settings):
    traced = jax.jit(lambda z, settings: with_gradient(name, settings)(z)[:3])
    for result in traced(jnp.array([-3.0, -0.1, 0.0, 0.1, 3.0]), settings):
        assert jnp.isnan(result).all()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        *(("leaky_relu", "negative_slope"), ("softplus", "beta"), ("elu", "alpha"), ("celu", "alpha")),
        *(("soft_shrink", "threshold"), ("hard_shrink", "threshold")),
    ],
)
def test_a_setting_can_be_mapped(name, setting):
    z = jnp.linspace(-3, 3, 12)
    f = lambda value: getattr(F, name)(z, **{setting: value})
    mapped, alone = jax.jit(lambda values: (jax.vmap(f)(values), [f(0.5), f(1.5)]))(jnp.array([0.5, 1.5]))
    np.testing.assert_allclose(mapped, alone, rtol=1e-6, atol=1e-7)
    assert not np.allclose(*alone)


@pytest.mark.parametrize(
    "name",
    [
        *("sigmoid", "log_sigmoid", "tanh", "softsign", "hard_tanh", "hard_sigmoid", "relu", "relu6", "leaky_relu"),
        *("softplus", "elu", "selu", "celu", "soft_shrink", "hard_shrink"),
    ],
)
def test_a_monotone_activation_does_not_decrease(double, name):
    y = jax.device_get(jax.jit(getattr(F, name))(jnp.linspace(-8, 8, 1001)))
    assert np.all(np.diff(y) >= -1e-15)
    assert y[-1] > y[0]


@pytest.mark.parametrize("name", ["tanh", "softsign", "hard_tanh", "soft_shrink", "hard_shrink"])
def test_an_odd_activation_is_odd(name):
    f, z = jax.jit(getattr(F, name)), np.linspace(-4, 4, 33, dtype=np.float32)
    np.testing.assert_allclose(f(-z), -f(z), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "minimizer", "minimum"),
    [
        ("silu", -1.2784645427610738, -0.2784645427610738),
        ("mish", -1.1924312145154952, -0.30884341301725043),
        ("gelu", -0.7517915246935645, -0.1699712074763384),
        ("hard_swish", -1.5, -0.375),
    ],
)
def test_an_activation_that_is_not_monotone_has_the_known_minimum(double, name, minimizer, minimum):
    y, slope, _, second = with_gradient(name, {})(jnp.array([minimizer]))
    np.testing.assert_allclose(y, minimum, rtol=1e-9)
    np.testing.assert_allclose(slope, 0, atol=1e-9)
    assert second > 0


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("leaky_relu", "negative_slope"),
        ("softplus", "beta"),
        ("elu", "alpha"),
        ("celu", "alpha"),
        ("softmax", "temperature"),
        ("log_softmax", "temperature"),
        ("soft_shrink", "threshold"),
        ("hard_shrink", "threshold"),
    ],
)
def test_a_setting_of_another_precision_changes_no_dtype(double, name, setting):
    f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
    z, value = jnp.ones((2, 3), jnp.bfloat16), jnp.float64(0.5)
    y, z_bar = jax.eval_shape(lambda z: (f(z, **{setting: value}), f_vjp(z, z, **{setting: value})[0]), z)
    assert y.dtype == z_bar.dtype == jnp.bfloat16


@each
def test_integers_raise(unchecked, name):
    with pytest.raises(TypeError, match=r"z must be floating, but was given as int32: convert it with z\.astype"):
        unchecked(getattr(F, name))(jnp.arange(-2, 3))


def test_extreme_inputs_do_not_overflow():
    assert F.mish_vjp(jnp.ones(1), jnp.array([3e38])) == (1.0,)
    assert F.gelu(jnp.array([65000.0], jnp.float16)).tolist() == [65000 // 32 * 32]
