"""What stands before, after and around a rule."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from tests.optimizers.trajectories import PARAMS, loss, same, trajectory


def clipped(piece, gradient):
    return jax.jit(lambda gradient: piece.update(gradient, piece.init(gradient))[0])(gradient)


def test_clipping_by_value_turns_the_gradient_and_by_norm_does_not():
    gradient = {"w": jnp.array([[3.0, 0.3]]), "b": jnp.array([-4.0])}
    by_value = clipped(optimizers.clip_by_value(0.5), gradient)
    assert by_value["w"].tolist() == [[0.5, pytest.approx(0.3)]]
    assert by_value["b"].tolist() == [-0.5]
    size = np.sqrt(9 + 0.09 + 16)
    by_norm = clipped(optimizers.clip_by_norm(2.0), gradient)
    assert jax.tree.all(jax.tree.map(lambda g, c: np.allclose(c, np.asarray(g) * 2 / size), gradient, by_norm))
    assert jax.tree.all(jax.tree.map(np.array_equal, gradient, clipped(optimizers.clip_by_norm(6.0), gradient)))


def test_a_gradient_of_zero_and_one_that_overflows_in_half_precision_are_clipped():
    assert clipped(optimizers.clip_by_norm(1.0), {"w": jnp.zeros(3)})["w"].tolist() == [0, 0, 0]
    huge = clipped(optimizers.clip_by_norm(1.0), {"w": jnp.full(4, 6e4, jnp.float16)})["w"]
    assert huge.dtype == jnp.float16
    np.testing.assert_allclose(huge, 0.5, rtol=1e-3)


def test_inside_a_population_each_member_is_clipped_by_its_own_norm():
    gradients = jnp.array([[3.0, 4.0], [0.3, 0.4]])
    each = jax.vmap(lambda gradient: clipped(optimizers.clip_by_norm(1.0), gradient))(gradients)
    np.testing.assert_allclose(each, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


def test_the_proximal_step_solves_the_lasso_of_an_orthonormal_design_with_exact_zeros(double, random):
    design, _ = np.linalg.qr(random.normal(size=(20, 6)))
    target = random.normal(size=20)
    squares = lambda params: ((design @ params["w"] - target) ** 2).sum() / 2
    for strength in (0.1, 0.5, 1.0):
        rule = optax.chain(optimizers.sgd(0.3), optimizers.proximal_l1(0.3, strength=strength))
        found = trajectory(rule, steps=200, params={"w": np.ones(6)}, loss=squares)["w"][-1]
        ridgeless = design.T @ target
        expected = np.sign(ridgeless) * np.maximum(abs(ridgeless) - strength, 0)
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert ((found == 0) == (expected == 0)).all()


def test_the_proximal_step_follows_a_schedule_and_leaves_out_what_is_masked(double):
    schedule = lambda step: 0.1 / (1 + step)
    rule = optax.chain(
        optimizers.sgd(0.0), optimizers.proximal_l1(schedule, strength=2.0, mask=lambda p: {"w": True, "b": False})
    )
    path = trajectory(rule, steps=3)
    shrunk = np.cumsum([0.2, 0.1, 0.2 / 3])[:, None, None]
    expected = np.sign(PARAMS["w"]) * np.maximum(abs(PARAMS["w"]) - shrunk, 0)
    np.testing.assert_allclose(path["w"], expected, atol=1e-15)
    np.testing.assert_array_equal(path["b"], np.broadcast_to(PARAMS["b"], (3, 2)))


def test_each_group_has_its_rule(double):
    rules = {"slow": optimizers.sgd(0.001), "fast": optimizers.adam(0.1)}
    path = trajectory(optimizers.grouped(rules, lambda path: "fast" if path == "b" else "slow"), steps=1)
    path = jax.device_get(path)
    same({"w": path["w"], "b": PARAMS["b"]}, {"w": trajectory(rules["slow"], steps=1)["w"], "b": PARAMS["b"]}, 0)
    same({"b": path["b"], "w": 0}, {"b": trajectory(rules["fast"], steps=1)["b"], "w": 0}, 0)


def test_a_group_without_a_rule_and_a_rule_without_a_group_are_told():
    rules = {"slow": optimizers.sgd(0.1), "fast": optimizers.sgd(1.0)}
    with pytest.raises(ValueError, match=r"group_of must name one of fast, slow, but names 'head' for deep/b\."):
        optimizers.grouped(rules, lambda path: "head").init({"deep": PARAMS})
    with pytest.raises(ValueError, match=r"every rule must have parameters, but group_of names none for fast"):
        optimizers.grouped(rules, lambda path: "slow").init(PARAMS)


def test_weights_are_what_has_more_than_one_axis():
    model = models.convnet((4,), (5,), 3, norm=models.BatchNorm)
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 8, 8, 2), jnp.float32))
    flags = optimizers.weights(params)
    assert flags["Conv_0"] == {"kernel": True}
    assert flags["BatchNorm_0"] == {"scale": False, "bias": False}
    assert flags["Mlp_0"]["Dense_0"] == {"kernel": True, "bias": False}


def test_sharpness_aware_steps_take_the_gradient_uphill(double):
    gradient_at = lambda params: jax.device_get(jax.jit(jax.grad(loss))(params))
    gradient = gradient_at(PARAMS)
    size = np.sqrt(sum((g**2).sum() for g in jax.tree.leaves(gradient)))
    uphill = jax.tree.map(lambda w, g: w + 0.2 * g / size, PARAMS, gradient)
    expected = jax.tree.map(lambda w, g: w - 0.1 * g, PARAMS, gradient_at(uphill))
    path = trajectory(optimizers.sam(optimizers.sgd(0.1), radius=0.2), steps=1)
    same(jax.tree.map(lambda leaf: leaf[0], path), expected, 1e-12)
    by_default, named = (trajectory(optimizers.sam(optimizers.sgd(0.1), **of)) for of in ({}, {"radius": 0.05}))
    same(by_default, named, 0)  # the paper's radius


def test_where_the_gradient_is_zero_sharpness_aware_steps_stay():
    bowl = lambda params: (params["w"] ** 2).sum()  # of which the gradient is NaN at NaN
    path = trajectory(optimizers.sam(optimizers.sgd(0.1)), steps=2, params={"w": np.zeros(2)}, loss=bowl)
    assert path["w"].tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("rule", "given"),
    [
        (optimizers.sam(optimizers.sgd(0.1)), {}),
        (optimizers.sam(optimizers.sgd(0.1)), {"value": 1.0}),
        (optimizers.lbfgs(), {"value": 1.0}),
        (optimizers.lbfgs(), {"value_fn": loss}),
    ],
)
def test_a_rule_that_needs_the_loss_says_so(rule, given):
    with pytest.raises(ValueError, match=r"must be told the loss: call update\(gradient, state, params, value=loss"):
        rule.update(PARAMS, rule.init(jax.tree.map(jnp.asarray, PARAMS)), PARAMS, **given)


def test_a_hessian_vector_product_is_the_product_with_the_hessian(double, random):
    params = jax.tree.map(jnp.asarray, PARAMS)
    flat, unflatten = jax.flatten_util.ravel_pytree(params)
    hessian = jax.jit(jax.hessian(lambda w: loss(unflatten(w))))(flat)
    vector = random.normal(size=flat.shape)
    times = jax.jit(lambda params, v: optimizers.hessian_vector_product(loss, params, unflatten(v)))
    product = times(params, vector)
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(product)[0], np.asarray(hessian) @ vector, rtol=1e-12)
    of_fourth_powers = lambda v: optimizers.hessian_vector_product(lambda w: (w**4).sum(), jnp.ones(3), v)
    np.testing.assert_allclose(jax.jit(jax.vmap(of_fourth_powers))(np.eye(3)), 12 * np.eye(3))


def on_the_banana(rule, steps):
    banana = lambda params: 100 * (params["w"][1] - params["w"][0] ** 2) ** 2 + (1 - params["w"][0]) ** 2
    return trajectory(rule, steps, params={"w": np.array([-1.2, 1.0])}, loss=banana)["w"]


def test_lbfgs_finds_the_bottom_of_the_banana(double):
    np.testing.assert_allclose(on_the_banana(optimizers.lbfgs(), 60)[-1], [1, 1], rtol=1e-8)


def test_a_line_search_takes_no_more_steps_than_it_is_given(double):
    search = optax.scale_by_zoom_linesearch(2, initial_guess_strategy="one")
    ours, optaxs = optimizers.lbfgs(line_search_steps=2), optax.lbfgs(linesearch=search)
    np.testing.assert_allclose(on_the_banana(ours, 10), on_the_banana(optaxs, 10), rtol=1e-9)


def blobs():
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    inputs = random.normal(size=(60, 4)) + 2 * np.eye(3, 4)[labels]
    return data.from_arrays(inputs, labels)


@pytest.mark.parametrize(
    ("rule", "batch_size"),
    [
        (optimizers.lbfgs(), 60),
        (optimizers.sam(optimizers.sgd(0.3)), 20),
        (optax.chain(optimizers.sgd(0.3), optimizers.on_plateau(every=3, patience=2)), 20),
        (optax.lbfgs(), 60),
        (optax.polyak_sgd(0.3), 60),
    ],
)
def test_training_gives_a_rule_what_it_asks_for(rule, batch_size):
    model = models.mlp((), 3) if batch_size == 60 else models.mlp((8,), 3, dropout_rate=0.1)
    task = training.Task(model, training.supervised(model, F.cross_entropy), rule, batch_size)
    keys = jax.random.split(jax.random.key(0), 2)
    _, history = jax.jit(jax.vmap(lambda key: training.train(task, blobs(), key, epochs=12)))(keys)
    assert (history.loss[:, -1] < 0.5 * history.loss[:, 0]).all()
