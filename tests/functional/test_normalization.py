import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


def drawn(random, shape, features):
    return [
        jnp.asarray(a) for a in (random.normal(size=shape), random.normal(size=features), random.normal(size=features))
    ]


def test_batch_norm_equals_pytorch_with_gradients_on_images(torch, random, double):
    x, scale, bias = drawn(random, (4, 5, 3, 2), 2)
    g = random.normal(size=x.shape)
    theirs = [torch.tensor(np.array(a), requires_grad=True) for a in (np.moveaxis(x, -1, 1), scale, bias)]
    y = torch.nn.functional.batch_norm(theirs[0], None, None, theirs[1], theirs[2], training=True, eps=1e-5)
    y.backward(torch.tensor(np.moveaxis(g, -1, 1).copy()))
    ours, mean, variance = run(F.batch_norm, x, scale, bias, epsilon=1e-5)
    np.testing.assert_allclose(np.moveaxis(ours, -1, 1), y.detach(), rtol=1e-10, atol=1e-12)
    zero = jnp.zeros(2)
    x_bar, scale_bar, bias_bar = run(F.batch_norm_vjp, (jnp.asarray(g), zero, zero), x, scale, bias, epsilon=1e-5)
    np.testing.assert_allclose(np.moveaxis(x_bar, -1, 1), theirs[0].grad, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(scale_bar, theirs[1].grad, rtol=1e-10)
    np.testing.assert_allclose(bias_bar, theirs[2].grad, rtol=1e-10)


def test_the_statistics_are_the_mean_and_the_biased_variance_of_the_batch(random, double):
    x, scale, bias = drawn(random, (7, 3), 3)
    _, mean, variance = run(F.batch_norm, x, scale, bias)
    np.testing.assert_allclose(mean, np.mean(x, axis=0), rtol=1e-13)
    np.testing.assert_allclose(variance, np.var(x, axis=0), rtol=1e-13)


def test_the_variance_is_accurate_for_a_large_mean():
    x = 10_000 + jnp.array([[0.0], [1.0], [2.0], [3.0]])
    np.testing.assert_allclose(run(F.batch_norm, x, np.ones(1), np.zeros(1))[2], [1.25], rtol=1e-4)


def test_the_outputs_have_the_given_mean_and_standard_deviation(random, double):
    x, scale, bias = drawn(random, (50, 3), 3)
    y, _, _ = run(F.batch_norm, 5 * x + 2, scale, bias, epsilon=0.0)
    np.testing.assert_allclose(y.mean(axis=0), bias, rtol=1e-10)
    np.testing.assert_allclose(y.std(axis=0), abs(scale), rtol=1e-10)


def test_with_batch_size_one_the_output_is_the_bias_and_the_gradient_zero(random):
    scale, bias = jnp.array([2.0, 3.0]), jnp.array([-1.0, 5.0])
    x = jnp.array([[4.0, -6.0]])
    y, _, _ = run(F.batch_norm, x, scale, bias)
    assert y.tolist() == [[-1.0, 5.0]]
    g = jnp.array([[1.0, -2.0]]), jnp.zeros(2), jnp.zeros(2)
    assert run(F.batch_norm_vjp, g, x, scale, bias)[0].tolist() == [[0.0, 0.0]]


def test_a_scale_of_wrong_shape_raises(unchecked):
    with pytest.raises(ValueError, match=r"scale must have the shape \(features,\) with features = 3, got \(1,\)"):
        unchecked(F.batch_norm)(jnp.zeros((4, 2, 3)), jnp.ones(1), jnp.zeros(3))


def test_batch_norm_is_invariant_to_the_scale_of_its_inputs(random, double):
    x, scale, bias = drawn(random, (9, 3), 3)
    g = jnp.asarray(random.normal(size=(9, 3)))
    f = lambda x: F.batch_norm(x, scale, bias, epsilon=0.0)[0]
    y, pull = jax.vjp(f, x)
    y_10, pull_10 = jax.vjp(f, 10 * x)
    np.testing.assert_allclose(y_10, y, rtol=1e-10)
    np.testing.assert_allclose(pull_10(g)[0], pull(g)[0] / 10, rtol=1e-9)


@pytest.mark.parametrize(("shape", "epsilon"), [((5, 3), 1e-5), ((1, 3), 0.5), ((2, 3, 4, 5), 1e-3)])
def test_inference_equals_pytorch_with_gradients(torch, random, double, shape, epsilon):
    features = shape[-1]
    x, scale, bias = drawn(random, shape, features)
    mean, variance = random.normal(size=features), random.uniform(0.2, 2, size=features)
    leaves = [torch.tensor(np.array(a), requires_grad=True) for a in (x, scale, bias)]
    statistics = torch.tensor(mean), torch.tensor(variance)
    y = torch.nn.functional.batch_norm(leaves[0].movedim(-1, 1), *statistics, *leaves[1:], training=False, eps=epsilon)
    g = random.normal(size=shape)
    y.movedim(1, -1).backward(torch.tensor(g))
    ours = x, scale, bias, jnp.asarray(mean), jnp.asarray(variance)
    np.testing.assert_allclose(
        run(F.batch_norm_inference, *ours, epsilon=epsilon), y.movedim(1, -1).detach(), rtol=1e-11
    )
    pulled = run(F.batch_norm_inference_vjp, jnp.asarray(g), *ours, epsilon=epsilon)
    for mine, leaf in zip(pulled[:3], leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-11, atol=1e-13)


def test_inference_with_the_statistics_of_the_batch_equals_training(random, double):
    x, scale, bias = drawn(random, (7, 3), 3)
    y, mean, variance = run(F.batch_norm, x, scale, bias, epsilon=0.1)
    np.testing.assert_allclose(run(F.batch_norm_inference, x, scale, bias, mean, variance, epsilon=0.1), y, rtol=1e-12)


def test_the_gradient_in_training_adds_the_path_through_the_statistics(random, double):
    x, scale, bias = drawn(random, (7, 3), 3)
    g = jnp.asarray(random.normal(size=(7, 3)))
    _, mean, variance = run(F.batch_norm, x, scale, bias)
    x_bar, scale_bar, bias_bar, *of_statistics = run(F.batch_norm_inference_vjp, g, x, scale, bias, mean, variance)
    through_statistics, _, _ = run(F.batch_norm_vjp, (np.zeros((7, 3)), *of_statistics), x, scale, bias)
    whole = run(F.batch_norm_vjp, (g, np.zeros(3), np.zeros(3)), x, scale, bias)
    np.testing.assert_allclose(x_bar + through_statistics, whole[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(scale_bar, whole[1], rtol=1e-12)
    np.testing.assert_allclose(bias_bar, whole[2], rtol=1e-12)


def test_examples_are_independent_in_inference(random):
    x, *others = (jnp.asarray(a, jnp.float32) for a in (random.normal(size=(4, 3)), *random.uniform(1, 2, (4, 3))))
    alone = [run(F.batch_norm_inference, row[None], *others)[0] for row in x]
    assert np.array_equal(run(F.batch_norm_inference, x, *others), np.stack(alone))


def test_the_running_variance_of_pytorch_is_the_unbiased_one(torch, random, double):
    x, scale, bias = drawn(random, (6, 3), 3)
    theirs = torch.nn.BatchNorm1d(3, momentum=1.0, dtype=torch.float64)
    theirs(torch.tensor(np.array(x)))
    np.testing.assert_allclose(run(F.batch_norm, x, scale, bias)[2] * 6 / 5, theirs.running_var, rtol=1e-12)


def test_the_running_variance_of_flax_is_the_biased_one(random):
    x = jnp.asarray(random.normal(size=(6, 3)), jnp.float32)
    layer = nn.BatchNorm(use_running_average=False, momentum=0.0, epsilon=1e-5, use_fast_variance=False)
    y, variables = layer.init_with_output(jax.random.key(0), x)
    ours, mean, variance = run(F.batch_norm, x, np.ones(3), np.zeros(3))
    np.testing.assert_allclose(ours, y, rtol=1e-5, atol=1e-6)
    _, updated = layer.apply(variables, x, mutable="batch_stats")
    np.testing.assert_allclose(mean, updated["batch_stats"]["mean"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, updated["batch_stats"]["var"], rtol=1e-5)


def test_a_small_negative_epsilon_gives_nan():
    x, one = jnp.array([[1.0], [2.0], [4.0]]), jnp.ones(1)
    y, pull = jax.vjp(jax.jit(lambda x: F.batch_norm(x, one, one, epsilon=-1e-6)[0]), x)
    assert np.isnan(y).all()
    assert np.isnan(pull(x)[0]).all()
    y, pull = jax.vjp(jax.jit(lambda x: F.batch_norm_inference(x, one, one, one, one, epsilon=-1e-6)), x)
    assert np.isnan(y).all()
    assert np.isnan(pull(x)[0]).all()


def test_epsilon_can_be_traced_and_of_another_precision(random, double):
    x, scale, bias = drawn(random, (5, 3), 3)
    mapped = jax.jit(jax.vmap(lambda epsilon: F.batch_norm(x, scale, bias, epsilon=epsilon)[0]))(
        jnp.float32([0.25, 0.5])
    )
    np.testing.assert_allclose(mapped[1], run(F.batch_norm, x, scale, bias, epsilon=0.5)[0], rtol=1e-13)
    assert mapped.dtype == jnp.float64


@pytest.mark.parametrize("place", [1, 2, 3, 4])
def test_parameters_and_statistics_of_wrong_shape_raise(unchecked, place):
    shapes = [(4, 2, 3), (3,), (3,), (3,), (3,)]
    shapes[place] = (1,)
    name = ("x", "scale", "bias", "mean", "variance")[place]
    with pytest.raises(ValueError, match=rf"{name} must have the shape \(features,\) with features = 3, got"):
        unchecked(F.batch_norm_inference)(*map(jnp.zeros, shapes))


def test_large_signals_give_finite_values_and_gradients():
    x = jnp.array([[-1e4], [1e4], [0.0]])
    values, pull = jax.vjp(jax.jit(F.batch_norm), x, jnp.ones(1), jnp.zeros(1))
    pulled = pull(jax.tree.map(jnp.ones_like, values)), run(F.batch_norm_vjp, values, x, np.ones(1), np.zeros(1))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((values, pulled)))


def test_second_derivatives_are_finite(random, double):
    x, scale, bias = drawn(random, (3, 2), 2)
    g = jnp.asarray(random.normal(size=(3, 2)))
    training = lambda *arguments: (g * F.batch_norm(*arguments)[0]).sum()
    inference = lambda *arguments: (g * F.batch_norm_inference(*arguments)).sum()
    blocks = jax.jit(jax.hessian(training, argnums=(0, 1, 2)))(x, scale, bias)
    blocks += jax.jit(jax.hessian(inference, argnums=(0, 1, 2, 3, 4)))(x, scale, bias, bias, scale**2)
    assert all(np.isfinite(block).all() for block in jax.tree.leaves(blocks))


@pytest.mark.parametrize("batch", [0, 4])
def test_batch_norm_of_zero_features_is_empty_with_its_gradients(batch):
    x, empty = jnp.zeros((batch, 0)), jnp.zeros(0)
    arguments = x, empty, empty
    y, pulled = jax.eval_shape(lambda *a: (F.batch_norm(*a), F.batch_norm_vjp(a, *a)), *arguments)
    assert [part.shape for part in y] == [part.shape for part in pulled] == [(batch, 0), (0,), (0,)]
