import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.models import BatchNorm, GroupNorm, LayerNorm, check_batch_norm, from_linen, from_nnx
from jaxdl.training.input_checks import check_inputs
from tests.models.reference_models import random_array, random_variables


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 5)])
def test_each_norm_equals_the_flax_layer_of_its_name(shape):
    inputs = jnp.asarray(random_array(*shape))
    pairs = [
        (LayerNorm(), nn.LayerNorm(epsilon=1e-5)),
        (GroupNorm(groups=1), nn.GroupNorm(num_groups=1, epsilon=1e-5)),
        (BatchNorm(), nn.BatchNorm(use_running_average=True)),
    ]
    arguments = lambda norm: [False] if isinstance(norm, BatchNorm) else []

    @jax.jit
    def outputs(inputs):
        results = []
        for norm, flax_norm in pairs:
            variables = jax.tree.map(lambda leaf: leaf + 0.3, flax_norm.init(jax.random.key(0), inputs))
            own = jax.eval_shape(lambda norm=norm: norm.init(jax.random.key(0), inputs, *arguments(norm)))
            assert jax.tree.structure(own) == jax.tree.structure(variables)
            results.append((norm.apply(variables, inputs, *arguments(norm)), flax_norm.apply(variables, inputs)))
        return results

    for result, expected in outputs(inputs):
        np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_of_one_example_outputs_its_bias():
    norm, row = BatchNorm(), jnp.ones((1, 2))
    variables = {
        "params": {"scale": jnp.ones(2), "bias": jnp.array([3.0, 4.0])},
        "batch_stats": {"mean": jnp.zeros(2), "var": jnp.ones(2)},
    }
    outputs, _ = jax.jit(lambda variables: norm.apply(variables, row, True, mutable=["batch_stats"]))(variables)
    np.testing.assert_array_equal(outputs, [[3, 4]])


@pytest.mark.parametrize("training_mode", [True, False])
def test_batch_norm_uses_its_epsilon_and_momentum(training_mode):
    inputs, norm = jnp.asarray(random_array(3, 6, 6, 2)), BatchNorm(epsilon=1.0, momentum=0.5)

    @jax.jit
    def both(inputs):
        variables = norm.init(jax.random.key(0), inputs, False)
        result = norm.apply(variables, inputs, training_mode, mutable=["batch_stats"])
        scale, bias, zeros, one = jnp.ones(2), jnp.zeros(2), jnp.zeros(2), jnp.ones(2)
        if training_mode:
            expected, _, variance = F.batch_norm(inputs, scale, bias, epsilon=1.0)
        else:
            expected, variance = F.batch_norm_inference(inputs, scale, bias, zeros, one, epsilon=1.0), one
        return variables, result, expected, variance

    variables, (outputs, updated), expected, variance = both(inputs)
    assert (variables["batch_stats"]["var"] == 1).all()
    np.testing.assert_allclose(updated["batch_stats"]["var"], 0.5 + 0.5 * variance, rtol=1e-6)
    np.testing.assert_allclose(outputs, expected, rtol=1e-6)


def test_layer_norm_uses_its_epsilon():
    inputs, norm = jnp.asarray(random_array(3, 6, 6, 2)), LayerNorm(epsilon=1.0)
    expected = lambda inputs: F.layer_norm(inputs, jnp.ones(2), jnp.zeros(2), epsilon=1.0)
    both = jax.jit(lambda inputs: (norm.init_with_output(jax.random.key(0), inputs)[0], expected(inputs)))
    np.testing.assert_allclose(*both(inputs), rtol=1e-6)


def test_running_averages_of_bfloat16_inputs_are_float32():
    norm, inputs = BatchNorm(momentum=0.999), jnp.ones((4, 2), jnp.bfloat16)
    variables = norm.init(jax.random.key(0), inputs, False)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables["batch_stats"])} == {jnp.dtype("float32")}

    @jax.jit
    def after_100_batches(variables):
        def update(stats, _):
            variables_now = {**variables, "batch_stats": stats}
            return norm.apply(variables_now, inputs, True, mutable=["batch_stats"])[1]["batch_stats"], None

        return jax.lax.scan(update, variables["batch_stats"], length=100)[0]

    stats = after_100_batches(variables)
    np.testing.assert_allclose(stats["mean"], 1 - 0.999**100, rtol=1e-2)
    np.testing.assert_allclose(stats["var"], 0.999**100, rtol=1e-2)


@pytest.mark.parametrize(
    "build",
    [
        lambda norm: models.mlp((4, 4), 2, norm=norm),
        lambda norm: models.convnet((4,), (), 2, norm=norm),
        lambda norm: models.resnet((1,), (3,), 2, norm=norm),
    ],
)
def test_a_partial_norm_sets_the_momentum_of_every_norm(build):
    """After one batch, a running mean that started at 0 is (1 - momentum) times the mean of the batch."""
    inputs = random_array(4, 5, 5, 3)
    default, fast = build(BatchNorm), build(functools.partial(BatchNorm, momentum=0.25))
    params, stats = random_variables(default, inputs)
    stats = jax.tree.map(jnp.zeros_like, stats)
    updated = jax.jit(
        lambda params: [model.apply(params, stats, inputs, key=jax.random.key(2))[1] for model in (default, fast)]
    )
    means = [
        [leaf for path, leaf in jax.tree.leaves_with_path(tree) if "mean" in str(path)] for tree in updated(params)
    ]
    assert len(means[0]) >= 1
    for default_mean, fast_mean in zip(*means, strict=True):
        np.testing.assert_allclose(fast_mean, 0.75 / 0.1 * default_mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (models.mlp((4,), 2, norm=BatchNorm), (4,)),
        (models.convnet((4,), (), 2, norm=BatchNorm, pool=None), (1, 1, 3)),
    ],
)
def test_fit_raises_for_a_batch_of_which_a_batch_norm_sees_one_row(model, shape, random):
    sets = data.from_arrays(random.normal(size=(6, *shape)), np.arange(6) % 2)
    task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), 1)
    keys = jax.random.split(jax.random.key(0), 1)
    with pytest.raises(ValueError, match=r"batch_size is too small .*: BatchNorm_0 would see one row, of shape"):
        training.fit(task, sets, keys, epochs=1, dev=sets)
    params, stats = random_variables(model, sets.inputs)
    apply = jax.jit(lambda row: model.apply(params, stats, row, key=jax.random.key(0))[0])
    np.testing.assert_array_equal(*(apply(sets.inputs[row : row + 1]) for row in (0, 1)))  # the reason


def test_fit_accepts_a_batch_of_one_image_with_many_pixels(random):
    sets = data.from_arrays(random.normal(size=(6, 4, 4, 1)), np.arange(6) % 2)
    model = models.convnet((4,), (), 2, norm=BatchNorm)
    task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), 1)
    check_inputs(task, sets, sets)
    _, history = jax.jit(lambda key: training.train(task, sets, key, epochs=1))(jax.random.key(0))
    assert np.isfinite(history.loss).all()


class NNXNorm(nnx.Module):
    def __init__(self, rngs, keywords, **settings):
        self.norm, self.keywords = nnx.BatchNorm(4, rngs=rngs, **settings), keywords

    def __call__(self, x):
        return self.norm(x, **self.keywords)


WITHOUT_FLAG = lambda module, inputs, training: module(inputs)


@pytest.mark.parametrize(
    ("model", "shape", "refused"),
    [
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, use_running_average=not training)), (1, 4), True),
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, not training)), (1, 4), True),
        (from_linen(nn.BatchNorm(), lambda m, x, training: m(x, use_running_average=True)), (1, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=True), WITHOUT_FLAG), (1, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=False), WITHOUT_FLAG), (2, 4), False),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=1), WITHOUT_FLAG), (1, 4, 1, 1), True),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=1), WITHOUT_FLAG), (1, 1, 1, 9), False),
        (from_linen(nn.BatchNorm(use_running_average=False, axis=(1, 2)), WITHOUT_FLAG), (1, 3, 4), True),
        (from_nnx(lambda rngs: NNXNorm(rngs, {})), (1, 4), True),
        (from_nnx(lambda rngs: NNXNorm(rngs, {"use_running_average": True})), (1, 4), False),
        (from_nnx(lambda rngs: NNXNorm(rngs, {"use_running_average": False}, use_running_average=True)), (1, 4), True),
    ],
)
def test_check_batch_norm_finds_flax_batch_norms_that_average_over_one_row(model, shape, refused):
    if refused:
        with pytest.raises(ValueError, match="batch_size is too small for batch normalization"):
            check_batch_norm(model, jnp.ones(shape))
    else:
        check_batch_norm(model, jnp.ones(shape))


def test_check_batch_norm_accepts_a_batch_norm_that_averages_over_a_vmapped_axis():
    """The norm sees one member of the axis, but averages over all."""
    norm = lambda module, x, training: nn.vmap(
        lambda module, x: module(x, use_running_average=not training),
        variable_axes={"params": None, "batch_stats": None},
        split_rngs={"params": False},
        axis_name="rows",
    )(module, x)
    check_batch_norm(from_linen(nn.BatchNorm(axis_name="rows"), norm), jnp.ones((5, 1, 4)))
