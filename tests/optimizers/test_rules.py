"""The rules against closed forms, and against optax's own."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import optimizers
from tests.optimizers.trajectories import PARAMS, loss, same, trajectory

EVERY = {
    "sgd": lambda rate, d: optimizers.sgd(rate),
    "momentum": lambda rate, d: optimizers.momentum(rate, decay=d, dampening=1 - d),
    "nesterov": lambda rate, d: optimizers.nesterov(rate, decay=d),
    "adagrad": lambda rate, d: optimizers.adagrad(rate, eps=1 - d),
    "rmsprop": lambda rate, d: optimizers.rmsprop(rate, decay=d, momentum=d, eps=1 - d),
    "centered_rmsprop": lambda rate, d: optimizers.centered_rmsprop(rate, decay=d, momentum=d, eps=1 - d),
    "adadelta": lambda rate, d: optimizers.adadelta(rate, decay=d, eps=1 - d),
    "adam": lambda rate, d: optimizers.adam(rate, b1=d, b2=d, eps=1 - d),
    "adam_l2": lambda rate, d: optimizers.adam_l2(rate, b1=d, b2=d, strength=1 - d, mask=optimizers.weights),
    "adamw": lambda rate, d: optimizers.adamw(rate, b1=d, b2=d, weight_decay=1 - d, mask=optimizers.weights),
    "adamax": lambda rate, d: optimizers.adamax(rate, b1=d, b2=d, eps=1 - d),
    "nadam": lambda rate, d: optimizers.nadam(rate, b1=d, b2=d, eps=1 - d, momentum_decay=1 - d),
    "radam": lambda rate, d: optimizers.radam(rate, b1=d, b2=d, eps=1 - d),
    "amsgrad": lambda rate, d: optimizers.amsgrad(rate, b1=d, b2=d, eps=1 - d),
    "lion": lambda rate, d: optimizers.lion(rate, b1=d, b2=d, weight_decay=1 - d, mask=optimizers.weights),
    "muon": lambda rate, d: optimizers.muon(rate, decay=d, weight_decay=1 - d, adam_learning_rate=rate * d),
    "sam": lambda rate, d: optimizers.sam(optimizers.momentum(rate, decay=d), radius=1 - d),
    "clip_by_value": lambda rate, d: optax.chain(optimizers.clip_by_value(d), optimizers.sgd(rate)),
    "clip_by_norm": lambda rate, d: optax.chain(optimizers.clip_by_norm(d), optimizers.sgd(rate)),
    "proximal_l1": lambda rate, d: optax.chain(optimizers.sgd(rate), optimizers.proximal_l1(rate, strength=d)),
    "grouped": lambda rate, d: optimizers.grouped(
        {"w": optimizers.sgd(rate), "b": optimizers.adam(rate, b1=d)}, lambda path: path
    ),
    "lbfgs": lambda rate, d: optimizers.lbfgs(),
}


def test_no_rule_is_left_out():
    others = {"weights", "hessian_vector_product", "on_plateau"}  # these are no rules, and cannot be traced
    public = {name for name, thing in vars(optimizers).items() if callable(thing)}
    assert public - others == {*EVERY}


@pytest.mark.parametrize("name", EVERY)
def test_a_sweep_over_traced_settings_is_the_loop(name, double):
    rates, decays = jnp.array([0.01, 0.05]), jnp.array([0.9, 0.6])
    end = lambda rate, decay: jax.tree.map(lambda path: path[-1], trajectory(EVERY[name](rate, decay), steps=4))
    known = [(float(rate), float(decay)) for rate, decay in zip(rates, decays, strict=True)]
    swept, alone = jax.jit(lambda *traced: (jax.vmap(end)(*traced), [end(*member) for member in known]))(rates, decays)
    for member in range(2):
        same(jax.tree.map(lambda leaf: leaf[member], jax.device_get(swept)), alone[member], 1e-12)


@pytest.mark.parametrize("name", sorted({*EVERY} - {"lbfgs"}))
def test_parameters_and_memory_in_bfloat16_stay_so(name):
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), PARAMS)
    swept = jax.vmap(lambda rate, d: trajectory(EVERY[name](rate, d), params=params, steps=3))
    both = jax.jit(lambda *traced: (swept(*traced), trajectory(EVERY[name](0.01, 0.9), steps=3)))
    path, exact = jax.device_get(both(np.float32([0.01]), np.float32([0.9])))
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} == {jnp.bfloat16.dtype}
    for leaf in PARAMS:
        np.testing.assert_allclose(path[leaf][0].astype(float), exact[leaf], rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("ours", "alias"),
    [
        (optimizers.sgd(0.05), optax.sgd(0.05)),
        (optimizers.momentum(0.05), optax.sgd(0.05, momentum=0.9)),
        (optimizers.momentum(0.05, decay=0.8), optax.sgd(0.05, momentum=0.8)),
        (optimizers.nesterov(0.05, decay=0.8), optax.sgd(0.05, momentum=0.8, nesterov=True)),
        (optimizers.rmsprop(0.05, eps=1e-3), optax.rmsprop(0.05, decay=0.99, eps=1e-3, eps_in_sqrt=False)),
        (optimizers.adadelta(0.5), optax.adadelta(0.5)),
        (optimizers.adam(0.05, b1=0.8, b2=0.99, eps=1e-3), optax.adam(0.05, b1=0.8, b2=0.99, eps=1e-3)),
        (optimizers.adamw(0.05), optax.adamw(0.05)),
        (optimizers.adamw(0.05, weight_decay=0.1), optax.adamw(0.05, weight_decay=0.1)),
        (optimizers.adamax(0.05), optax.adamax(0.05)),
        (optimizers.nadam(0.05, momentum_decay=1e9), optax.nadam(0.05)),
        (optimizers.radam(0.05, eps=0.0, b2=0.9), optax.radam(0.05, eps=0.0, b2=0.9)),
        (optimizers.lion(0.05, weight_decay=0.1), optax.lion(0.05, weight_decay=0.1)),
        (optimizers.muon(0.05, weight_decay=0.1), optax.contrib.muon(0.05, weight_decay=0.1)),
        (optimizers.sgd(optax.linear_schedule(0.1, 0.0, 10)), optax.sgd(optax.linear_schedule(0.1, 0.0, 10))),
        (optimizers.muon(0.05, adam_learning_rate=0.2), optax.contrib.muon(0.05, adam_learning_rate=0.2)),
        (optimizers.lbfgs(), optax.lbfgs()),
        (optimizers.lbfgs(memory=2), optax.lbfgs(memory_size=2)),
    ],
)
def test_a_chain_is_optaxs_alias(ours, alias, double):
    same(*jax.jit(lambda params: [trajectory(rule, params=params) for rule in (ours, alias)])(PARAMS), 1e-12)


GRADIENT = jax.jit(jax.grad(loss))


def gradient_at(params):
    return jax.device_get(GRADIENT(params))


def first_step(rule):
    path = jax.jit(lambda params: trajectory(rule, 1, params))(PARAMS)
    return jax.tree.map(lambda path, start: np.asarray(path[0]) - start, path, PARAMS)


def test_adams_first_step_is_the_rate_times_the_sign_of_the_gradient(double):
    expected = jax.tree.map(lambda g: -0.05 * np.sign(g), gradient_at(PARAMS))
    same(first_step(optimizers.adam(0.05)), expected, 1e-6)


def test_adagrads_rate_falls_like_one_over_the_root_of_the_steps(double):
    path = trajectory(optimizers.adagrad(0.1), loss=lambda params: 7 * params["w"].sum() + params["b"].sum())
    steps = -jnp.diff(jnp.concatenate([jnp.asarray(PARAMS["w"])[None], path["w"]]), axis=0)
    np.testing.assert_allclose(
        steps, np.broadcast_to(0.1 / np.sqrt(np.arange(1, 13))[:, None, None], (12, 2, 3)), rtol=1e-9
    )


def test_lion_moves_every_parameter_by_the_rate(double):
    steps = first_step(optimizers.lion(0.05))
    assert all(np.allclose(np.abs(leaf), 0.05) for leaf in jax.tree.leaves(steps))


def test_muon_takes_all_directions_of_a_matrix_about_equally_far(double):
    step = first_step(optimizers.muon(1.0, nesterov=False))["w"] / np.sqrt(3 / 2)
    assert np.linalg.cond(gradient_at(PARAMS)["w"]) > 2
    singular = np.linalg.svd(step, compute_uv=False)
    assert (singular > 0.65).all()
    assert (singular < 1.25).all()


def test_a_gradient_that_hardly_changes_leaves_the_centered_step_finite():
    rule = optimizers.centered_rmsprop(1e-3, decay=0.9)
    path = trajectory(rule, steps=500, loss=lambda params: 0.1 * params["w"].sum() + 0 * params["b"].sum())
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(path))


def test_a_square_that_rounding_brings_below_zero_is_zero_in_the_centered_step():
    gradient = jnp.linspace(0.05, 1.0, 500)
    rule = optimizers.centered_rmsprop(1.0, decay=0.9, eps=1e-3)
    step = jax.jit(lambda state: rule.update(gradient, state, gradient))
    state = rule.init(gradient)
    for _ in range(300):
        updates, state = step(state)
    mean, square = map(np.asarray, state[0].moments)
    below = square - mean**2 < 0
    assert below.any()
    np.testing.assert_allclose(np.asarray(updates)[below], -np.asarray(gradient)[below] / 1e-3, rtol=1e-5)


def test_only_the_matrices_that_are_masked_decay_under_muon():
    params = {"w": jnp.asarray(PARAMS["w"]), "u": jnp.ones((2, 2))}
    rule = optimizers.muon(0.5, weight_decay=0.1, mask={"w": True, "u": False})
    updates, _ = jax.jit(lambda p: rule.update(jax.tree.map(jnp.zeros_like, p), rule.init(p), p))(params)
    np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-6)
    assert not updates["u"].any()


@pytest.mark.parametrize("rule", ["nadam", "radam", "amsgrad", "adagrad", "centered_rmsprop", "adam"])
def test_no_parameters_are_no_updates(rule):
    rule = getattr(optimizers, rule)(0.1)
    assert rule.update({}, rule.init({}), {})[0] == {}


def test_only_what_is_masked_decays():
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    for rule in (
        optimizers.adamw(0.5, weight_decay=0.1, mask=lambda params: {"w": True, "b": False}),
        optimizers.adamw(0.5, weight_decay=0.1, mask=optimizers.weights),
        optimizers.lion(0.5, weight_decay=0.1, mask=optimizers.weights),
        optimizers.muon(0.5, weight_decay=0.1, mask=optimizers.weights),
    ):
        updates, _ = rule.update(zero, rule.init(PARAMS), jax.tree.map(jnp.asarray, PARAMS))
        np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-6)
        assert not updates["b"].any()


def test_decay_is_not_a_penalty_inside_adam(double):
    plain, decay = first_step(optimizers.adam(0.05)), first_step(optimizers.adamw(0.05, weight_decay=0.1))
    same(jax.tree.map(np.subtract, decay, plain), jax.tree.map(lambda w: -0.05 * 0.1 * w, PARAMS), 1e-12)
    penalty = first_step(optimizers.adam_l2(0.05, strength=0.1))  # its first step is the sign, with or without
    same(penalty, jax.tree.map(lambda g, w: -0.05 * np.sign(g + 0.1 * w), gradient_at(PARAMS), PARAMS), 1e-6)


@pytest.mark.parametrize("rate", [0.49, 0.51])
def test_gradient_descent_on_a_quadratic_converges_below_two_over_the_curvature_and_diverges_above(rate):
    path = trajectory(optimizers.sgd(rate), steps=200, loss=lambda params: 2 * (params["w"] ** 2).sum())
    far = float(abs(path["w"][-1]).max())
    assert far < 0.1 if rate < 0.5 else far > 10


def test_nesterovs_path_is_that_of_a_gradient_taken_ahead(double):
    rate, decay = 0.05, 0.8
    path = trajectory(optimizers.nesterov(rate, decay=decay))
    position, velocity = PARAMS, jax.tree.map(np.zeros_like, PARAMS)
    for step in range(12):
        ahead = jax.tree.map(lambda x, v: x - rate * decay * v, position, velocity)
        velocity = jax.tree.map(lambda v, g: decay * v + g, velocity, gradient_at(ahead))
        position = jax.tree.map(lambda x, v: x - rate * v, position, velocity)
        look = jax.tree.map(lambda x, v: x - rate * decay * v, position, velocity)
        same(jax.tree.map(lambda leaf: leaf[step], path), look, 1e-12)


IMPOSSIBLE = [
    (name, setting, value)
    for name, settings in {
        "sgd": (),
        "momentum": ("decay",),
        "nesterov": ("decay",),
        "adagrad": ("eps",),
        "rmsprop": ("decay", "momentum", "eps"),
        "centered_rmsprop": ("decay", "momentum", "eps"),
        "adadelta": ("decay", "eps"),
        "adam": ("b1", "b2", "eps"),
        "adam_l2": ("b1", "b2", "eps", "strength"),
        "adamw": ("b1", "b2", "eps", "weight_decay"),
        "adamax": ("b1", "b2", "eps"),
        "nadam": ("b1", "b2", "eps", "momentum_decay"),
        "radam": ("b1", "b2", "eps"),
        "amsgrad": ("b1", "b2", "eps"),
        "lion": ("b1", "b2", "weight_decay"),
        "muon": ("decay", "weight_decay", "adam_learning_rate"),
    }.items()
    for setting in ("learning_rate", *settings)
    for value in ((-0.1, 1.0) if setting in ("decay", "momentum", "b1", "b2") else (-0.1, float("nan")))
]


@pytest.mark.parametrize(("name", "setting", "value"), IMPOSSIBLE)
def test_an_impossible_setting_is_told_where_it_is_known(name, setting, value):
    with pytest.raises(
        ValueError, match=rf"^{setting if 'rate' not in setting else 'learning_rate'} must be at least 0"
    ):
        getattr(optimizers, name)(**{"learning_rate": 0.1, setting: value})


def test_impossible_settings_of_pieces_are_told():
    with pytest.raises(ValueError, match=r"radius must be at least 0, but was -1.0"):
        optimizers.sam(optimizers.sgd(0.1), radius=-1.0)
    with pytest.raises(ValueError, match=r"strength must be at least 0"):
        optimizers.proximal_l1(0.1, strength=-1.0)
    with pytest.raises(ValueError, match=r"learning_rate must be at least 0"):
        optimizers.proximal_l1(-0.1, strength=1.0)
