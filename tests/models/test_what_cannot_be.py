"""What cannot be built is told where it is given, by the factory and by the module."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import models
from jaxdl.models import Convnet, Gru, Lstm, Mlp, MultiHead, Recurrent, Resnet, Stage, Window, receptive_field


@pytest.fixture(autouse=True)
def _as_users_call(monkeypatch):
    """Without the type checks that the tests switch on, which would come first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.mlp((0,), 3), r"each of hidden \(0,\) must be at least 1, but was 0"),
        (lambda: models.mlp((4,), 0), r"outputs must be at least 1, but was 0"),
        (lambda: models.mlp((4,), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1, but was 1.0"),
        (lambda: models.mlp((4,), 3, dropout_rate=-0.1), r"dropout_rate must be at least 0"),
        (lambda: Mlp((4,), 3, dropout_rate=2.0), r"dropout_rate must be at least 0"),
        (lambda: models.softmax_regression(0), r"outputs must be at least 1"),
        (lambda: models.convnet((0,), (), 3), r"filters must be at least 1, but was 0"),
        (lambda: models.convnet((4,), (), 3, kernel=(3, 0)), r"each of kernel \(3, 0\) must be at least 1"),
        (lambda: models.convnet((4,), (), 3, kernel=(3,)), r"kernel must be 2 numbers, but was \(3,\)"),
        (lambda: models.convnet((Stage(4, stride=(0, 1)),), (), 3), r"each of stride \(0, 1\) must be at least 1"),
        (lambda: models.convnet((4,), (0,), 3), r"each of hidden \(0,\) must be at least 1"),
        (lambda: models.convnet((4,), (), 0), r"outputs must be at least 1"),
        (lambda: models.convnet((3,), (), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1"),
        (lambda: models.resnet((1,), (4,), 0), r"outputs must be at least 1"),
        (lambda: models.resnet((1,), (0,), 3), r"each of filters \(0,\) must be at least 1"),
        (lambda: models.recurrent(Gru, (3,), 0), r"outputs must be at least 1"),
        (lambda: models.recurrent(Gru, (0,), 3), r"each of hidden \(0,\) must be at least 1"),
        (lambda: receptive_field((Window((3, 3), dilation=(1, 0)),)), r"a window must have sizes"),
        (lambda: receptive_field((Window((3, 3), stride=(0, 1)),)), r"a window must have sizes"),
        (lambda: models.resnet((1, 1), (4,), 3), r"filters must be 2 numbers, but was \(4,\)"),
        (lambda: models.resnet((1, 0), (4, 4), 3), r"each of blocks \(1, 0\) must be at least 1"),
        (lambda: models.resnet((1, 1), (4, 3), 3), r"filters not shrink .* but were \(1, 1\) and \(4, 3\)"),
        (lambda: models.resnet((), (), 3), r"blocks must name at least one stage"),
        (lambda: models.recurrent(Gru, (), 3), r"hidden must name at least one recurrent layer"),
        (lambda: models.recurrent(Gru, (3,), 3, embedding=(0, 3)), r"each of embedding \(0, 3\) must be at least 1"),
        (lambda: models.recurrent(Gru, (3,), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1"),
        (lambda: models.multi_head(Mlp((), 3), {}), r"heads must name tasks"),
        (lambda: models.multi_head(Mlp((), 3), {"a": 0}), r"the outputs of a must be at least 1"),
        (lambda: models.multi_head(Mlp((), 3), {"a/b": 1}), r"none of them trunk or with a /"),
        (lambda: MultiHead(Mlp((), 3), {"trunk": 2}), r"none of them trunk or with a /, but were"),
    ],
)
def test_a_value_that_is_none(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.mlp(128, 10), r"hidden must be a tuple of whole numbers, but was 128: write one as \(128,\)"),
        (lambda: models.mlp((128.0,), 10), r"each of hidden \(128.0,\) must be a whole number"),
        (lambda: models.mlp((8,), (10,)), r"outputs must be a whole number, but was \(10,\)"),
        (lambda: models.mlp((8,), 3, activation="relu"), r"activation must be a function, but was 'relu': give"),
        (lambda: models.mlp((8,), 3, kernel_init="he"), r"kernel_init must be a function, but was 'he'"),
        (
            lambda: models.mlp((8,), 3, norm="batch"),
            r"norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNorm.*was 'batch'",
        ),
        (
            lambda: models.mlp((8,), 3, norm=nn.BatchNorm),
            r"norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNorm",
        ),
        (
            lambda: models.convnet((4,), (), 3, norm=F.relu),
            r"norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNorm",
        ),
        (lambda: models.convnet(4, (), 3), r"stages must be a tuple of numbers of filters and of Stages, but was 4"),
        (lambda: models.convnet((4,), (), 3, kernel=3), r"kernel must be a tuple of whole numbers, but was 3"),
        (lambda: models.convnet((Stage(4, stride=2),), (), 3), r"stride must be a tuple of whole numbers, but was 2"),
        (lambda: models.convnet((4,), (), 3, pool="max"), r"pool must be a function, but was 'max'"),
        (lambda: Convnet((4,), 5, 3), r"hidden must be a tuple of whole numbers, but was 5"),
        (lambda: models.resnet(3, 16, 10), r"blocks must be a tuple of whole numbers, but was 3"),
        (lambda: Resnet((1,), (4,), 3, norm=None), r"norm must be a function, but was None"),
        (lambda: models.resnet20(block="pre"), r"block must be a function, but was 'pre'"),
        (lambda: models.recurrent("lstm", (3,), 2), r"layer must be a function, but was 'lstm'"),
        (lambda: Recurrent(Lstm, 3, 2), r"hidden must be a tuple of whole numbers, but was 3"),
        (lambda: models.recurrent(Lstm, (3,), 2, embedding=5), r"embedding must be a tuple of whole numbers"),
        (lambda: models.multi_head(models.mlp((8,), 4), {"a": 1}), r"trunk must be an instance of a Linen module"),
    ],
)
def test_something_of_another_type(call, sentence):
    with pytest.raises(TypeError, match=sentence):
        call()


def test_a_function_that_makes_initializers_is_told_from_one():
    for kind in (jax.nn.initializers.he_normal, nn.initializers.lecun_normal):
        model = models.mlp((3,), 2, kernel_init=kind)
        with pytest.raises(TypeError, match=r"kernel_init must draw an array .* are called first, he_normal\(\)"):
            model.init(jax.random.key(0), jnp.ones((1, 2)))
        params, _ = models.mlp((3,), 2, kernel_init=kind()).init(jax.random.key(0), jnp.ones((1, 2)))
        assert params["Dense_0"]["kernel"].shape == (2, 3)


def test_a_list_is_as_good_as_a_tuple():
    assert models.Mlp([3], 2) == Mlp((3,), 2)
    assert Convnet([4, Stage(3)], [5], 2, kernel=[3, 3]) == Convnet((4, Stage(3)), (5,), 2)
    assert Resnet([1], [4], 2) == Resnet((1,), (4,), 2)
    assert Recurrent(Lstm, [3], 2) == Recurrent(Lstm, (3,), 2)
    for model in (models.mlp([3], 2), models.convnet([4], [5], 2), models.resnet([1], [4], 2)):
        assert jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 8, 8, 1)))


def test_numbers_of_numpy_are_numbers():
    assert models.mlp((np.int64(3),), np.int32(2)).init(jax.random.key(0), jnp.ones((1, 2)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.from_linen(nn.Dense), r"module must be an instance of a Linen module.*but was <class"),
        (lambda: models.from_linen(nn.Dense(3)), r"must take the keyword training, but Dense takes inputs: say how"),
        (lambda: models.from_nnx(nnx.Linear(3, 2, rngs=nnx.Rngs(0))), r"build must be a function of rngs .* Linear"),
        (lambda: models.from_nnx("net"), r"build must be a function of rngs .* but was str"),
        (lambda: models.summary(models.mlp((3,), 2), (1, 4)), r"inputs must be arrays, .* but were \(1, 4\)"),
        (lambda: models.from_pytorch(models.mlp((), 2), 3, np.ones((1, 4))), r"state must map names .* but was int"),
        (
            lambda: models.from_pytorch(models.mlp((), 2), {}, np.ones((1, 4)), names="fc"),
            r"names must be one string for each layer, but was 'fc': write one as \('fc',\)",
        ),
    ],
)
def test_something_else_brought_from_elsewhere(call, sentence):
    with pytest.raises(TypeError, match=sentence):
        call()


def test_a_module_that_takes_any_keyword_is_told_whether_this_is_training():
    class Any(nn.Module):
        @nn.compact
        def __call__(self, inputs, **told):
            return inputs + told["training"]

    model = models.from_linen(Any())
    params, stats = model.init(jax.random.key(0), jnp.zeros(1))
    assert model.apply(params, stats, jnp.zeros(1))[0] == 0
    assert model.apply(params, stats, jnp.zeros(1), key=jax.random.key(1))[0] == 1
