"""Numbers near the ends of the range of float32 give the right result or NaN, and float16 raises."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Float

import jaxdl.functional as F
from jaxdl import derivation, metrics, optimizers

HUGE, TINY = 2.0**66, 2.0**-66  # their squares overflow and underflow
X = np.float32([[1.5, -0.5, 2.0, 0.25], [-1.0, 3.0, 0.5, -2.0], [0.75, 1.25, -1.5, 1.0]])
Y = np.float32([[0.5, 1.0, 1.5, -0.25], [-2.0, 2.0, 1.0, -1.0], [-0.5, 1.0, 2.0, 3.0]])
ONE, ZERO, LABELS = np.ones(4, np.float32), np.zeros(4, np.float32), np.array([1, -1, 1])

# Functions of s X with f(s X) = s^k f(X), as a name, the other arguments, the settings, and k.
SCALED = [
    ("layer_norm", lambda s: ((ONE, ZERO), {"epsilon": 0.0}), 0),
    ("rms_norm", lambda s: ((ONE,), {"epsilon": 0.0}), 0),
    ("group_norm", lambda s: ((ONE, ZERO), {"groups": 2, "epsilon": 0.0}), 0),
    ("instance_norm", lambda s: ((ONE, ZERO), {"epsilon": 0.0}), 0),
    ("batch_norm", lambda s: ((ONE, ZERO), {"epsilon": 0.0}), 0),
    ("local_response_norm", lambda s: ((), {"alpha": 1.0, "k": 1e-30}), -0.5),
    ("max_norm", lambda s: ((), {"limit": s / 2}), 1),
    ("triplet", lambda s: ((s * Y, s * Y[::-1]), {"margin": s / 2}), 1),
    ("triplet", lambda s: ((s * Y, s * Y[::-1]), {"margin": s / 2, "swap": True, "norm_degree": 3}), 1),
    ("cosine_embedding", lambda s: ((s * Y, LABELS), {}), 0),
]
EXACT = {"max_norm", "triplet", "cosine_embedding"}  # these never give NaN for finite numbers

# Each activation, with the limits of its value and slope for large negative and positive inputs.
LIMITS = {
    "sigmoid": ((0, 0), (1, 0)),
    "log_sigmoid": ((-np.inf, 1), (0, 0)),
    "tanh": ((-1, 0), (1, 0)),
    "softsign": ((-1, 0), (1, 0)),
    "hard_tanh": ((-1, 0), (1, 0)),
    "hard_sigmoid": ((0, 0), (1, 0)),
    "relu": ((0, 0), (np.inf, 1)),
    "relu6": ((0, 0), (6, 0)),
    "threshold": ((0, 0), (np.inf, 1)),
    "leaky_relu": ((-np.inf, 0.01), (np.inf, 1)),
    "hard_swish": ((0, 0), (np.inf, 1)),
    "softplus": ((0, 0), (np.inf, 1)),
    "elu": ((-1, 0), (np.inf, 1)),
    "selu": ((-1.7580993408473766, 0), (np.inf, 1.0507009873554805)),
    "celu": ((-1, 0), (np.inf, 1)),
    "gelu": ((0, 0), (np.inf, 1)),
    "gelu_tanh": ((0, 0), (np.inf, 1)),
    "silu": ((0, 0), (np.inf, 1)),
    "mish": ((0, 0), (np.inf, 1)),
    "soft_shrink": ((-np.inf, 1), (np.inf, 1)),
    "hard_shrink": ((-np.inf, 1), (np.inf, 1)),
}
# Optimizers whose first step does not depend on the scale of a large gradient.
SCALE_FREE = [
    *("adam", "adam_l2", "adamw", "adamax", "nadam", "amsgrad", "adagrad", "rmsprop", "centered_rmsprop", "adadelta"),
    *("adafactor", "lion", "rprop"),  # and muon, which takes long to compile
]


def with_gradients(f, f_vjp, x):
    """Return the value of f, and the gradient of the sum of its first output by hand and by jax."""
    y, pull = jax.vjp(f, x)
    g = jax.tree.map(jnp.zeros_like, y)
    g = (jnp.ones_like(y[0]), *g[1:]) if isinstance(y, tuple) else jnp.ones_like(y)
    return jax.tree.leaves(y)[0], f_vjp(g, x)[0], pull(g)[0]


@jax.jit
def at_scale(s):
    results = []
    for name, arguments_at, _ in SCALED:
        arguments, settings = jax.tree.map(jnp.asarray, arguments_at(s)[0]), arguments_at(s)[1]
        x = s * (X if name in ("triplet", "cosine_embedding") else X[None])
        f = lambda x, name=name, a=arguments, k=settings: getattr(F, name)(x, *a, **k)
        f_vjp = lambda g, x, name=name, a=arguments, k=settings: getattr(F, f"{name}_vjp")(g, x, *a, **k)
        results.append(with_gradients(f, f_vjp, x))
    return results


@pytest.mark.parametrize("s", [HUGE, TINY])
def test_vectors_whose_squares_overflow_or_underflow_give_the_right_numbers_or_nan(s):
    """The functions are homogeneous, so that those at any scale follow from those at scale 1."""
    reference, extreme = (jax.device_get(at_scale(jnp.float32(scale))) for scale in (1, s))
    for (name, _, degree), usual, found in zip(SCALED, reference, extreme, strict=True):
        if (name, s) in {("cosine_embedding", TINY), ("local_response_norm", TINY)}:
            continue  # the number that is added to the square dominates
        for before, after, power in zip(usual, found, (degree, degree - 1, degree - 1), strict=True):
            right = np.float64(s) ** power * np.float64(before)
            wrong = ~np.isclose(after, right, rtol=1e-4, atol=1e-5 * np.float64(s) ** power)
            assert not (wrong & (np.isfinite(after) | (name in EXACT))).any(), name


def test_activations_reach_their_limits_with_their_slopes():
    """At infinity, a limit that is the product of 0 and ∞ may be NaN, as in PyTorch."""
    z = np.float32([-np.inf, -3e38, -1e20, 1e20, 3e38, np.inf])
    names = sorted(LIMITS)
    program = jax.jit(lambda z: [with_gradients(getattr(F, n), getattr(F, f"{n}_vjp"), z) for n in names])
    for name, (value, *slopes) in zip(names, jax.device_get(program(z)), strict=True):
        limits, slope_limits = (np.repeat(each, 3) for each in zip(*LIMITS[name], strict=True))
        finite, infinite = np.isfinite(z), np.isinf(z) & ~np.isnan(value)
        expected = np.where(np.isinf(limits), np.float64(z.clip(-3e38, 3e38)) * slope_limits, limits)
        np.testing.assert_allclose(value[finite], expected[finite], rtol=1e-6, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(value[infinite], limits[infinite], rtol=1e-6, err_msg=name)
        for slope in slopes:
            np.testing.assert_allclose(slope[finite], slope_limits[finite], atol=1e-6, err_msg=name)
            known = np.isinf(z) & ~np.isnan(slope)
            np.testing.assert_allclose(slope[known], slope_limits[known], atol=1e-6, err_msg=name)


def test_a_setting_that_is_nan_gives_nan_in_values_and_gradients():
    """Also as a constant of a compiled program, where XLA simplifies."""
    settings = [
        *(("softmax", "temperature"), ("log_softmax", "temperature"), ("leaky_relu", "negative_slope")),
        *(("threshold", "cutoff"), ("softplus", "beta"), ("elu", "alpha"), ("celu", "alpha")),
        *(("soft_shrink", "threshold"), ("hard_shrink", "threshold"), ("max_norm", "limit")),
    ]

    def results(z, value):
        for name, setting in settings:
            f, f_vjp = getattr(F, name), getattr(F, f"{name}_vjp")
            yield f(z, **{setting: value}), f_vjp(z, z, **{setting: value})

    z = np.linspace(-2, 2, 120, dtype=np.float32).reshape(6, 5, 4)
    compiled = jax.jit(lambda z, traced: (list(results(z, traced)), list(results(z, jnp.nan))))(z, jnp.nan)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(jax.device_get(compiled)))


def test_a_gradient_whose_square_overflows_gives_a_right_step_or_nan():
    """Without a check, the moving average would be infinite and the parameter would stop."""

    def first_steps(scale):
        params, gradient = {"w": jnp.asarray(X)}, {"w": scale * X}
        for name in SCALE_FREE:
            optimizer = getattr(optimizers, name)(0.125)
            yield optimizer.update(gradient, optimizer.init(params), params)[0]["w"]

    steps = jax.jit(lambda scales: [list(first_steps(scale)) for scale in scales])(np.float32([1e10, 1e18, HUGE]))
    for name, usual, large, huge in zip(SCALE_FREE, *jax.device_get(steps), strict=True):
        np.testing.assert_allclose(large, usual, rtol=1e-4, err_msg=name)
        assert (np.isnan(huge) | np.isclose(huge, usual, rtol=1e-4)).all(), name


def test_every_function_refuses_float16(unchecked):
    """In float16 many of them would give plausible wrong numbers: squares overflow from 256 on."""
    pairs = derivation.vjp_pairs()
    assert len(pairs) > 60
    for pair in pairs:
        arguments = map(in_half_precision, derivation.arguments_of(pair.f).values())
        with pytest.raises(TypeError, match="must have the range of float32, got float16"):
            unchecked(pair.f)(*arguments)


def in_half_precision(annotation):
    """Return an array for an argument, with size 1 of all axes and float16 in place of floating dtypes."""
    kind = getattr(annotation, "dtype", Float).__name__
    dtype = {"Key": None, "Integer": jnp.int32}.get(kind, jnp.float16)
    return jnp.zeros((1,) * len(getattr(annotation, "dim_str", "").split()), dtype) if dtype else jax.random.key(0)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16])
def test_every_optimizer_and_metric_refuses_float16_and_accepts_bfloat16(dtype):
    params, outputs, ones = {"w": jnp.ones(2, dtype)}, jnp.ones((2, 3), dtype), jnp.ones(2, dtype)
    uses = [
        *(lambda name=name: getattr(optimizers, name)(0.1).init(params) for name in (*SCALE_FREE, "sgd", "nesterov")),
        *(lambda name=name: getattr(optimizers, name)(0.1).init(params) for name in ("momentum", "radam")),
        lambda: optimizers.lbfgs().init(params),
        lambda: optimizers.sam(optimizers.sgd(0.1)).init(params),
        lambda: optimizers.clip_by_value(0.1).update(params, optax.EmptyState()),
        lambda: optimizers.clip_by_global_norm(0.1).update(params, optax.EmptyState()),
        lambda: optimizers.proximal_l1(0.1, l1=0.1).update(params, jnp.zeros((), jnp.int32), params),
        lambda: metrics.accuracy(outputs, jnp.zeros(2, jnp.int32), ones),
        lambda: metrics.root_mean_squared_error(outputs, outputs, ones),
    ]
    for use in uses:
        if dtype == jnp.bfloat16:
            jax.eval_shape(use)
        else:
            with pytest.raises(TypeError, match="must have the range of float32, got float16"):
                jax.eval_shape(use)
