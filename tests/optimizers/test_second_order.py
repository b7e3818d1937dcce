import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import hessian_vector_product, lbfgs
from tests.trajectories import PARAMS, assert_close, loss, trajectory


def test_a_hessian_vector_product_equals_the_product_with_the_full_hessian(double, random):
    params = jax.tree.map(jnp.asarray, PARAMS)
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    vector = random.normal(size=flat.shape)

    @jax.jit
    def both(params, flat, vector):
        hessian = jax.hessian(lambda w: loss(unflatten(w)))(flat)
        return hessian_vector_product(loss, params, unflatten(vector)), hessian

    product, hessian = both(params, flat, vector)
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(product)[0], np.asarray(hessian) @ vector, rtol=1e-12)
    of_fourth_powers = lambda v: hessian_vector_product(lambda w: (w**4).sum(), jnp.ones(3), v)
    np.testing.assert_allclose(jax.jit(jax.vmap(of_fourth_powers))(np.eye(3)), 12 * np.eye(3))


@pytest.mark.parametrize(("ours", "optaxs"), [(lbfgs(), optax.lbfgs()), (lbfgs(memory=2), optax.lbfgs(memory_size=2))])
def test_twelve_steps_equal_optax(ours, optaxs, double):
    assert_close(*jax.jit(lambda params: [trajectory(each, params=params) for each in (ours, optaxs)])(PARAMS), 1e-12)


def on_rosenbrock(optimizer, steps):
    rosenbrock = lambda params: 100 * (params["w"][1] - params["w"][0] ** 2) ** 2 + (1 - params["w"][0]) ** 2
    return trajectory(optimizer, steps, params={"w": np.array([-1.2, 1.0])}, loss=rosenbrock)["w"]


def test_lbfgs_finds_the_minimum_of_the_rosenbrock_function(double):
    np.testing.assert_allclose(on_rosenbrock(lbfgs(), 60)[-1], [1, 1], rtol=1e-8)


def test_a_line_search_takes_at_most_the_given_number_of_steps(double):
    search = optax.scale_by_zoom_linesearch(2, initial_guess_strategy="one")
    ours, optaxs = lbfgs(line_search_steps=2), optax.lbfgs(linesearch=search)
    np.testing.assert_allclose(on_rosenbrock(ours, 10), on_rosenbrock(optaxs, 10), rtol=1e-9)


@pytest.mark.parametrize("given", [{"value": 1.0}, {"value_fn": loss}])
def test_a_missing_loss_raises(given):
    optimizer = lbfgs()
    with pytest.raises(ValueError, match=r"lbfgs needs the loss: call update\(gradient, state, params, value=loss"):
        optimizer.update(PARAMS, optimizer.init(jax.tree.map(jnp.asarray, PARAMS)), PARAMS, **given)
