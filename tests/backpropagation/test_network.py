import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Float, Float64, Key

import jaxdl.functional as F
from jaxdl.backpropagation import Layer, Residual, forward, layer

DENSE, RELU = layer(F.dense), layer(F.relu)
WEIGHTS, BIAS, INPUTS = jnp.zeros((3, 4)), jnp.zeros(4), jnp.ones((6, 3))


def test_layer_finds_the_vjp_in_the_module_of_the_function():
    assert layer(F.softmax, {"temperature": 2.0}) == Layer(F.softmax, F.softmax_vjp, {"temperature": 2.0})


def test_layer_without_a_vjp_raises():
    with pytest.raises(ValueError, match=r"^sin has no VJP: its module jax[.a-z_]* defines no sin_vjp. Define it"):
        layer(jnp.sin)


def test_missing_tuple_of_arguments_raises():
    with pytest.raises(ValueError, match=r"^arguments must hold one tuple for each of the 2 layers, got 1"):
        forward((DENSE, RELU), ((jnp.zeros((2, 3)), jnp.zeros(3)),), jnp.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"^arguments\[0\] must hold one tuple for each of the 2 layers, got 1"):
        forward((Residual((RELU, DENSE)),), (((),),), INPUTS)


def test_function_in_place_of_a_layer_raises():
    with pytest.raises(ValueError, match=r"^network\[0\].layers\[1\] must be a Layer or a Residual, got <function"):
        forward((Residual((RELU, F.dense)),), (((), (WEIGHTS, BIAS)),), INPUTS)


def test_input_is_the_first_argument_unless_all_annotations_state_a_dtype(double):
    def unannotated_input(x: jax.Array, w: Float[jax.Array, "features"]):
        return x**2 * w

    def float64_input(x: Float64[jax.Array, "*shape"], w: Float[jax.Array, "features"]):
        return x**2 * w

    def input_after_key(key: Key[jax.Array, ""], x: Float64[jax.Array, "*shape"]):
        return 2 * x

    for f in (unannotated_input, float64_input):
        output, _ = forward((Layer(f, None),), ((jnp.array([1.0, 2.0, 3.0]),),), jnp.full(3, 2.0))
        np.testing.assert_array_equal(output, [4, 8, 12])
    outputs, _ = forward((Layer(input_after_key, None),), ((jax.random.key(0),),), jnp.ones(2))
    assert outputs.tolist() == [2, 2]
