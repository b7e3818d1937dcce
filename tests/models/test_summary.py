"""Costs of models, compared with closed forms and with the compiler."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import data, models
from jaxdl.backpropagation import count_operations
from jaxdl.models import check_batch_norm, from_linen, summary
from tests.models.reference_models import REFERENCES


def test_lenet5_has_the_published_costs():
    result = summary(models.lenet5(), jnp.ones((1, 28, 28, 1)))
    layers = [(row.layer, row.outputs, row.parameters, row.multiply_adds) for row in result.layers]
    assert layers == [
        ("Conv", (1, 28, 28, 6), 156, 25 * 6 * 784),
        ("Conv", (1, 10, 10, 16), 2416, 150 * 16 * 100),
        ("Flatten", (1, 400), 0, 0),
        ("Dense", (1, 120), 48120, 48000),
        ("Dense", (1, 84), 10164, 10080),
        ("Dense", (1, 10), 850, 840),
    ]
    assert (result.parameters, result.parameter_bytes, result.multiply_adds) == (61706, 4 * 61706, 416520)
    assert result.activation_bytes == 4 * (28 * 28 * 6 + 1600 + 400 + 120 + 84 + 10)


def test_resnet20_has_the_published_size():
    for block in (models.PostActivation, models.PreActivation):
        result = summary(models.resnet20(block=block), jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32))
        assert result.parameters == 269722  # "0.27M"
        assert result.multiply_adds == 40_551_040


@pytest.mark.parametrize("name", [name for name in REFERENCES if "20" not in name])
def test_totals_agree_with_the_compiler(name):
    model, inputs, *_ = REFERENCES[name]
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    result = summary(model, inputs)
    compiled = jax.jit(model.apply).lower(params, stats, inputs).compile()
    assert result.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))
    stats_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(stats))
    inputs = jnp.asarray(inputs)
    assert compiled.memory_analysis().argument_size_in_bytes == result.parameter_bytes + stats_bytes + inputs.nbytes
    if name in ("rnn", "gru", "lstm of ids"):
        return  # the compiler counts one step of a loop
    elementwise = count_operations(model.apply, params, stats, inputs) - 2 * result.multiply_adds
    flops = compiled.cost_analysis()["flops"]
    assert 2 * result.multiply_adds <= flops <= 2 * result.multiply_adds + 3 * elementwise + 10


def test_a_batch_is_given_by_its_shape_or_by_a_data_set():
    images = data.from_arrays(np.zeros((3, 8, 8, 1), np.uint8), [0, 2, 1])
    model = models.convnet((4,), (), images.outputs)
    by_shape = model.summary((1, 8, 8, 1))
    assert by_shape == summary(model, jnp.ones((1, 8, 8, 1)))
    assert by_shape.layers[-1].outputs == (1, 3)
    assert model.summary(images) == model.summary(data.Split(images, images, images)) == by_shape


def test_parameters_take_the_bytes_of_their_dtype():
    result = summary(models.mlp((), 3), jnp.ones((2, 4), jnp.bfloat16))
    assert (result.parameters, result.parameter_bytes, result.activation_bytes) == (15, 30, 2 * (8 + 6))


def test_a_recurrent_layer_costs_every_step_and_its_output_is_counted_once():
    one_step, seven_steps = (
        summary(models.recurrent(models.LSTM, (6,), 3), jnp.ones((2, steps, 4))).layers[0] for steps in (1, 7)
    )
    assert one_step.multiply_adds == 2 * (4 + 6) * 24
    assert seven_steps.multiply_adds == 7 * one_step.multiply_adds
    assert seven_steps.outputs == (2, 7, 6)
    assert seven_steps.activation_bytes == 4 * 2 * 7 * 6


def test_it_prints_a_table():
    text = str(summary(models.mlp((16,), 10), jnp.ones((2, 784)))).splitlines()
    assert re.split(r"  +", text[0]) == ["layer", "outputs", "parameters", "multiply-adds", "activation bytes"]
    assert re.split(r"  +", text[2]) == ["Dense_0", "Dense", "(2, 16)", "12,560", "25,088", "128"]
    assert re.split(r"  +", text[-1]) == ["total", "12,730", "25,408", "6,480"]
    assert len({len(line) for line in text}) == 1


def test_a_model_without_parameters_and_layers_costs_nothing():
    model = models.Model(lambda key, x: ({}, {}), lambda p, s, x, *, key=None: (x + 1, s))
    assert summary(model, jnp.ones(3)) == ((), 0, 0, 0, 0)


def test_parameters_outside_of_layers_are_a_row():
    model = models.Model(lambda key, x: ({"own": jnp.ones((4, 3))}, {}), lambda p, s, x, *, key=None: (x @ p["own"], s))
    assert summary(model, jnp.ones((2, 4))).layers == (("", "not in a layer", (), 12, 24, 0),)


class Shared(nn.Module):
    """A layer that is called twice, and a parameter and a product outside of layers."""

    @nn.compact
    def __call__(self, inputs, training):
        layer = nn.Dense(4, name="twice")
        return layer(layer(inputs)) @ self.param("own", nn.initializers.ones, (4, 3))


def test_a_shared_layer_has_its_parameters_once_and_its_costs_twice():
    result = summary(from_linen(Shared()), jnp.ones((2, 4)))
    rows = [(row.path, row.layer, row.parameters, row.multiply_adds, row.activation_bytes) for row in result.layers]
    assert rows == [("", "Shared", 12, 24, 0), ("twice", "Dense", 20, 32, 32), ("twice", "Dense", 0, 32, 32)]


class TakesActivation(nn.Module):
    @nn.compact
    def __call__(self, activation, x):
        return activation(nn.Dense(3)(x))


class GivesActivation(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        return TakesActivation()(nn.relu, x)


def test_a_layer_may_have_an_argument_that_is_not_an_array():
    result = summary(from_linen(GivesActivation()), jnp.ones((2, 4)))
    assert [(row.path, row.parameters) for row in result.layers] == [("TakesActivation_0/Dense_0", 15)]
    check_batch_norm(from_linen(GivesActivation()), jnp.ones((1, 4)))


class Compiled(nn.Module):
    @nn.jit
    @nn.compact
    def __call__(self, x):
        return nn.Dense(4)(x)


class ContainsCompiled(nn.Module):
    @nn.compact
    def __call__(self, x, training):
        x = Compiled()(x)
        for _ in range(4):
            x = nn.LayerNorm()(x)
        return nn.Dense(3)(x)


def test_a_compiled_layer_is_counted_once_in_the_module_that_calls_it():
    model = from_linen(ContainsCompiled())
    for _ in range(3):
        result = summary(model, jnp.ones((2, 8)))
        assert result.multiply_adds == 2 * (8 * 4 + 4 * 3)
        assert {row.multiply_adds for row in result.layers if row.layer == "LayerNorm"} == {0}
        check_batch_norm(model, jnp.ones((2, 8)))


def scan_of(body, length):
    class Scan(nn.Module):
        @nn.compact
        def __call__(self, carry, _=None):
            scanned = nn.scan(body, variable_axes={"params": 0}, split_rngs={"params": True}, length=length)
            return scanned()(carry, None)

    return Scan


class Body(nn.Module):
    @nn.compact
    def __call__(self, carry, _):
        return nn.Dense(4)(carry), None


def test_a_scanned_layer_is_one_row_that_costs_as_often_as_it_runs():
    model = from_linen(scan_of(Body, 3)(), lambda module, x, training: module(x)[0])
    (row,) = summary(model, jnp.ones((2, 4))).layers
    assert (row.parameters, row.multiply_adds, row.activation_bytes) == (3 * 20, 3 * 32, 3 * 32)


def test_the_lengths_of_nested_scans_multiply():
    def apply(params, stats, x, *, key=None):
        inner = lambda x, _: (x @ params["w"], None)
        outer = lambda x, _: (jax.lax.scan(inner, x, length=3)[0], None)
        return jax.lax.scan(outer, x, length=5)[0], stats

    model = models.Model(lambda key, x: ({"w": jnp.ones((4, 4))}, {}), apply)
    assert summary(model, jnp.ones((2, 4))).multiply_adds == 5 * 3 * 2 * 4 * 4
    nested = from_linen(scan_of(scan_of(Body, 3), 5)(), lambda module, x, training: module(x)[0])
    assert summary(nested, jnp.ones((2, 4))).multiply_adds == 5 * 3 * 2 * 4 * 4


def test_of_two_branches_the_most_expensive_counts():
    def apply(params, stats, x, *, key=None):
        return jax.lax.cond(x.sum() > 0, lambda: x @ jnp.ones((4, 9)), lambda: jnp.zeros((len(x), 9))), stats

    assert summary(models.Model(lambda key, x: ({}, {}), apply), jnp.ones((2, 4))).multiply_adds == 72
    variables = {"params": {"kernel": jnp.ones((4, 9)), "bias": jnp.ones(9)}}
    dense = lambda x: nn.Dense(9).bind(variables)(x)
    branches = lambda x: jax.lax.cond(x.sum() > 0, lambda: dense(x), lambda: dense(-x))
    model = models.Model(lambda key, x: ({}, {}), lambda p, s, x, key=None: (branches(x), s))
    assert summary(model, jnp.ones((2, 4))).multiply_adds == 2 * 4 * 9


@pytest.mark.parametrize(
    ("layer", "image", "expected"),
    [
        (nn.ConvTranspose(6, (2, 2), strides=(2, 2)), (1, 8, 8, 4), 64 * 4 * 4 * 6),
        (nn.Conv(5, (3, 3), padding="VALID"), (2, 6, 7, 4), 2 * 4 * 5 * 9 * 4 * 5),
        (nn.Conv(6, (3, 3), padding="VALID", feature_group_count=2), (1, 6, 7, 4), 4 * 5 * 9 * 2 * 6),
        (nn.Conv(1, (3,), padding="SAME"), (1, 5, 1), 2 + 3 + 3 + 3 + 2),
        (nn.Conv(1, (3,), strides=2, kernel_dilation=2, padding=((2, 2),)), (1, 5, 1), 2 + 3 + 2),
    ],
)
def test_a_flax_convolution_counts_only_the_pixels_inside_the_image(layer, image, expected):
    model = from_linen(layer, lambda module, inputs, training: module(inputs))
    assert summary(model, jnp.ones(image)).multiply_adds == expected
    params, stats = jax.eval_shape(model.init, jax.random.key(0), jnp.ones(image))
    flops = jax.jit(model.apply).lower(params, stats, jnp.ones(image)).compile().cost_analysis()["flops"]
    outputs = jax.eval_shape(model.apply, params, stats, jnp.ones(image))[0].size
    assert 2 * expected <= flops <= 2 * expected + 2 * outputs
