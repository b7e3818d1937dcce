import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

import jaxdl.functional as F
from tests.functional.compiled import run


def test_squared_error_sums_over_the_outputs_of_each_example():
    assert F.squared_error(jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 4.0], [3.0, 4.0]])).tolist() == [
        5.0,
        1.0,
    ]


def test_gradient_of_targets_is_minus_that_of_predictions():
    y_bar, t_bar = F.squared_error_vjp(jnp.ones(1), jnp.array([[3.0]]), jnp.array([[1.0]]))
    assert (y_bar.tolist(), t_bar.tolist()) == ([[4.0]], [[-4.0]])


def test_small_error_of_large_numbers_keeps_its_digits():
    assert F.squared_error(jnp.array([[10001.0]]), jnp.array([[10000.0]])).tolist() == [1.0]


def test_gradient_descent_on_squared_error_solves_the_normal_equations(random, double):
    x, w_true = random.normal(size=(40, 3)), random.normal(size=(3, 1))
    y = x @ w_true + 0.1 * random.normal(size=(40, 1))
    x, y = jnp.asarray(x), jnp.asarray(y)

    def step(_, params):
        w, b = params
        g, _ = F.squared_error_vjp(jnp.full(40, 1 / 40), F.dense(x, w, b), y)
        _, w_bar, b_bar = F.dense_vjp(g, x, w, b)
        return w - 0.1 * w_bar, b - 0.1 * b_bar

    w, b = jax.lax.fori_loop(0, 2000, step, (jnp.zeros((3, 1)), jnp.zeros(1)))
    solution = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), y)[0]
    np.testing.assert_allclose(np.concatenate([w, b[None]]), solution, rtol=1e-10)


def test_column_and_row_raise_instead_of_broadcasting(unchecked):
    with pytest.raises(ValueError, match=r"targets must have the shape \(batch, outputs\).*, got \(4,\)"):
        unchecked(F.squared_error)(jnp.zeros((4, 1)), jnp.zeros(4))


def test_absolute_error_sums_over_the_outputs_of_each_example():
    assert F.absolute_error(jnp.array([[1.0, 2.0], [3.0, 5.0]]), jnp.array([[0.0, 4.0], [3.0, 4.0]])).tolist() == [3, 1]


def test_derivative_of_absolute_error_at_zero_is_zero_as_in_pytorch(torch):
    y, t = jnp.array([[2.0, -1.0, 3.0]]), jnp.array([[2.0, 1.0, 1.0]])
    assert F.absolute_error_vjp(jnp.ones(1), y, t)[0].tolist() == [[0, -1, 1]]
    assert jax.grad(lambda y: F.absolute_error(y, t).sum())(y).tolist() == [[0, -1, 1]]
    theirs = torch.tensor(np.array(y), requires_grad=True)
    torch.nn.functional.l1_loss(theirs, torch.tensor(np.array(t)), reduction="sum").backward()
    assert theirs.grad.tolist() == [[0, -1, 1]]


def test_median_minimizes_the_absolute_error(random):
    x = np.float32(random.normal(size=(9, 1)) ** 3)
    slope = jax.jit(lambda c: F.absolute_error_vjp(jnp.ones(9), jnp.full((9, 1), c), jnp.asarray(x))[0].sum())
    slopes = [slope(c) for c in (np.median(x), x.mean())]
    assert slopes[0] == 0
    assert slopes[1] != 0


def test_huber_is_quadratic_inside_and_linear_outside_without_a_jump():
    @jax.jit
    def with_slope(e):
        loss, pull = jax.vjp(lambda e: F.huber(e, jnp.zeros((5, 1)), delta=2.0), e)
        return loss, pull(jnp.ones(5))[0]

    loss, slope = with_slope(jnp.array([[0.0], [0.5], [2.0], [3.0], [-3.0]]))
    assert loss.tolist() == [0, 0.125, 2, 4, 4]
    assert slope.tolist() == [[0], [0.5], [2], [2], [-2]]


def test_second_derivative_of_huber_is_one_up_to_delta_and_zero_beyond():
    second = jax.vmap(jax.hessian(lambda e: F.huber(e[None, None], jnp.zeros((1, 1)))[0]))
    assert jax.jit(second)(jnp.array([0.0, 1.0, -1.0, 1.5])).tolist() == [1, 1, 1, 0]


def test_poisson_nll_is_the_negative_log_likelihood_up_to_a_constant(random, double):
    rates, counts = random.uniform(0.1, 5, (6, 3)), random.integers(0, 7, (6, 3))
    ours = run(F.poisson_nll, np.log(rates), 1.0 * counts)
    constant = scipy.special.gammaln(counts + 1).sum(1)
    np.testing.assert_allclose(ours + constant, -scipy.stats.poisson.logpmf(counts, rates).sum(1), rtol=1e-12)
    (gradient, _) = run(F.poisson_nll_vjp, np.ones(6), np.log(rates), 1.0 * counts)
    np.testing.assert_allclose(gradient, rates - counts, rtol=1e-12)


def test_a_negative_count_gives_nan_in_the_poisson_loss_and_its_gradients():
    z, counts = np.zeros((2, 2)), np.array([[0.0, 1.0], [2.0, -1.0]])
    assert np.isnan(run(F.poisson_nll, z, counts)).tolist() == [False, True]
    for gradient in run(F.poisson_nll_vjp, np.ones(2), z, counts):
        assert np.isnan(gradient).tolist() == [[False, False], [False, True]]
