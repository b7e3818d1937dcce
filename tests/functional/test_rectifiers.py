import flax.linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation
from tests.functional.compiled import run


def test_relu_passes_positive_inputs():
    assert run(F.relu, jnp.array([-2.0, -0.0, 0.0, 3.0])).tolist() == [0.0, 0.0, 0.0, 3.0]


def test_relu_keeps_nan_and_infinity():
    assert np.isnan(run(F.relu, jnp.array(jnp.nan)))
    assert run(F.relu, jnp.array([-jnp.inf, jnp.inf])).tolist() == [0.0, jnp.inf]


def test_relu_and_its_gradient_equal_pytorch_including_the_kink(torch, random):
    z = random.normal(size=50).astype(np.float32)
    z[::7] = 0.0
    theirs = torch.tensor(z, requires_grad=True)
    torch.relu(theirs).sum().backward()
    assert run(F.relu, jnp.asarray(z)).tolist() == torch.relu(theirs).tolist()
    assert run(F.relu_vjp, np.ones(50), jnp.asarray(z))[0].tolist() == theirs.grad.tolist()


@pytest.mark.parametrize("shape", [(6,), (9, 6), (1, 6), (3, 4, 5, 6)])
def test_prelu_and_both_gradients_equal_pytorch_including_zeros(torch, random, double, shape):
    z, slope, g = random.normal(size=shape), random.normal(size=6), random.normal(size=shape)
    z[..., ::2] *= random.normal(size=(*shape[:-1], 3)) > 0
    theirs, learned = torch.tensor(z, requires_grad=True), torch.tensor(slope, requires_grad=True)
    rows = theirs.reshape(-1, 6)  # PyTorch's features are the second axis
    torch.nn.functional.prelu(rows, learned).backward(torch.tensor(g.reshape(-1, 6)))

    @jax.jit
    def with_cotangents(g, *arguments):
        y, pull = jax.vjp(F.prelu, *arguments)
        return y, pull(g), F.prelu_vjp(g, *arguments)

    y, *cotangents = with_cotangents(g, z, slope)
    np.testing.assert_allclose(y.reshape(-1, 6), torch.nn.functional.prelu(rows, learned).detach(), rtol=1e-13)
    for z_bar, slope_bar in cotangents:
        np.testing.assert_allclose(z_bar, theirs.grad, rtol=1e-13)
        np.testing.assert_allclose(slope_bar, learned.grad, rtol=1e-12, atol=1e-14)


def test_prelu_with_equal_slopes_is_leaky_relu(random):
    z = jnp.asarray(random.normal(size=(5, 4)), jnp.float32)
    np.testing.assert_array_equal(run(F.prelu, z, np.full(4, 0.25)), run(F.leaky_relu, z, negative_slope=0.25))


def test_derivative_of_prelu_at_zero_is_the_slope_and_zero_for_the_slope_itself():
    one, arguments = jnp.ones((1, 1)), (jnp.zeros((1, 1)), jnp.array([0.25]))
    for z_bar, slope_bar in (jax.vjp(F.prelu, *arguments)[1](one), F.prelu_vjp(one, *arguments)):
        assert (float(z_bar[0, 0]), float(slope_bar[0])) == (0.25, 0)


def test_leaky_rectifiers_of_jax_and_flax_have_the_derivative_one_at_zero():
    assert jax.grad(jax.nn.leaky_relu)(0.0) == 1
    assert run(F.leaky_relu_vjp, np.ones(1), np.zeros(1))[0] == jnp.float32(0.01)
    layer = flax.linen.PReLU()
    params = layer.init(jax.random.key(0), jnp.zeros(1))
    assert jax.grad(lambda z: layer.apply(params, z).sum())(jnp.zeros(1)).tolist() == [1]


def test_prelu_raises_without_one_slope_per_feature(unchecked):
    with pytest.raises(ValueError, match=r"slope must have the shape \(features,\) with features = 4, got \(1,\)"):
        unchecked(F.prelu)(jnp.zeros((3, 4)), jnp.zeros(1))
    with pytest.raises(TypeError, match=r"z must be floating, got int32"):
        unchecked(F.prelu)(jnp.zeros((3, 4), int), jnp.zeros(4))


def test_relu6_and_hard_swish_at_known_points():
    z = jnp.array([-4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 7.0])
    assert run(F.relu6, z).tolist() == [0, 0, 0, 0, 1, 3, 6, 6]
    np.testing.assert_allclose(run(F.hard_swish, z), [0, 0, -1 / 3, 0, 2 / 3, 3, 6, 7], rtol=1e-6)


@pytest.mark.parametrize(("shape", "pieces"), [((5, 6), 2), ((1, 6), 3), ((6,), 6), ((2, 3, 6), 1), ((4, 3, 2, 10), 5)])
def test_maxout_and_its_gradient_equal_pytorch_including_ties(torch, random, double, shape, pieces):
    z = random.normal(size=shape).clip(min=0)
    theirs = torch.tensor(z, requires_grad=True)
    y = theirs.reshape(*shape[:-1], -1, pieces).max(dim=-1).values
    g = random.normal(size=tuple(y.shape))
    y.backward(torch.tensor(g))
    with_cotangent = jax.jit(lambda g, z: (F.maxout(z, pieces=pieces), *F.maxout_vjp(g, z, pieces=pieces)))
    ours, z_bar = with_cotangent(g, z)
    np.testing.assert_array_equal(ours, y.detach())
    np.testing.assert_array_equal(z_bar, theirs.grad)


def test_maxout_groups_consecutive_features():
    assert run(F.maxout, jnp.array([1.0, 2.0, 8.0, 4.0, 5.0, 6.0])).tolist() == [2, 8, 6]
    assert run(F.maxout, jnp.array([1.0, 2.0, 8.0, 4.0, 5.0, 6.0]), pieces=3).tolist() == [8, 6]


def test_maxout_of_a_feature_and_zero_is_relu(random):
    z = jnp.asarray(random.normal(size=(5, 4)), jnp.float32)
    np.testing.assert_array_equal(run(F.maxout, np.stack([z, 0 * z], axis=-1).reshape(5, 8)), run(F.relu, z))


def test_first_of_tied_features_gets_the_gradient():
    z = jnp.array([1.0, 1.0, 0.0, 2.0, 3.0, 3.0])
    assert jax.grad(lambda z: F.maxout(z, pieces=3).sum())(z).tolist() == [1, 0, 0, 0, 1, 0]
    assert run(F.maxout_vjp, np.ones(2), z, pieces=3)[0].tolist() == [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_maxout_keeps_nan(place):
    z = jnp.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).at[place].set(jnp.nan)
    assert np.isnan(run(F.maxout, z, pieces=3)).tolist() == [True, False]


@pytest.mark.parametrize("pieces", [0, -2, 4, 12])
def test_pieces_that_do_not_divide_the_features_raise(pieces):
    with pytest.raises(
        ValueError, match=rf"pieces must divide the number of features, got {pieces} pieces for 6 features"
    ):
        F.maxout(jnp.zeros((2, 6)), pieces=pieces)


def test_maxout_of_a_scalar_raises(unchecked):
    with pytest.raises(ValueError, match=r"z must have the shape \(\*batch, features\), got \(\)"):
        unchecked(F.maxout)(jnp.array(1.0))


def micrograd(relu, a, b):
    """Return the expression in the README of micrograd."""
    c = a + b
    d = a * b + b**3
    c = c + c + 1
    c = c + 1 + c - a
    d = d + d * 2 + relu(b + a)
    d = d + 3 * d + relu(b - a)
    f = (c - d) ** 2
    g = f / 2
    return g + 10 / f


def test_the_expression_of_micrograd_has_its_published_value_and_gradients(double):
    for functional in (F, derivation.by_hand()):
        f = jax.value_and_grad(lambda a, b: micrograd(functional.relu, a, b), (0, 1))
        g, slopes = jax.jit(f)(-4.0, 2.0)
        np.testing.assert_allclose([g, *slopes], [24.7041, 138.8338, 645.5773], atol=5e-5)


def test_threshold_equals_numpy_and_keeps_nan():
    z = np.float32([-2, 0.5, 1, 1.5, np.nan, np.inf])
    y = run(F.threshold, z, cutoff=1.0, replacement=-3.0)
    np.testing.assert_array_equal(y, np.where(z <= 1, np.float32(-3), z))
    assert run(F.threshold_vjp, np.ones(6, np.float32), z, cutoff=1.0)[0].tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(run(F.threshold, z), run(F.relu, z))
