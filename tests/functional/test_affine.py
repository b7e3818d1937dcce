import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


def test_dense_equals_a_calculation_by_hand():
    x, weights, bias = (
        jnp.array([[1.0, 2.0]]),
        jnp.array([[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]),
        jnp.array([0.5, 0.0, -1.0]),
    )
    assert run(F.dense, x, weights, bias).tolist() == [[15.5, 18.0, 20.0]]


def test_dense_vjp_equals_a_calculation_by_hand():
    x, weights, bias = jnp.array([[1.0, 2.0], [0.0, 1.0]]), jnp.array([[3.0], [6.0]]), jnp.zeros(1)
    x_bar, weights_bar, bias_bar = run(F.dense_vjp, jnp.array([[1.0], [10.0]]), x, weights, bias)
    assert x_bar.tolist() == [[3.0, 6.0], [30.0, 60.0]]
    assert weights_bar.tolist() == [[1.0], [12.0]]
    assert bias_bar.tolist() == [11.0]


def test_float32_products_are_computed_in_full_precision(random):
    x = random.normal(size=(5, 4)).astype(np.float32)
    product = run(F.dense, jnp.asarray(x), jnp.asarray(x.T), np.zeros(5))
    np.testing.assert_allclose(product, np.float64(x) @ np.float64(x.T), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("weights", "bias"), [((3, 1), (4,)), ((3, 4), (1,)), ((3, 4), (2, 4)), ((4, 3), (4,))])
def test_dense_raises_for_wrong_shapes_instead_of_broadcasting(unchecked, weights, bias):
    with pytest.raises(ValueError, match=r"(weights|bias) must have the shape .* got"):
        unchecked(F.dense)(jnp.zeros((2, 3)), jnp.zeros(weights), jnp.zeros(bias))


def test_dense_equals_the_linear_layer_of_pytorch(torch, random, double):
    x, weights, bias = random.normal(size=(5, 4)), random.normal(size=(4, 3)), random.normal(size=3)
    theirs = torch.nn.functional.linear(*map(torch.tensor, (x, weights.T, bias)))
    np.testing.assert_allclose(run(F.dense, *map(jnp.asarray, (x, weights, bias))), theirs, rtol=1e-13)


def assert_equals_pytorch(torch, random, f, theirs, *arrays):
    """Assert that the values and hand-derived gradients of f equal those of a PyTorch function."""
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    expected = theirs(*leaves)
    g = random.normal(size=tuple(expected.shape))
    expected.backward(torch.tensor(g))
    ours = [jnp.asarray(array) for array in arrays]
    np.testing.assert_allclose(f(*ours), expected.detach(), rtol=1e-11, atol=1e-12)
    for mine, leaf in zip(getattr(F, f"{f.__name__}_vjp")(jnp.asarray(g), *ours), leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("batch", [5, 1])
def test_dense_and_bilinear_equal_pytorch_with_all_gradients(torch, random, double, batch):
    linear, bilinear = torch.nn.functional.linear, torch.nn.functional.bilinear
    x, y = random.normal(size=(batch, 4)), random.normal(size=(batch, 3))
    dense = x, random.normal(size=(4, 2)), random.normal(size=2)
    assert_equals_pytorch(torch, random, F.dense, lambda x, weights, bias: linear(x, weights.T, bias), *dense)
    products = x, y, random.normal(size=(4, 3, 2)), random.normal(size=2)
    theirs = lambda x, y, weights, bias: bilinear(x, y, weights.movedim(-1, 0), bias)
    assert_equals_pytorch(torch, random, F.bilinear, theirs, *products)


def test_dense_equals_a_loop_over_neurons(random, double):
    x, weights, bias = random.normal(size=(5, 4)), random.normal(size=(4, 3)), random.normal(size=3)
    y = np.zeros((5, 3))
    for example in range(5):
        for neuron in range(3):
            total = bias[neuron]
            for signal, weight in zip(x[example], weights[:, neuron], strict=True):
                total += signal * weight
            y[example, neuron] = total
    np.testing.assert_allclose(run(F.dense, *map(jnp.asarray, (x, weights, bias))), y, rtol=1e-13)


def test_dense_vjp_equals_a_loop_over_neurons_and_examples(random, double):
    x, weights, bias = random.normal(size=(5, 4)), random.normal(size=(4, 3)), random.normal(size=3)
    g = random.normal(size=(5, 3))
    x_bar, weights_bar, bias_bar = np.zeros((5, 4)), np.zeros((4, 3)), np.zeros(3)
    for example in range(5):
        for neuron in range(3):
            bias_bar[neuron] += g[example, neuron]
            for i in range(4):
                x_bar[example, i] += g[example, neuron] * weights[i, neuron]
                weights_bar[i, neuron] += g[example, neuron] * x[example, i]
    ours = run(F.dense_vjp, *map(jnp.asarray, (g, x, weights, bias)))
    for mine, looped in zip(ours, (x_bar, weights_bar, bias_bar), strict=True):
        np.testing.assert_allclose(mine, looped, rtol=1e-12, atol=1e-13)


def test_two_dense_layers_equal_two_loops(random, double):
    x, first, second = random.normal(size=(2, 3)), random.normal(size=(3, 4)), random.normal(size=(4, 2))
    hidden = [[sum(x[n, i] * first[i, h] for i in range(3)) for h in range(4)] for n in range(2)]
    looped = [[sum(hidden[n][h] * second[h, o] for h in range(4)) for o in range(2)] for n in range(2)]
    x, first, second = map(jnp.asarray, (x, first, second))
    y = run(F.dense, run(F.dense, x, first, np.zeros(4)), second, np.zeros(2))
    np.testing.assert_allclose(y, looped, rtol=1e-12, atol=1e-13)


def test_bilinear_and_its_gradients_equal_a_calculation_by_hand():
    x, y = jnp.array([[1.0, 2.0]]), jnp.array([[3.0, -1.0, 1.0]])
    weights = jnp.array([[[1.0], [0.0], [2.0]], [[0.0], [1.0], [-1.0]]])
    assert run(F.bilinear, x, y, weights, jnp.array([10.0])).tolist() == [[11.0]]  # 3 + 2 - 2 - 2 + 10
    x_bar, y_bar, weights_bar, bias_bar = run(F.bilinear_vjp, jnp.array([[2.0]]), x, y, weights, jnp.array([10.0]))
    assert x_bar.tolist() == [[10.0, -4.0]]
    assert y_bar.tolist() == [[2.0, 4.0, 0.0]]
    assert weights_bar[:, :, 0].tolist() == [[6.0, -2.0, 2.0], [12.0, -4.0, 4.0]]
    assert bias_bar.tolist() == [2.0]


def test_bilinear_with_one_input_fixed_is_dense_in_the_other(random, double):
    x, weights, bias = (jnp.asarray(random.normal(size=shape)) for shape in [(5, 4), (4, 3, 2), (2,)])
    y = jnp.asarray(random.normal(size=3))
    held = run(F.bilinear, x, jnp.broadcast_to(y, (5, 3)), weights, bias)
    np.testing.assert_allclose(held, run(F.dense, x, jnp.einsum("ijo,j->io", weights, y), bias), rtol=1e-12)


@pytest.mark.parametrize("wrong", [{"y": (3, 3)}, {"y": (1, 3)}, {"weights": (3, 4, 2)}, {"bias": (1,)}])
def test_bilinear_names_the_argument_of_wrong_shape(unchecked, wrong):
    shapes = {"x": (2, 4), "y": (2, 3), "weights": (4, 3, 2), "bias": (2,)} | wrong
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must have the shape .* got"):
        unchecked(F.bilinear)(*(jnp.zeros(shape) for shape in shapes.values()))


def test_mixed_second_derivatives_of_bilinear_are_the_weights(random):
    x, y, weights = (jnp.asarray(random.normal(size=shape)) for shape in [(1, 2), (1, 3), (2, 3, 1)])
    f = lambda x, y: F.bilinear(x, y, weights, jnp.zeros(1))[0, 0]
    crossed = jax.jit(jax.hessian(f, argnums=(0, 1)))(x, y)[0][1]
    np.testing.assert_allclose(crossed[0, :, 0, :], weights[:, :, 0], rtol=1e-6)


def test_two_dense_layers_are_one(random, double):
    x, w1, w2, b1, b2 = (jnp.asarray(random.normal(size=s)) for s in [(5, 4), (4, 7), (7, 3), 7, 3])
    np.testing.assert_allclose(
        run(F.dense, run(F.dense, x, w1, b1), w2, b2), run(F.dense, x, w1 @ w2, b1 @ w2 + b2), rtol=1e-12
    )
