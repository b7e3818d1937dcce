import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F

ALL = {  # settings for six features, and whether the mean is subtracted
    F.layer_norm: ({}, True),
    F.rms_norm: ({}, False),
    F.group_norm: ({"groups": 2}, True),
    F.instance_norm: ({}, True),
}
for_each_norm = pytest.mark.parametrize("f", ALL, ids=lambda f: f.__name__)


def random_arguments(random, f, shape):
    """Draw inputs away from zero, a scale, and a bias if f has one."""
    scale_and_bias = [random.normal(size=shape[-1]) for _ in range(1 if f is F.rms_norm else 2)]
    return [2 * random.normal(size=shape) + 1, *scale_and_bias]


def run(f, *arguments, **settings):
    """Compile f, call it, and copy the result to the host."""
    return jax.device_get(jax.jit(functools.partial(f, **settings))(*arguments))


def with_gradient(f, g, *arguments, **settings):
    """Return f of the arguments, and the cotangents by its hand-derived VJP."""
    f_vjp = getattr(F, f"{f.__name__}_vjp")
    return run(lambda g, *a: (f(*a, **settings), f_vjp(g, *a, **settings)), g, *arguments)


def pytorch_norm(torch, f, epsilon, groups):
    """Return PyTorch's function, with channels last."""
    nn_functional = torch.nn.functional

    def channels_second(norm):
        def channels_last(x, scale, bias):
            y = norm(x.movedim(-1, 1), weight=scale, bias=bias, eps=epsilon)
            y.register_hook(lambda g: g.contiguous())  # instance_norm of torch 2.13 is wrong for others
            return y.movedim(1, -1)

        return channels_last

    return {
        F.layer_norm: lambda x, scale, bias: nn_functional.layer_norm(x, scale.shape, scale, bias, eps=epsilon),
        F.rms_norm: lambda x, scale: nn_functional.rms_norm(x, scale.shape, scale, eps=epsilon),
        F.group_norm: channels_second(functools.partial(nn_functional.group_norm, num_groups=groups)),
        F.instance_norm: channels_second(nn_functional.instance_norm),
    }[f]


@for_each_norm
@pytest.mark.parametrize(
    ("shape", "epsilon", "groups"), [((4, 5, 6), 1e-5, 3), ((1, 3, 4, 6), 0.3, 2), ((3, 2, 3, 2, 5), 1e-3, 1)]
)
def test_value_and_gradients_equal_pytorch(torch, random, double, f, shape, epsilon, groups):
    arguments = random_arguments(random, f, shape)
    settings = {"epsilon": epsilon, **({"groups": groups} if f is F.group_norm else {})}
    g = random.normal(size=shape)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in arguments]
    y = pytorch_norm(torch, f, epsilon, groups)(*leaves)
    y.backward(torch.tensor(g))
    ours, pulled = with_gradient(f, g, *arguments, **settings)
    np.testing.assert_allclose(ours, y.detach(), rtol=1e-11, atol=1e-12)
    for mine, leaf in zip(pulled, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-10, atol=1e-11)


FLAX = {
    F.layer_norm: nn.LayerNorm(epsilon=1e-5, use_fast_variance=False),
    F.rms_norm: nn.RMSNorm(epsilon=1e-5),
    F.group_norm: nn.GroupNorm(num_groups=2, epsilon=1e-5, use_fast_variance=False),
    F.instance_norm: nn.InstanceNorm(epsilon=1e-5, use_fast_variance=False),
}


@for_each_norm
def test_value_and_gradients_equal_flax(random, double, f):
    def theirs(x, *scale_and_bias):
        return FLAX[f].apply({"params": dict(zip(("scale", "bias"), scale_and_bias, strict=False))}, x)

    def with_their_gradient(g, *arguments):
        y, pull = jax.vjp(theirs, *arguments)
        return y, pull(g)

    arguments, g = random_arguments(random, f, (3, 4, 5, 6)), random.normal(size=(3, 4, 5, 6))
    with jax.numpy_dtype_promotion("standard"):  # Flax does not support strict promotion
        y, expected = run(with_their_gradient, g, *arguments)
    ours, pulled = with_gradient(f, g, *arguments, **ALL[f][0])
    np.testing.assert_allclose(ours, y, rtol=1e-11, atol=1e-12)
    for mine, theirs_bar in zip(pulled, expected, strict=True):
        np.testing.assert_allclose(mine, theirs_bar, rtol=1e-10, atol=1e-11)


@for_each_norm
def test_example_does_not_depend_on_the_rest_of_the_batch(random, f):
    x, *others = random_arguments(random, f, (4, 5, 6))
    other_batch = np.concatenate([x[:1], 100 * random.normal(size=(3, 5, 6))])
    whole, changed = run(f, x, *others, **ALL[f][0]), run(f, other_batch, *others, **ALL[f][0])
    assert np.array_equal(whole[0], changed[0])
    assert not np.array_equal(whole[1], changed[1])


@for_each_norm
def test_scaling_an_example_changes_no_output_and_divides_the_gradient(random, double, f):
    x, *others = random_arguments(random, f, (3, 5, 6))
    settings = {**ALL[f][0], "epsilon": 0.0}
    g = random.normal(size=x.shape)
    plain, scaled = (with_gradient(f, g, x, *others, **settings) for x in (x, 7 * x))
    np.testing.assert_allclose(scaled[0], plain[0], rtol=1e-10, atol=1e-12)
    plain, scaled = plain[1][0], scaled[1][0]
    np.testing.assert_allclose(scaled, plain / 7, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(
        (plain * x).sum((1, 2)), np.zeros(3), atol=1e-11
    )  # the gradient is orthogonal to the example


@for_each_norm
def test_shifting_an_example_changes_outputs_only_if_the_mean_is_not_subtracted(random, double, f):
    x, *others = random_arguments(random, f, (3, 5, 6))
    g = random.normal(size=x.shape)
    plain, (x_bar, *_) = with_gradient(f, g, x, *others, **ALL[f][0])
    shifted, _ = with_gradient(f, g, x + 3, *others, **ALL[f][0])
    subtracts_the_mean = ALL[f][1]
    assert np.allclose(plain, shifted, rtol=1e-9) == subtracts_the_mean
    assert np.allclose(x_bar.sum((1, 2)), 0, atol=1e-11) == subtracts_the_mean


def test_outputs_have_mean_zero_and_standard_deviation_one(random, double):
    x, one, zero = 3 * random.normal(size=(4, 5, 6)) + 2, np.ones(6), np.zeros(6)
    layer, instance = run(F.layer_norm, x, one, zero, epsilon=0.0), run(F.instance_norm, x, one, zero, epsilon=0.0)
    group = run(F.group_norm, x, one, zero, groups=3, epsilon=0.0).reshape(4, 5, 3, 2)
    for y, axes in [(layer, 2), (instance, 1), (group, (1, 3))]:
        np.testing.assert_allclose(y.mean(axes), np.zeros(y.mean(axes).shape), atol=1e-13)
        np.testing.assert_allclose(y.std(axes), np.ones(y.std(axes).shape), rtol=1e-12)
    rms = run(F.rms_norm, x, one, epsilon=0.0)
    np.testing.assert_allclose((rms**2).mean(-1), np.ones((4, 5)), rtol=1e-12)


def test_layer_norm_and_rms_norm_of_small_integers(double):
    x = np.array([[1.0, 3.0]])  # mean 2, variance 1
    np.testing.assert_allclose(run(F.layer_norm, x, np.array([2.0, 5.0]), np.ones(2), epsilon=0.0), [[-1.0, 6.0]])
    np.testing.assert_allclose(run(F.layer_norm, x, np.ones(2), np.zeros(2), epsilon=3.0), [[-0.5, 0.5]])
    np.testing.assert_allclose(run(F.rms_norm, np.array([[1.0, 7.0]]), np.ones(2), epsilon=0.0), [[0.2, 1.4]])


def test_rms_norm_equals_layer_norm_if_the_mean_is_zero(random, double):
    x, scale = random.normal(size=(4, 6)), random.normal(size=6)
    x = x - x.mean(-1, keepdims=True)
    np.testing.assert_allclose(run(F.rms_norm, x, scale), run(F.layer_norm, x, scale, np.zeros(6)), rtol=1e-10)


def test_group_norm_with_one_channel_per_group_is_instance_norm(random, double):
    arguments = random_arguments(random, F.group_norm, (3, 4, 5, 6))
    np.testing.assert_allclose(run(F.group_norm, *arguments, groups=6), run(F.instance_norm, *arguments), rtol=1e-12)


def test_one_group_is_layer_norm_over_pixels_and_channels(random, double):
    x, scale, bias = random_arguments(random, F.group_norm, (3, 4, 5, 6))
    flat = run(F.layer_norm, x.reshape(3, 120), np.tile(scale, 20), np.tile(bias, 20))
    np.testing.assert_allclose(
        run(F.group_norm, x, scale, bias, groups=1).reshape(3, 120), flat, rtol=1e-11, atol=1e-13
    )


def test_one_group_of_a_table_is_layer_norm(random, double):
    arguments = random_arguments(random, F.group_norm, (4, 6))
    np.testing.assert_allclose(run(F.group_norm, *arguments, groups=1), run(F.layer_norm, *arguments), rtol=1e-12)


def test_groups_consist_of_neighboring_channels(random, double):
    x, one, zero = random.normal(size=(2, 3, 4)), np.ones(2), np.zeros(2)
    halves = [run(F.group_norm, half, one, zero, groups=1) for half in (x[..., :2], x[..., 2:])]
    whole = run(F.group_norm, x, np.ones(4), np.zeros(4), groups=2)
    np.testing.assert_allclose(whole, np.concatenate(halves, -1), rtol=1e-12)


def test_instance_norm_of_a_single_pixel_is_the_bias_with_gradient_zero():
    x, scale, bias = np.array([[3.0, -4.0]]), np.array([2.0, 2.0]), np.array([5.0, 6.0])
    for pixel in (x, x[:, None]):
        assert run(F.instance_norm, pixel, scale, bias).ravel().tolist() == [5.0, 6.0]
        assert not run(F.instance_norm_vjp, np.ones_like(pixel), pixel, scale, bias)[0].any()


@for_each_norm
def test_constant_and_large_inputs_stay_finite(f):
    settings = ALL[f][0]
    others = [np.ones(6)] * (1 if f is F.rms_norm else 2)

    @jax.jit
    def value_and_cotangents(*arguments):
        y, pull = jax.vjp(functools.partial(f, **settings), *arguments)
        return y, pull(y), getattr(F, f"{f.__name__}_vjp")(y, *arguments, **settings)

    for x in (np.zeros((2, 3, 6)), np.full((2, 3, 6), 1e4), np.linspace(-1e4, 1e4, 36).reshape(2, 3, 6)):
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(value_and_cotangents(x, *others)))


@for_each_norm
def test_small_negative_epsilon_gives_nan(random, f):
    def with_its_gradient(*arguments):
        y, pull = jax.vjp(lambda *a: f(*a, **ALL[f][0], epsilon=-1e-6), *arguments)
        return y, pull(jnp.ones_like(y))[0]

    assert all(np.isnan(leaf).all() for leaf in run(with_its_gradient, *random_arguments(random, f, (2, 3, 6))))


@for_each_norm
def test_epsilon_may_be_traced_and_of_another_precision(random, double, f):
    arguments = random_arguments(random, f, (2, 3, 6))
    arrays = [jnp.asarray(a) for a in arguments]
    mapped = run(jax.vmap(lambda epsilon: f(*arrays, **ALL[f][0], epsilon=epsilon)), np.float32([0.25, 0.5]))
    np.testing.assert_allclose(mapped[1], run(f, *arguments, **ALL[f][0], epsilon=0.5), rtol=1e-13)
    assert mapped.dtype == jnp.float64


@for_each_norm
def test_nan_stays_within_its_example(f):
    x = np.arange(36.0).reshape(2, 3, 6)
    x[0, 1, 2] = np.nan
    y = run(f, x, *[np.ones(6)] * (1 if f is F.rms_norm else 2), **ALL[f][0])
    assert np.isnan(y[0, 1, 2])
    assert np.isfinite(y[1]).all()


@pytest.mark.parametrize("groups", [4, 0, -2, 12, 32])
def test_groups_that_do_not_divide_the_channels_raise(groups):
    arguments = jnp.zeros((2, 3, 6)), jnp.zeros(6), jnp.zeros(6)
    with pytest.raises(ValueError, match=rf"groups must divide the 6 channels, got {groups}\. Choose a divisor of 6\."):
        F.group_norm(*arguments, groups=groups)


@for_each_norm
def test_scale_that_would_broadcast_raises(unchecked, f):
    bias = [] if f is F.rms_norm else [jnp.zeros(6)]
    axis = "features" if f in (F.layer_norm, F.rms_norm) else "channels"
    with pytest.raises(ValueError, match=rf"scale must have the shape \({axis},\) with {axis} = 6, got"):
        unchecked(f)(jnp.zeros((2, 3, 6)), jnp.zeros(1), *bias, **ALL[f][0])


@pytest.mark.parametrize("f", [F.group_norm, F.instance_norm])
def test_input_without_a_batch_axis_raises(unchecked, f):
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, \*space, channels\), got \(6,\)"):
        unchecked(f)(jnp.zeros(6), jnp.zeros(6), jnp.zeros(6))


@for_each_norm
def test_second_derivatives_are_finite(random, double, f):
    arguments = random_arguments(random, f, (2, 2, 2))
    g = jnp.asarray(random.normal(size=(2, 2, 2)))
    settings = {"groups": 1} if f is F.group_norm else {}
    loss = lambda *a: (g * f(*a, **settings)).sum()
    blocks = jax.tree.leaves(jax.jit(jax.hessian(loss, argnums=tuple(range(len(arguments)))))(*arguments))
    assert all(jnp.isfinite(block).all() for block in blocks)
    assert jnp.any(blocks[0] != 0)


@pytest.mark.parametrize("f", [F.layer_norm, F.instance_norm])
def test_variance_keeps_its_digits_far_from_zero(f):
    x = np.array([0.0, 1.0, 2.0, 3.0])
    x = x[None, :, None] if f is F.instance_norm else x[None]
    one, zero = np.ones(x.shape[-1]), np.zeros(x.shape[-1])
    np.testing.assert_allclose(run(f, x + 10_000, one, zero), run(f, x, one, zero), atol=1e-3)


def test_default_of_group_norm_is_32_groups(random):
    x = np.asarray(random.normal(size=(2, 3, 64)), np.float32)
    one, zero = np.ones(64), np.zeros(64)
    assert np.array_equal(run(F.group_norm, x, one, zero), run(F.group_norm, x, one, zero, groups=32))
    assert not np.allclose(run(F.group_norm, x, one, zero), run(F.group_norm, x, one, zero, groups=16), atol=1e-2)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"])
def test_half_precision_gives_the_rounded_result_of_single_precision(random, name):
    dtype = jnp.bfloat16
    x = (random.normal(size=(4, 6, 32)) + 100).astype(dtype)
    others = [np.ones(32, dtype), np.zeros(32, dtype)][: 1 if name == "rms_norm" else 2]
    f = getattr(F, name)
    y = jax.tree.leaves(f(*map(jnp.asarray, (x, *others))))[0]  # not jitted: XLA may keep float32 inside a fusion
    single = jax.tree.leaves(run(f, *(b.astype(np.float32) for b in (x, *others))))[0]
    assert y.dtype == dtype
    np.testing.assert_allclose(y.astype(np.float32), single, atol=0.02 * np.abs(single).max())
