import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F

ALL = {  # each with settings for six features, and whether the mean is taken away
    F.layer_norm: ({}, True),
    F.rms_norm: ({}, False),
    F.group_norm: ({"groups": 2}, True),
    F.instance_norm: ({}, True),
}
each = pytest.mark.parametrize("f", ALL, ids=lambda f: f.__name__)


def drawn(random, f, shape):
    """Inputs away from zero, a scale, and a bias where f has one."""
    scale_and_bias = [random.normal(size=shape[-1]) for _ in range(1 if f is F.rms_norm else 2)]
    return [jnp.asarray(array) for array in (2 * random.normal(size=shape) + 1, *scale_and_bias)]


def torchs(torch, f, epsilon, groups):
    of = torch.nn.functional

    def channels_second(norm):
        def channels_last(x, scale, bias):
            y = norm(x.movedim(-1, 1), weight=scale, bias=bias, eps=epsilon)
            y.register_hook(lambda g: g.contiguous())  # instance_norm of torch 2.13 goes wrong where it is not
            return y.movedim(1, -1)

        return channels_last

    return {
        F.layer_norm: lambda x, scale, bias: of.layer_norm(x, scale.shape, scale, bias, eps=epsilon),
        F.rms_norm: lambda x, scale: of.rms_norm(x, scale.shape, scale, eps=epsilon),
        F.group_norm: channels_second(functools.partial(of.group_norm, num_groups=groups)),
        F.instance_norm: channels_second(of.instance_norm),
    }[f]


@each
@pytest.mark.parametrize(
    ("shape", "epsilon", "groups"), [((4, 5, 6), 1e-5, 3), ((1, 3, 4, 6), 0.3, 2), ((3, 2, 3, 2, 5), 1e-3, 1)]
)
def test_it_is_pytorchs_with_all_gradients(torch, random, double, f, shape, epsilon, groups):
    arguments = drawn(random, f, shape)
    settings = {"epsilon": epsilon, **({"groups": groups} if f is F.group_norm else {})}
    g = random.normal(size=shape)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in arguments]
    y = torchs(torch, f, epsilon, groups)(*leaves)
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(f(*arguments, **settings), y.detach(), rtol=1e-11, atol=1e-12)
    pulled = getattr(F, f"{f.__name__}_vjp")(jnp.asarray(g), *arguments, **settings)
    for mine, leaf in zip(pulled, leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-10, atol=1e-11)


FLAX = {
    F.layer_norm: nn.LayerNorm(epsilon=1e-5, use_fast_variance=False),
    F.rms_norm: nn.RMSNorm(epsilon=1e-5),
    F.group_norm: nn.GroupNorm(num_groups=2, epsilon=1e-5, use_fast_variance=False),
    F.instance_norm: nn.InstanceNorm(epsilon=1e-5, use_fast_variance=False),
}


@each
def test_it_is_flaxs_layer_with_all_gradients(random, double, f):
    def theirs(x, *scale_and_bias):
        return FLAX[f].apply({"params": dict(zip(("scale", "bias"), scale_and_bias, strict=False))}, x)

    arguments, g = drawn(random, f, (3, 4, 5, 6)), jnp.asarray(random.normal(size=(3, 4, 5, 6)))
    with jax.numpy_dtype_promotion("standard"):  # Flax is not written for the strict one
        y, pull = jax.vjp(theirs, *arguments)
        pulled = pull(g)
    np.testing.assert_allclose(f(*arguments, **ALL[f][0]), y, rtol=1e-11, atol=1e-12)
    ours = getattr(F, f"{f.__name__}_vjp")(g, *arguments, **ALL[f][0])
    for mine, wanted in zip(ours, pulled, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-10, atol=1e-11)


@each
def test_an_example_does_not_depend_on_the_rest_of_the_batch(random, f):
    x, *others = (jnp.asarray(a, jnp.float32) for a in drawn(random, f, (4, 5, 6)))
    elsewhere = x.at[1:].set(jnp.asarray(100 * random.normal(size=(3, 5, 6)), jnp.float32))
    whole, changed = f(x, *others, **ALL[f][0]), f(elsewhere, *others, **ALL[f][0])
    assert jnp.array_equal(whole[0], changed[0])
    assert not jnp.array_equal(whole[1], changed[1])


@each
def test_stretching_an_example_changes_nothing_and_divides_the_gradient(random, double, f):
    x, *others = drawn(random, f, (3, 5, 6))
    settings = {**ALL[f][0], "epsilon": 0.0}
    np.testing.assert_allclose(f(7 * x, *others, **settings), f(x, *others, **settings), rtol=1e-10, atol=1e-12)
    f_vjp, g = getattr(F, f"{f.__name__}_vjp"), jnp.asarray(random.normal(size=x.shape))
    plain, stretched = f_vjp(g, x, *others, **settings)[0], f_vjp(g, 7 * x, *others, **settings)[0]
    np.testing.assert_allclose(stretched, plain / 7, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose((plain * x).sum((1, 2)), np.zeros(3), atol=1e-11)  # nothing along the example itself


@each
def test_shifting_an_example_matters_only_without_the_mean(random, double, f):
    x, *others = drawn(random, f, (3, 5, 6))
    plain, shifted = f(x, *others, **ALL[f][0]), f(x + 3, *others, **ALL[f][0])
    takes_the_mean_away = ALL[f][1]
    assert np.allclose(plain, shifted, rtol=1e-9) == takes_the_mean_away
    (x_bar, *_) = getattr(F, f"{f.__name__}_vjp")(jnp.asarray(random.normal(size=x.shape)), x, *others, **ALL[f][0])
    assert np.allclose(x_bar.sum((1, 2)), 0, atol=1e-11) == takes_the_mean_away


def test_what_comes_out_has_the_mean_and_deviation_that_were_asked_for(random, double):
    x, one, zero = jnp.asarray(3 * random.normal(size=(4, 5, 6)) + 2), jnp.ones(6), jnp.zeros(6)
    layer, instance = F.layer_norm(x, one, zero, epsilon=0.0), F.instance_norm(x, one, zero, epsilon=0.0)
    group = F.group_norm(x, one, zero, groups=3, epsilon=0.0).reshape(4, 5, 3, 2)
    for y, axes in [(layer, 2), (instance, 1), (group, (1, 3))]:
        np.testing.assert_allclose(y.mean(axes), np.zeros(y.mean(axes).shape), atol=1e-13)
        np.testing.assert_allclose(y.std(axes), np.ones(y.std(axes).shape), rtol=1e-12)
    rms = F.rms_norm(x, one, epsilon=0.0)
    np.testing.assert_allclose((rms**2).mean(-1), np.ones((4, 5)), rtol=1e-12)


def test_layer_norm_of_small_integers_is_what_paper_and_pencil_give(double):
    x = jnp.array([[1.0, 3.0]])  # mean 2, variance 1
    np.testing.assert_allclose(F.layer_norm(x, jnp.array([2.0, 5.0]), jnp.ones(2), epsilon=0.0), [[-1.0, 6.0]])
    np.testing.assert_allclose(F.layer_norm(x, jnp.ones(2), jnp.zeros(2), epsilon=3.0), [[-0.5, 0.5]])
    np.testing.assert_allclose(F.rms_norm(jnp.array([[1.0, 7.0]]), jnp.ones(2), epsilon=0.0), [[0.2, 1.4]])


def test_without_a_mean_root_mean_square_and_layer_norm_are_the_same(random, double):
    x, scale = jnp.asarray(random.normal(size=(4, 6))), jnp.asarray(random.normal(size=6))
    x = x - x.mean(-1, keepdims=True)
    np.testing.assert_allclose(F.rms_norm(x, scale), F.layer_norm(x, scale, jnp.zeros(6)), rtol=1e-10)


def test_as_many_groups_as_channels_are_instance_norm(random, double):
    arguments = drawn(random, F.group_norm, (3, 4, 5, 6))
    np.testing.assert_allclose(F.group_norm(*arguments, groups=6), F.instance_norm(*arguments), rtol=1e-12)


def test_one_group_is_layer_norm_over_space_and_channels_together(random, double):
    x, scale, bias = drawn(random, F.group_norm, (3, 4, 5, 6))
    flat = F.layer_norm(x.reshape(3, 120), jnp.tile(scale, 20), jnp.tile(bias, 20))
    np.testing.assert_allclose(F.group_norm(x, scale, bias, groups=1).reshape(3, 120), flat, rtol=1e-11, atol=1e-13)


def test_one_group_without_space_is_layer_norm(random, double):
    arguments = drawn(random, F.group_norm, (4, 6))
    np.testing.assert_allclose(F.group_norm(*arguments, groups=1), F.layer_norm(*arguments), rtol=1e-12)


def test_neighbouring_channels_form_a_group(random, double):
    x, one, zero = jnp.asarray(random.normal(size=(2, 3, 4))), jnp.ones(2), jnp.zeros(2)
    halves = [F.group_norm(half, one, zero, groups=1) for half in (x[..., :2], x[..., 2:])]
    whole = F.group_norm(x, jnp.ones(4), jnp.zeros(4), groups=2)
    np.testing.assert_allclose(whole, jnp.concatenate(halves, -1), rtol=1e-12)


def test_of_a_single_pixel_instance_norm_gives_the_bias_and_no_gradient():
    x, scale, bias = jnp.array([[3.0, -4.0]]), jnp.array([2.0, 2.0]), jnp.array([5.0, 6.0])
    for pixel in (x, x[:, None]):
        assert F.instance_norm(pixel, scale, bias).ravel().tolist() == [5.0, 6.0]
        assert not F.instance_norm_vjp(jnp.ones_like(pixel), pixel, scale, bias)[0].any()


@each
def test_a_constant_example_and_large_signals_stay_finite(f):
    settings = ALL[f][0]
    others = [jnp.ones(6)] * (1 if f is F.rms_norm else 2)
    for x in (jnp.zeros((2, 3, 6)), jnp.full((2, 3, 6), 1e4), jnp.linspace(-1e4, 1e4, 36).reshape(2, 3, 6)):
        y, pull = jax.vjp(lambda *a: f(*a, **settings), x, *others)
        both = pull(y), getattr(F, f"{f.__name__}_vjp")(y, x, *others, **settings)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((y, both)))


@each
def test_a_negative_epsilon_gives_nan_however_small(random, f):
    arguments = [jnp.asarray(a, jnp.float32) for a in drawn(random, f, (2, 3, 6))]
    y, pull = jax.vjp(lambda *a: f(*a, **ALL[f][0], epsilon=-1e-6), *arguments)
    assert jnp.isnan(y).all()
    assert jnp.isnan(pull(jnp.ones_like(y))[0]).all()


@each
def test_an_epsilon_may_be_traced_and_of_another_precision(random, double, f):
    arguments = drawn(random, f, (2, 3, 6))
    swept = jax.vmap(lambda epsilon: f(*arguments, **ALL[f][0], epsilon=epsilon))(jnp.float32([0.25, 0.5]))
    np.testing.assert_allclose(swept[1], f(*arguments, **ALL[f][0], epsilon=0.5), rtol=1e-13)
    assert swept.dtype == jnp.float64


@each
def test_nan_stays_within_its_example(f):
    x = jnp.arange(36.0).reshape(2, 3, 6).at[0, 1, 2].set(jnp.nan)
    y = f(x, *[jnp.ones(6)] * (1 if f is F.rms_norm else 2), **ALL[f][0])
    assert jnp.isnan(y[0, 1, 2])
    assert jnp.isfinite(y[1]).all()


@pytest.mark.parametrize("groups", [4, 0, -2, 12, 32])
def test_groups_that_do_not_divide_the_channels_are_refused(groups):
    arguments = jnp.zeros((2, 3, 6)), jnp.zeros(6), jnp.zeros(6)
    with pytest.raises(ValueError, match=rf"groups must divide the 6 channels, but was {groups}: choose one of their"):
        F.group_norm(*arguments, groups=groups)


@each
def test_a_scale_that_would_broadcast_is_refused(unchecked, f):
    bias = [] if f is F.rms_norm else [jnp.zeros(6)]
    axis = "features" if f in (F.layer_norm, F.rms_norm) else "channels"
    with pytest.raises(ValueError, match=rf"scale must have the shape \({axis},\) with {axis} = 6, but was given as"):
        unchecked(f)(jnp.zeros((2, 3, 6)), jnp.zeros(1), *bias, **ALL[f][0])


@pytest.mark.parametrize("f", [F.group_norm, F.instance_norm])
def test_an_input_without_a_batch_is_refused(unchecked, f):
    with pytest.raises(ValueError, match=r"x must have the shape \(batch, channels\), but was given as \(6,\)"):
        unchecked(f)(jnp.zeros(6), jnp.zeros(6), jnp.zeros(6))


@each
def test_second_derivatives_are_finite(random, double, f):
    arguments = drawn(random, f, (2, 2, 2))
    g = jnp.asarray(random.normal(size=(2, 2, 2)))
    settings = {"groups": 1} if f is F.group_norm else {}
    loss = lambda *a: (g * f(*a, **settings)).sum()
    blocks = jax.tree.leaves(jax.jit(jax.hessian(loss, argnums=tuple(range(len(arguments)))))(*arguments))
    assert all(jnp.isfinite(block).all() for block in blocks)
    assert jnp.any(blocks[0] != 0)


@pytest.mark.parametrize("f", [F.layer_norm, F.instance_norm])
def test_the_variance_keeps_its_digits_far_from_zero(f):
    x = jnp.array([0.0, 1.0, 2.0, 3.0])
    x = x[None, :, None] if f is F.instance_norm else x[None]
    one, zero = jnp.ones(x.shape[-1]), jnp.zeros(x.shape[-1])
    np.testing.assert_allclose(f(x + 10_000, one, zero), f(x, one, zero), atol=1e-3)


def test_the_default_of_group_norm_are_the_32_groups_of_its_paper(random):
    x = jnp.asarray(random.normal(size=(2, 3, 64)), jnp.float32)
    one, zero = jnp.ones(64), jnp.zeros(64)
    assert jnp.array_equal(F.group_norm(x, one, zero), F.group_norm(x, one, zero, groups=32))
    assert not jnp.allclose(F.group_norm(x, one, zero), F.group_norm(x, one, zero, groups=16), atol=1e-2)


@pytest.mark.parametrize(("dtype", "size", "shift"), [(jnp.float16, 300, 0), (jnp.bfloat16, 1, 100)])
@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"])
def test_in_half_precision_it_is_what_single_precision_gives_rounded(random, name, dtype, size, shift):
    x = jnp.asarray(size * random.normal(size=(4, 6, 32)) + shift, dtype)
    others = [jnp.ones(32, dtype), jnp.zeros(32, dtype)][: 1 if name == "rms_norm" else 2]
    y, single = (
        jax.tree.leaves(getattr(F, name)(*a))[0]
        for a in ((x, *others), tuple(b.astype(jnp.float32) for b in (x, *others)))
    )
    assert y.dtype == dtype
    np.testing.assert_allclose(y.astype(jnp.float32), single, atol=0.02 * float(jnp.abs(single).max()))
