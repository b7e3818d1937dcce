"""All optimizers can be traced, keep dtypes, check hyperparameters and work with optax and the training loop."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.runs import build, settings
from tests.trajectories import PARAMS, assert_close, trajectory

# Each with a learning rate and a number d in (0, 1) for its other hyperparameters
EVERY = {
    "sgd": lambda lr, d: optimizers.sgd(lr),
    "momentum": lambda lr, d: optimizers.momentum(lr, decay=d, dampening=1 - d),
    "nesterov": lambda lr, d: optimizers.nesterov(lr, decay=d),
    "adagrad": lambda lr, d: optimizers.adagrad(lr, eps=1 - d, initial_accumulator_value=d),
    "rmsprop": lambda lr, d: optimizers.rmsprop(lr, decay=d, momentum=d, eps=1 - d),
    "centered_rmsprop": lambda lr, d: optimizers.centered_rmsprop(lr, decay=d, momentum=d, eps=1 - d),
    "adadelta": lambda lr, d: optimizers.adadelta(lr, decay=d, eps=1 - d),
    "adafactor": lambda lr, d: optimizers.adafactor(
        lr, decay_rate=d, eps=1 - d, clipping_threshold=d, min_dim_size_to_factor=2, weight_decay=d
    ),
    "adam": lambda lr, d: optimizers.adam(lr, b1=d, b2=d, eps=1 - d),
    "adam_l2": lambda lr, d: optimizers.adam_l2(lr, b1=d, b2=d, l2=1 - d, mask=optimizers.decay_mask),
    "adamw": lambda lr, d: optimizers.adamw(lr, b1=d, b2=d, weight_decay=1 - d, mask=optimizers.decay_mask),
    "adamax": lambda lr, d: optimizers.adamax(lr, b1=d, b2=d, eps=1 - d),
    "nadam": lambda lr, d: optimizers.nadam(lr, b1=d, b2=d, eps=1 - d, momentum_decay=1 - d),
    "radam": lambda lr, d: optimizers.radam(lr, b1=d, b2=d, eps=1 - d),
    "amsgrad": lambda lr, d: optimizers.amsgrad(lr, b1=d, b2=d, eps=1 - d),
    "lion": lambda lr, d: optimizers.lion(lr, b1=d, b2=d, weight_decay=1 - d, mask=optimizers.decay_mask),
    "muon": lambda lr, d: optimizers.muon(lr, decay=d, weight_decay=1 - d, adam_learning_rate=lr * d),
    "rprop": lambda lr, d: optimizers.rprop(lr, eta_minus=d, eta_plus=1 + d, min_step_size=lr * d, max_step_size=d),
    "sam": lambda lr, d: optimizers.sam(optimizers.momentum(lr, decay=d), radius=1 - d),
    "clip_by_value": lambda lr, d: optax.chain(optimizers.clip_by_value(d), optimizers.sgd(lr)),
    "clip_by_global_norm": lambda lr, d: optax.chain(optimizers.clip_by_global_norm(d), optimizers.sgd(lr)),
    "proximal_l1": lambda lr, d: optax.chain(optimizers.sgd(lr), optimizers.proximal_l1(lr, l1=d)),
    "partition": lambda lr, d: optimizers.partition(
        {"w": optimizers.sgd(lr), "b": optimizers.adam(lr, b1=d)}, lambda path: path
    ),
    "lbfgs": lambda lr, d: optimizers.lbfgs(),
}


def test_no_optimizer_is_missing_here():
    others = {"decay_mask", "hessian_vector_product", "reduce_on_plateau"}  # not an optimizer, or not traceable
    assert {*optimizers.__all__} - others == {*EVERY}
    assert {*optimizers.__all__} == {
        name for name, thing in vars(optimizers).items() if callable(thing) and name[0] != "_"
    }


@pytest.mark.parametrize("name", EVERY)
def test_a_vmap_over_traced_hyperparameters_equals_the_loop_and_bfloat16_stays_bfloat16(name, double):
    """All in one program: two members swept, both alone, and the first one in bfloat16."""
    members, steps = [(0.01, 0.9), (0.05, 0.6)], 4
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), PARAMS)
    path = lambda lr, d: trajectory(EVERY[name](lr, d), steps)
    path_in_bfloat16 = lambda lr, d: trajectory(EVERY[name](lr, d), steps, params)

    @jax.jit
    def paths(traced, single):
        in_bfloat16 = jax.vmap(path_in_bfloat16)(*single) if name != "lbfgs" else {}
        return jax.vmap(path)(*traced), [path(*member) for member in members], in_bfloat16

    traced = np.array(members).T
    swept, alone, in_bfloat16 = jax.device_get(paths(tuple(traced), tuple(np.float32(traced[:, :1]))))
    for member in range(2):
        assert_close(jax.tree.map(lambda leaf: leaf[member], swept), alone[member], 1e-12)
    assert {leaf.dtype for leaf in jax.tree.leaves(in_bfloat16)} <= {jnp.bfloat16.dtype}
    for leaf, values in in_bfloat16.items():
        np.testing.assert_allclose(values[0].astype(float), alone[0][leaf], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize("name", sorted({*EVERY} - {"lbfgs", "sam"}))
def test_updates_have_the_dtype_of_the_gradient(name, dtype, double):
    params = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, dtype), PARAMS)
    for each in (EVERY[name](0.1, 0.9), EVERY[name](jnp.float32(0.1), jnp.float32(0.9))):
        updates = jax.eval_shape(lambda params, each=each: each.update(params, each.init(params), params)[0], params)
        assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}


@pytest.mark.parametrize("name", ["nadam", "radam", "amsgrad", "adagrad", "centered_rmsprop", "adam"])
def test_a_model_without_parameters_gets_no_updates(name):
    optimizer = getattr(optimizers, name)(0.1)
    assert optimizer.update({}, optimizer.init({}), {})[0] == {}


INVALID = [
    (name, hyperparameter, value)
    for name, hyperparameters in {
        "sgd": (),
        "momentum": ("decay",),
        "nesterov": ("decay",),
        "adagrad": ("eps", "initial_accumulator_value"),
        "rmsprop": ("decay", "momentum", "eps"),
        "centered_rmsprop": ("decay", "momentum", "eps"),
        "adadelta": ("decay", "eps"),
        "adafactor": ("decay_rate", "eps", "weight_decay"),
        "adam": ("b1", "b2", "eps"),
        "adam_l2": ("b1", "b2", "eps", "l2"),
        "adamw": ("b1", "b2", "eps", "weight_decay"),
        "adamax": ("b1", "b2", "eps"),
        "nadam": ("b1", "b2", "eps", "momentum_decay"),
        "radam": ("b1", "b2", "eps"),
        "amsgrad": ("b1", "b2", "eps"),
        "lion": ("b1", "b2", "weight_decay"),
        "muon": ("decay", "weight_decay", "adam_learning_rate"),
        "rprop": ("min_step_size",),
    }.items()
    for hyperparameter in ("learning_rate", *hyperparameters)
    for value in ((-0.1, 1.0) if hyperparameter in ("decay", "momentum", "b1", "b2") else (-0.1, float("nan")))
]


@pytest.mark.parametrize(("name", "hyperparameter", "value"), INVALID)
def test_an_invalid_hyperparameter_raises(name, hyperparameter, value):
    reported = "learning_rate" if "learning_rate" in hyperparameter else hyperparameter
    with pytest.raises(ValueError, match=rf"^{reported} must be at least 0.*, got {value}\.$"):
        getattr(optimizers, name)(**{"learning_rate": 0.1, hyperparameter: value})


def test_the_defaults_read_from_the_source_are_those_of_the_functions():
    for name in optimizers.__all__:
        parameters = inspect.signature(getattr(optimizers, name)).parameters.values()
        floats = {p.name: p.default for p in parameters if isinstance(p.default, float)}
        assert settings.optimizer_defaults()[name] == floats


@pytest.mark.parametrize("kind", build.OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_the_command_line_has_the_hyperparameters_and_defaults_of_the_function(kind):
    parameters = inspect.signature(build.OPTIMIZERS[kind]).parameters
    defaults = {name: p.default for name, p in parameters.items() if name != "mask"}
    if defaults["learning_rate"] is inspect.Parameter.empty:  # only the command line has one
        defaults["learning_rate"] = kind.learning_rate
    assert vars(kind()) == defaults


def test_optimizers_work_inside_the_wrappers_of_optax():
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), PARAMS)
    for wrapped in (
        optax.apply_if_finite(optimizers.nadam(0.1), 2),
        optax.chain(optimizers.radam(jnp.float32(0.1)), optax.trace(0.9)),
        optax.masked(optimizers.amsgrad(0.1), optimizers.decay_mask),
        optax.inject_hyperparams(optimizers.adamw, hyperparam_dtype=jnp.float32)(learning_rate=0.1, weight_decay=0.1),
    ):
        step = lambda state, _: (wrapped.update(params, state, params)[1], None)
        jax.lax.scan(step, wrapped.init(params), length=3)


def blobs():
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    inputs = random.normal(size=(60, 4)) + 2 * np.eye(3, 4)[labels]
    return data.from_arrays(inputs, labels)


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.contrib.sam(optax.sgd(0.3), optax.sgd(0.05)),  # takes grad_fn and no other keyword
        optax.MultiSteps(optimizers.sam(optimizers.sgd(0.3)), 2),
        optax.MultiSteps(optax.chain(optimizers.sgd(0.3), optimizers.reduce_on_plateau()), 2),
        optax.adam(0.05),
        optax.contrib.schedule_free_sgd(0.3),
    ],
)
def test_optimizers_and_wrappers_of_optax_train(optimizer):
    model = models.mlp((8,), 3)
    task = training.Task(model, F.cross_entropy, optimizer, 20)
    _, history = jax.jit(lambda data: training.train(task, data, jax.random.key(0), epochs=12))(blobs())
    assert history.loss[-1] < 0.8 * history.loss[0]


@pytest.mark.parametrize(
    ("optimizer", "batch_size"),
    [
        (optimizers.lbfgs(), 60),
        (optimizers.sam(optimizers.sgd(0.3)), 20),
        (optax.chain(optimizers.sgd(0.3), optimizers.reduce_on_plateau(accumulation_size=3, patience=2)), 20),
        (optax.polyak_sgd(0.3), 60),
    ],
)
def test_training_passes_the_loss_to_an_optimizer_that_needs_it(optimizer, batch_size):
    model = models.mlp((), 3) if batch_size == 60 else models.mlp((8,), 3, dropout_rate=0.1)
    task = training.Task(model, F.cross_entropy, optimizer, batch_size)
    keys = jax.random.split(jax.random.key(0), 2)
    _, history = jax.jit(jax.vmap(lambda key: training.train(task, blobs(), key, epochs=12)))(keys)
    assert (history.loss[:, -1] < 0.5 * history.loss[:, 0]).all()
