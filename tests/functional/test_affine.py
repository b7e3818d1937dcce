import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def test_dense_of_small_integers_is_what_paper_and_pencil_give():
    x, weights, bias = (
        jnp.array([[1.0, 2.0]]),
        jnp.array([[3.0, 4.0, 5.0], [6.0, 7.0, 8.0]]),
        jnp.array([0.5, 0.0, -1.0]),
    )
    assert F.dense(x, weights, bias).tolist() == [[15.5, 18.0, 20.0]]


def test_dense_vjp_of_small_integers_is_what_paper_and_pencil_give():
    x, weights, bias = jnp.array([[1.0, 2.0], [0.0, 1.0]]), jnp.array([[3.0], [6.0]]), jnp.zeros(1)
    x_bar, weights_bar, bias_bar = F.dense_vjp(jnp.array([[1.0], [10.0]]), x, weights, bias)
    assert x_bar.tolist() == [[3.0, 6.0], [30.0, 60.0]]
    assert weights_bar.tolist() == [[1.0], [12.0]]
    assert bias_bar.tolist() == [11.0]


def test_float32_products_are_not_rounded_further(random):
    x = random.normal(size=(5, 4)).astype(np.float32)
    product = F.dense(jnp.asarray(x), jnp.asarray(x.T), jnp.zeros(5))
    np.testing.assert_allclose(product, np.float64(x) @ np.float64(x.T), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("weights", "bias"), [((3, 1), (4,)), ((3, 4), (1,)), ((3, 4), (2, 4)), ((4, 3), (4,))])
def test_what_would_broadcast_or_not_fit_is_refused(unchecked, weights, bias):
    with pytest.raises(ValueError, match=r"(weights|bias) must have the shape .* but was given as"):
        unchecked(F.dense)(jnp.zeros((2, 3)), jnp.zeros(weights), jnp.zeros(bias))


def test_dense_is_the_linear_layer_of_pytorch(torch, random, double):
    x, weights, bias = random.normal(size=(5, 4)), random.normal(size=(4, 3)), random.normal(size=3)
    theirs = torch.nn.functional.linear(*map(torch.tensor, (x, weights.T, bias)))
    np.testing.assert_allclose(F.dense(*map(jnp.asarray, (x, weights, bias))), theirs, rtol=1e-13)
