import jax
import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import backward, cost, count_multiply_adds, count_operations, forward, inner_jaxprs, layer
from tests.backpropagation.linear_chains import linear_chain

X, WEIGHTS, BIAS = jnp.ones((7, 16)), jnp.ones((16, 10)), jnp.ones(10)


@pytest.mark.parametrize(
    ("f", "arguments"),
    [
        (F.dense, (X, WEIGHTS, BIAS)),
        (F.dense_vjp, (jnp.ones((7, 10)), X, WEIGHTS, BIAS)),
        (F.squared_error, (X, X)),
        (
            lambda x, k: jax.lax.conv_general_dilated(
                x, k, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
            ),
            (jnp.ones((2, 6, 5, 3)), jnp.ones((3, 2, 3, 4))),
        ),
    ],
    ids=["dense", "dense_vjp", "squared_error", "convolution"],
)
def test_count_equals_the_compilers(f, arguments):
    assert count_operations(f, *arguments) == jax.jit(f).lower(*arguments).cost_analysis()["flops"]


def test_count_of_a_reverse_pass_is_within_one_percent_of_the_compilers(random):
    """The compiler counts some comparisons and selections differently, and exponentials separately."""
    network = (layer(F.dense), layer(F.relu), layer(F.dense), layer(F.relu), layer(F.dense), layer(F.squared_error))
    (w1, w2, w3), batch = linear_chain(random, [20, 30, 30, 10], examples=5)[1:]
    params = (w1, (), w2, (), w3)

    def reverse_pass(params):
        losses, tape = forward(network, (*params, batch[1:]), batch[0])
        return backward(network, tape, jnp.ones_like(losses))

    # the compiler removes computations whose results are not returned, so everything is returned here
    compilers = jax.jit(reverse_pass).lower(params).cost_analysis()["flops"]
    assert count_operations(reverse_pass, params) == pytest.approx(compilers, rel=0.01)
    assert cost(network, params, batch).reverse == count_operations(reverse_pass, params)


def test_scan_counts_every_iteration_and_cond_its_most_expensive_branch():
    assert count_operations(lambda x: jax.lax.scan(lambda c, r: (c + r, None), x[0], x)[0], jnp.ones((9, 4))) == 36
    cube_or = lambda cheap: count_operations(lambda x: jax.lax.cond(True, lambda x: x * x * x, cheap, x), jnp.ones(5))
    assert cube_or(lambda x: x) == cube_or(lambda x: x * x) == 10


def test_reduction_of_k_numbers_counts_k_minus_one():
    for reduce in (jnp.sum, jnp.prod, jnp.max, jnp.min):
        assert count_operations(reduce, jnp.ones(9)) == 8
    assert count_operations(lambda x: x.at[jnp.array([0, 1])].add(jnp.ones(2)), jnp.ones(50)) < 20
    assert count_operations(lambda x: x[jnp.array([0, 1])], jnp.ones(50)) < 20


def test_multiply_adds_are_those_of_matrix_products_inside_loops_too():
    loop = jax.make_jaxpr(lambda x, w: jax.lax.scan(lambda c, _: (jnp.tanh(c @ w), None), x, length=3)[0])
    (scan,) = [e for e in loop(X, jnp.ones((16, 16))).jaxpr.eqns if e.primitive.name == "scan"]
    assert count_multiply_adds(scan) == 0
    (body,) = inner_jaxprs(scan)
    assert sum(map(count_multiply_adds, body.eqns)) == 7 * 16 * 16
