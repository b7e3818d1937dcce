import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def drawn(random, shape, features):
    return [
        jnp.asarray(a) for a in (random.normal(size=shape), random.normal(size=features), random.normal(size=features))
    ]


def test_batch_norm_is_pytorchs_with_its_gradient_on_images(torch, random, double):
    x, scale, bias = drawn(random, (4, 5, 3, 2), 2)
    g = random.normal(size=x.shape)
    theirs = [torch.tensor(np.array(a), requires_grad=True) for a in (np.moveaxis(x, -1, 1), scale, bias)]
    y = torch.nn.functional.batch_norm(theirs[0], None, None, theirs[1], theirs[2], training=True, eps=1e-5)
    y.backward(torch.tensor(np.moveaxis(g, -1, 1).copy()))
    ours, mean, variance = F.batch_norm(x, scale, bias, epsilon=1e-5)
    np.testing.assert_allclose(np.moveaxis(ours, -1, 1), y.detach(), rtol=1e-10, atol=1e-12)
    zero = jnp.zeros(2)
    x_bar, scale_bar, bias_bar = F.batch_norm_vjp((jnp.asarray(g), zero, zero), x, scale, bias, epsilon=1e-5)
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs[0].grad, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scale_bar, theirs[1].grad, rtol=1e-10)
    np.testing.assert_allclose(bias_bar, theirs[2].grad, rtol=1e-10)


def test_the_statistics_are_the_batchs_own_and_biased(random, double):
    x, scale, bias = drawn(random, (7, 3), 3)
    _, mean, variance = F.batch_norm(x, scale, bias)
    np.testing.assert_allclose(mean, np.mean(x, axis=0), rtol=1e-13)
    np.testing.assert_allclose(variance, np.var(x, axis=0), rtol=1e-13)


def test_the_variance_keeps_its_digits_far_from_zero():
    x = 10_000 + jnp.array([[0.0], [1.0], [2.0], [3.0]])
    np.testing.assert_allclose(F.batch_norm(x, jnp.ones(1), jnp.zeros(1))[2], [1.25], rtol=1e-4)


def test_what_comes_out_has_the_mean_and_deviation_that_were_asked_for(random, double):
    x, scale, bias = drawn(random, (50, 3), 3)
    y, _, _ = F.batch_norm(5 * x + 2, scale, bias, epsilon=0.0)
    np.testing.assert_allclose(y.mean(axis=0), bias, rtol=1e-10)
    np.testing.assert_allclose(y.std(axis=0), abs(scale), rtol=1e-10)


def test_of_one_example_the_output_is_the_bias_and_the_gradient_zero(random):
    scale, bias = jnp.array([2.0, 3.0]), jnp.array([-1.0, 5.0])
    x = jnp.array([[4.0, -6.0]])
    y, _, _ = F.batch_norm(x, scale, bias)
    assert y.tolist() == [[-1.0, 5.0]]
    g = jnp.array([[1.0, -2.0]]), jnp.zeros(2), jnp.zeros(2)
    assert F.batch_norm_vjp(g, x, scale, bias)[0].tolist() == [[0.0, 0.0]]


def test_a_scale_that_would_broadcast_is_refused(unchecked):
    with pytest.raises(
        ValueError, match=r"scale must have the shape \(features,\) with features = 3, but was given as \(1,\)"
    ):
        unchecked(F.batch_norm)(jnp.zeros((4, 2, 3)), jnp.ones(1), jnp.zeros(3))


def test_it_forgets_the_scale_of_its_inputs_and_so_does_the_gradient(random, double):
    x, scale, bias = drawn(random, (9, 3), 3)
    g = jnp.asarray(random.normal(size=(9, 3)))
    f = lambda x: F.batch_norm(x, scale, bias, epsilon=0.0)[0]
    y, pull = jax.vjp(f, x)
    y_10, pull_10 = jax.vjp(f, 10 * x)
    np.testing.assert_allclose(y_10, y, rtol=1e-10)
    np.testing.assert_allclose(pull_10(g)[0], pull(g)[0] / 10, rtol=1e-9)
