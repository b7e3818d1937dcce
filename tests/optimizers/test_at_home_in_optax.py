"""Rules among optax's own, in chains, wrappers and the training loop; dtypes that stay, settings that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from test_rules import EVERY

import jaxdl.functional as F
from jaxdl import models, optimizers, training
from tests.optimizers.test_pieces import blobs, clipped
from tests.optimizers.trajectories import PARAMS


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("name", sorted({*EVERY} - {"lbfgs", "sam"}))
def test_updates_have_the_dtype_of_the_gradient(name, dtype, double):
    params = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), PARAMS)
    for rule in (EVERY[name](0.1, 0.9), EVERY[name](jnp.float32(0.1), jnp.float32(0.9))):
        updates = jax.eval_shape(lambda params, rule=rule: rule.update(params, rule.init(params), params)[0], params)
        assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}


def test_rules_stand_inside_optaxs_wrappers():
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), PARAMS)
    for wrapped in (
        optax.apply_if_finite(optimizers.nadam(0.1), 2),
        optax.chain(optimizers.radam(jnp.float32(0.1)), optax.trace(0.9)),
        optax.masked(optimizers.amsgrad(0.1), optimizers.weights),
        optax.inject_hyperparams(optimizers.adamw, hyperparam_dtype=jnp.float32)(learning_rate=0.1, weight_decay=0.1),
    ):
        step = lambda state, _: (wrapped.update(params, state, params)[1], None)
        jax.lax.scan(step, wrapped.init(params), length=3)


@pytest.mark.parametrize(
    "rule",
    [
        optax.contrib.sam(optax.sgd(0.3), optax.sgd(0.05)),  # takes grad_fn and no other keyword
        optax.MultiSteps(optimizers.sam(optimizers.sgd(0.3)), 2),
        optax.MultiSteps(optax.chain(optimizers.sgd(0.3), optimizers.on_plateau()), 2),
        optax.adam(0.05),
        optax.contrib.schedule_free_sgd(0.3),
    ],
)
def test_optaxs_own_rules_and_wrappers_train(rule):
    model = models.mlp((8,), 3)
    task = training.Task(model, training.supervised(model, F.cross_entropy), rule, 20)
    _, history = jax.jit(lambda data: training.train(task, data, jax.random.key(0), epochs=12))(blobs())
    assert history.loss[-1] < 0.8 * history.loss[0]


def test_on_a_plateau_half_precision_sees_the_loss_fall():
    params = {"w": jnp.ones(3, jnp.bfloat16)}
    rule = optax.chain(optimizers.sgd(1.0), optimizers.on_plateau(every=100, patience=2))

    def step(state, loss):
        updates, state = rule.update(params, state, params, value=loss)
        return state, updates["w"][0]

    _, steps = jax.lax.scan(step, rule.init(params), jnp.linspace(3.0, 2.0, 3000))
    assert steps.dtype == jnp.bfloat16
    assert (steps == -1).all()


@pytest.mark.parametrize("limit", [-1.0, jnp.float32(-1.0), float("nan")])
def test_a_limit_that_is_none_is_told_where_it_is_known_and_gives_nan_where_it_is_traced(limit):
    gradient = {"w": jnp.array([3.0, 4.0])}
    for piece in (optimizers.clip_by_norm, optimizers.clip_by_value):
        with pytest.raises(ValueError, match=r"limit must be at least 0, but was"):
            piece(limit)
        assert jnp.isnan(jax.jit(lambda traced, piece=piece: clipped(piece(traced), gradient)["w"])(limit)).all()


def test_a_limit_of_zero_leaves_zero():
    for gradient in (jnp.zeros(2), jnp.ones(2)):
        for piece in (optimizers.clip_by_norm(0.0), optimizers.clip_by_value(0.0)):
            assert clipped(piece, {"w": gradient})["w"].tolist() == [0, 0]


@pytest.mark.parametrize(
    "settings",
    [
        {"factor": 1.0},
        {"factor": 0.0},
        {"patience": -1},
        {"every": 0},
        {"least": 2.0},
        {"cooldown": -1},
        {"threshold": 1.0},
        {"threshold": -0.1},
        {"least": -0.1},
    ],
)
def test_a_plateau_that_cannot_be_is_told(settings):
    with pytest.raises(ValueError, match=r"factor must be between 0 and 1, threshold and least from 0 to 1, patience"):
        optimizers.on_plateau(**settings)


def test_what_a_piece_needs_is_told():
    params = jax.tree.map(jnp.asarray, PARAMS)
    plateau, proximal = optimizers.on_plateau(threshold=0.0), optimizers.proximal_l1(0.1, strength=1.0)
    with pytest.raises(ValueError, match=r"on_plateau must be told the loss: call update\(gradient"):
        plateau.update(params, plateau.init(params), params)
    with pytest.raises(ValueError, match=r"proximal_l1 must be given the parameters: call update"):
        proximal.update(params, proximal.init(params))


def test_half_precision_is_drawn_on_centre():
    from jaxdl import initializers

    for draw in (initializers.normal, initializers.truncated_normal, initializers.uniform, initializers.he_uniform):
        drawn = np.asarray(draw(jax.random.key(0), (1000, 1000), jnp.bfloat16), np.float32)
        assert abs(drawn.mean()) < 0.004 * drawn.std()
