"""What a model costs, against closed forms and against the compiler."""

import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import models
from jaxdl.backpropagation import count_operations
from jaxdl.models import Stage, Window, from_linen, receptive_field, summary
from tests.models.twins import TWINS


def test_lenet5_as_everybody_counts_it():
    found = summary(models.lenet5(), jnp.ones((1, 28, 28, 1)))
    layers = [(row.layer, row.outputs, row.parameters, row.multiply_adds) for row in found.layers]
    assert layers == [
        ("Conv", (1, 28, 28, 6), 156, 25 * 6 * 784),
        ("Conv", (1, 10, 10, 16), 2416, 150 * 16 * 100),
        ("Flatten", (1, 400), 0, 0),
        ("Dense", (1, 120), 48120, 48000),
        ("Dense", (1, 84), 10164, 10080),
        ("Dense", (1, 10), 850, 840),
    ]
    assert (found.parameters, found.parameter_bytes, found.multiply_adds) == (61706, 4 * 61706, 416520)
    assert found.activation_bytes == 4 * (28 * 28 * 6 + 1600 + 400 + 120 + 84 + 10)


def test_resnet20_has_the_published_size():
    for block in (models.PostActivation, models.PreActivation):
        found = summary(models.resnet20(block=block), jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32))
        assert found.parameters == 269722  # "0.27M"
        assert found.multiply_adds == 40_551_040


@pytest.mark.parametrize("name", [name for name in TWINS if "20" not in name])
def test_totals_are_the_compilers(name):
    model, inputs, *_ = TWINS[name]
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    found = summary(model, inputs)
    compiled = jax.jit(model.apply).lower(params, stats, inputs).compile()
    assert found.parameters == sum(leaf.size for leaf in jax.tree.leaves(params))
    of_stats = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(stats))
    inputs = jnp.asarray(inputs)
    assert compiled.memory_analysis().argument_size_in_bytes == found.parameter_bytes + of_stats + inputs.nbytes
    if name in ("rnn", "gru", "lstm of ids"):
        return  # the compiler counts one step of a loop
    elementwise = count_operations(model.apply, params, stats, inputs) - 2 * found.multiply_adds
    flops = compiled.cost_analysis()["flops"]
    assert 2 * found.multiply_adds <= flops <= 2 * found.multiply_adds + 3 * elementwise + 10


def test_a_loop_is_counted_as_often_as_it_runs():
    once, often = (
        summary(models.recurrent(models.Lstm, (6,), 3), jnp.ones((2, steps, 4))).layers[0] for steps in (1, 7)
    )
    assert once.multiply_adds == 2 * (4 + 6) * 24
    assert often.multiply_adds == 7 * once.multiply_adds


class Shared(nn.Module):
    """A layer that is called twice, a product outside of layers, and a parameter of its own."""

    @nn.compact
    def __call__(self, inputs, training):
        layer = nn.Dense(4, name="twice")
        return layer(layer(inputs)) @ self.param("own", nn.initializers.ones, (4, 3))


def test_a_shared_layer_is_counted_once_and_computed_twice():
    found = summary(models.from_linen(Shared()), jnp.ones((2, 4)))
    rows = [(row.path, row.layer, row.parameters, row.multiply_adds, row.activation_bytes) for row in found.layers]
    assert rows == [("", "Shared", 12, 24, 0), ("twice", "Dense", 20, 32, 32), ("twice", "Dense", 0, 32, 32)]


def test_it_is_printed_as_a_table():
    text = str(summary(models.mlp((16,), 10), jnp.ones((2, 784)))).splitlines()
    assert re.split(r"  +", text[0]) == ["layer", "outputs", "parameters", "multiply–adds", "activation bytes"]
    assert re.split(r"  +", text[2]) == ["Dense_0", "Dense", "(2, 16)", "12,560", "25,088", "128"]
    assert re.split(r"  +", text[-1]) == ["total", "12,730", "25,408", "6,480"]
    assert len({len(line) for line in text}) == 1


def test_listening_twice_hears_the_same():
    model = models.lenet5()
    assert summary(model, jnp.ones((1, 28, 28, 1))) == summary(model, jnp.ones((1, 28, 28, 1)))


@pytest.mark.parametrize(
    ("windows", "size", "step"),
    [
        ((), (1, 1), (1, 1)),
        ((Window((3, 5)),), (3, 5), (1, 1)),
        ((Window((3, 3)), Window((3, 3))), (5, 5), (1, 1)),
        ((Window((5, 5)), Window((2, 2), (2, 2)), Window((5, 5)), Window((2, 2), (2, 2))), (16, 16), (4, 4)),
        ((Window((3, 3), (2, 1)), Window((3, 2), (1, 1), (2, 3))), (11, 6), (2, 1)),
    ],
)
def test_a_receptive_field_is_what_a_unit_sees(windows, size, step):
    assert receptive_field(windows) == (size, step)
    image = jnp.zeros((1, 40, 40, 1))

    @jax.jit
    @jax.grad
    def touched(image, row, column):
        for window in windows:
            kernel = jnp.ones((*window.size, 1, 1))
            image = F.conv2d(image, kernel, jnp.zeros(1), stride=window.stride, dilation=window.dilation)
        return image[0, row, column, 0]

    def seen(row, column):
        pixels = np.argwhere(np.asarray(touched(image, row, column))[0, :, :, 0])
        return pixels.min(0), pixels.max(0) + 1

    (first, end), (after, _) = seen(1, 1), seen(2, 2)
    assert tuple(end - first) == size
    assert tuple(after - first) == step


def test_the_field_of_a_convnet():
    net = models.Convnet((Stage(6, (5, 5)), Stage(16, (5, 3), (2, 1), pool=None)), (), 3)
    assert receptive_field(net.windows()) == ((14, 10), (4, 2))
    with pytest.raises(ValueError, match=r"pool must have the keywords window and stride .* has the parameters x"):
        models.Convnet((Stage(4, pool=F.global_avg_pool),), (), 3).windows()
    with pytest.raises(ValueError, match=r"a window must have sizes, strides and dilations of at least 1"):
        receptive_field((Window((0, 1)),))


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


def test_a_scan_inside_a_scan_runs_as_often_as_both():
    def apply(params, stats, x, *, key=None):
        inner = lambda x, _: (x @ params["w"], None)
        outer = lambda x, _: (jax.lax.scan(inner, x, length=3)[0], None)
        return jax.lax.scan(outer, x, length=5)[0], stats

    model = models.Model(lambda key, x: ({"w": jnp.ones((4, 4))}, {}), apply)
    assert summary(model, jnp.ones((2, 4))).multiply_adds == 5 * 3 * 2 * 4 * 4
    nested = from_linen(scan_of(scan_of(Body, 3), 5)(), lambda m, x, training: m(x)[0])
    assert summary(nested, jnp.ones((2, 4))).multiply_adds == 5 * 3 * 2 * 4 * 4


def test_parameters_in_no_layer_are_a_row():
    model = models.Model(lambda key, x: ({"own": jnp.ones((4, 3))}, {}), lambda p, s, x, *, key=None: (x @ p["own"], s))
    assert summary(model, jnp.ones((2, 4))).layers == (("", "not in a layer", (), 12, 24, 0),)


def test_parameters_take_the_bytes_of_their_dtype():
    found = summary(models.mlp((), 3), jnp.ones((2, 4), jnp.bfloat16))
    assert (found.parameters, found.parameter_bytes, found.activation_bytes) == (15, 30, 2 * (8 + 6))


def test_a_model_of_nothing_costs_nothing():
    model = models.Model(lambda key, x: ({}, {}), lambda p, s, x, *, key=None: (x + 1, s))
    assert summary(model, jnp.ones(3)) == ((), 0, 0, 0, 0)


def test_what_a_layer_that_loops_puts_out_is_counted_once():
    row = summary(models.recurrent(models.Lstm, (6,), 3), jnp.ones((2, 7, 4))).layers[0]
    assert row.outputs == (2, 7, 6)
    assert row.activation_bytes == 4 * 2 * 7 * 6
