"""Settings of the wrong type or range raise when the model is built, from the factory and from the module."""

import functools
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx

import jaxdl.functional as F
from jaxdl import data, initializers, models
from jaxdl.models import GRU, LSTM, MLP, ConvNet, MultiHead, Recurrent, ResNet, Stage
from jaxdl.models._validity import lacks_outputs
from jaxdl.models.model import set_outputs


class WithFeatures(nnx.Module):
    def __init__(self, features, *, rngs):
        self.dense = nnx.Linear(features, 2, rngs=rngs)


@pytest.fixture(autouse=True)
def _without_type_checks(monkeypatch):
    """Turn off the run-time type checks of the tests, which users do not have."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.mlp((0,), 3), r"every entry of hidden=\(0,\) must be at least 1, got 0"),
        (lambda: models.mlp((4,), 0), r"outputs must be at least 1, got 0"),
        (lambda: models.mlp((4,), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1, got 1.0"),
        (lambda: models.mlp((4,), 3, dropout_rate=-0.1), r"dropout_rate must be at least 0"),
        (lambda: MLP((4,), 3, dropout_rate=2.0), r"dropout_rate must be at least 0"),
        (lambda: models.softmax_regression(0), r"outputs must be at least 1"),
        (lambda: models.convnet((0,), (), 3), r"filters must be at least 1, got 0"),
        (lambda: models.convnet((4,), (), 3, kernel=(3, 0)), r"every entry of kernel=\(3, 0\) must be at least 1"),
        (lambda: models.convnet((4,), (), 3, kernel=(3,)), r"kernel must have 2 entries, got \(3,\)"),
        (lambda: models.convnet((Stage(4, stride=(0, 1)),), (), 3), r"every entry of stride=\(0, 1\) must be at least"),
        (lambda: models.convnet((4,), (0,), 3), r"every entry of hidden=\(0,\) must be at least 1"),
        (lambda: models.convnet((4,), (), 0), r"outputs must be at least 1"),
        (lambda: models.convnet((3,), (), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1"),
        (lambda: models.resnet((1,), (4,), 0), r"outputs must be at least 1"),
        (lambda: models.resnet((1,), (0,), 3), r"every entry of filters=\(0,\) must be at least 1"),
        (lambda: models.resnet((1, 1), (4,), 3), r"filters must have 2 entries, got \(4,\)"),
        (lambda: models.resnet((1, 0), (4, 4), 3), r"every entry of blocks=\(1, 0\) must be at least 1"),
        (lambda: models.resnet((1, 1), (4, 3), 3), r"filters must not decrease from stage to stage, got \(4, 3\)"),
        (lambda: models.resnet((), (), 3), r"blocks must have an entry for each stage, got \(\)"),
        (lambda: models.recurrent(GRU, (3,), 0), r"outputs must be at least 1"),
        (lambda: models.recurrent(GRU, (0,), 3), r"every entry of hidden=\(0,\) must be at least 1"),
        (lambda: models.recurrent(GRU, (), 3), r"hidden must have an entry for each recurrent layer, got \(\)"),
        (lambda: models.recurrent(GRU, (3,), 3, embedding=(0, 3)), r"every entry of embedding=\(0, 3\) must be at lea"),
        (lambda: models.recurrent(GRU, (3,), 3, dropout_rate=1.0), r"dropout_rate must be at least 0 and below 1"),
        (lambda: models.multi_head(MLP((), 3), {}), r"heads must map the name of each task .*, got {}"),
        (lambda: models.multi_head(MLP((), 3), {"a": 0}), r"the number of outputs of task a must be at least 1"),
        (lambda: models.multi_head(MLP((), 3), {"a/b": 1}), r"none of them named trunk or with a / in its name"),
        (lambda: MultiHead(MLP((), 3), {"trunk": 2}), r"none of them named trunk or with a / in its name, got {'trunk"),
    ],
)
def test_values_out_of_range_raise(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: models.mlp(128, 10), r"hidden must be a tuple of integers, got 128. Write one integer as \(128,\)"),
        (lambda: models.mlp((128.0,), 10), r"every entry of hidden=\(128.0,\) must be an integer"),
        (lambda: models.mlp((8,), (10,)), r"outputs must be an integer, got \(10,\)"),
        (lambda: models.mlp((8,), 3, activation="relu"), r"activation must be a function, got 'relu'. Pass"),
        (lambda: models.mlp((8,), 3, kernel_init="he"), r"kernel_init must be a function, got 'he'"),
        (lambda: models.mlp((8,), 3, norm="batch"), r"norm must be jaxdl.models.BatchNorm, LayerNorm.*got 'batch'"),
        (lambda: models.mlp((8,), 3, norm=nn.BatchNorm), r"norm must be jaxdl.models.BatchNorm, LayerNorm or GroupNor"),
        (lambda: models.convnet((4,), (), 3, norm=F.relu), r"norm must be jaxdl.models.BatchNorm, LayerNorm or Group"),
        (lambda: models.convnet(4, (), 3), r"stages must be a tuple of integers .* and Stages, got 4"),
        (lambda: models.convnet((4,), (), 3, kernel=3), r"kernel must be a tuple of integers, got 3"),
        (lambda: models.convnet((Stage(4, stride=2),), (), 3), r"stride must be a tuple of integers, got 2"),
        (lambda: models.convnet((4,), (), 3, pool="max"), r"pool must be a function, got 'max'"),
        (lambda: ConvNet((4,), 5, 3), r"hidden must be a tuple of integers, got 5"),
        (lambda: models.resnet(3, 16, 10), r"blocks must be a tuple of integers, got 3"),
        (lambda: ResNet((1,), (4,), 3, norm=None), r"norm must be a function, got None"),
        (lambda: models.resnet20(block="pre"), r"block must be a function, got 'pre'"),
        (lambda: models.recurrent("lstm", (3,), 2), r"layer must be a function, got 'lstm'"),
        (lambda: Recurrent(LSTM, 3, 2), r"hidden must be a tuple of integers, got 3"),
        (lambda: models.recurrent(LSTM, (3,), 2, embedding=5), r"embedding must be a tuple of integers"),
        (lambda: models.multi_head(models.mlp((8,), 4), {"a": 1}), r"trunk must be an instance of a Linen module"),
        (lambda: models.from_linen(nn.Dense), r"module must be an instance of a Linen module.*got the class Dense"),
        (lambda: models.from_linen(nn.Dense(3)), r"must have the parameter training, but Dense .* inputs. Give call="),
        (lambda: models.from_nnx(nnx.Linear(3, 2, rngs=nnx.Rngs(0))), r"build must be a function of rngs .* Linear"),
        (lambda: models.from_nnx("net"), r"build must be a function of rngs .* got str"),
        (lambda: models.mlp((3, 3), 2, skip="yes"), r"skip must be True or False, got 'yes'"),
        (lambda: models.mlp((3,), models.mlp((3,), 2)), r"outputs must be an integer, got Model"),
        (lambda: models.mlp((3,), 2, norm=models.BatchNorm()), r"norm must be .* got BatchNorm: pass the class itself"),
        (lambda: models.multi_head(MLP((3,), 2), [2, 3]), r"heads must be a dictionary with the number of outputs"),
        (
            lambda: models.from_nnx(WithFeatures),
            r"build must be .* alone, got the class WithFeatures .* features, rngs",
        ),
        (lambda: models.from_nnx(lambda: None), r"build must be .* with the parameters none .* Write lambda rngs: Net"),
        (
            lambda: models.from_nnx(lambda rngs: nn.Dense(3)),
            r"build\(rngs\) must return an NNX module, got Dense: for a",
        ),
        (lambda: models.summary(MLP((3,), 2), (1, 4)), r"model must be a Model, got MLP: the model comes first"),
        (lambda: models.summary(types.SimpleNamespace(model=1), (1, 4)), r"model must be a Model, .*: pass task.model"),
        (
            lambda: models.mixed_precision(MLP((3,), 2)),
            r"model must be a Model, got MLP: wrap an instance with models.f",
        ),
        (lambda: models.reinitialize(len, models.mlp((3,), 2)), r"model must be a Model, got the function len"),
        (
            lambda: models.check_batch_norm(np.ones(2), models.mlp((3,), 2)),
            r"model must be a Model, got an array of flo",
        ),
        (lambda: models.recurrent(LSTM(3), (3,), 2), r"layer must be a class, such as models.LSTM, got an instance"),
        (lambda: models.from_linen(nn.Dense(3), "x"), r"call must be a function, got 'x'"),
        (lambda: models.from_linen(nn.Dense(3), len), r"call must be a function of module, inputs and training, got"),
        (lambda: models.from_linen(MLP((3,), 2), streams="noise"), r"streams must be a sequence of names, got 'noise'"),
        (lambda: models.from_nnx(nn.Dense(3)), r"build must create an NNX module, got the Linen module Dense: use"),
        (lambda: models.from_nnx(lambda rngs: nnx.Linear(4, 2, rngs=rngs), len), r"call must be a function of module"),
        (
            lambda: models.mixed_precision(models.mlp((3,), 2), dtype=int),
            r"must be a floating dtype, got the class",
        ),
        (lambda: models.reinitialize(models.mlp((3,), 2), "he"), r"initializer must be a function, got 'he'"),
        (lambda: models.reinitialize(models.mlp((3,), 2), initializers.he_normal), r"got one of a shape: give it to"),
        (
            lambda: models.to_pytorch(models.mlp((3,), 2), {}, None, np.ones((1, 4))),
            r"stats must be a dictionary, got",
        ),
        (lambda: models.receptive_field(3), r"windows must be a list of Windows, got 3"),
        (lambda: models.mlp((3,), 2).init(0, np.ones((1, 4))), r"key must be a random key, got 0"),
        (
            lambda: models.mlp((3,), 2).init(np.ones((1, 4)), jax.random.key(0)),
            r"got an array .*: the key comes before",
        ),
        (lambda: models.mlp((3,), 2).apply({}, {}, np.ones((1, 4)), key=0), r"key must be a random key, got 0"),
        (
            lambda: models.mlp((3,), 2).apply(({}, {}), {}, np.ones((1, 4))),
            r"params must be a dictionary, got tuple: in",
        ),
        (lambda: models.mlp((3,), 2).apply({}, None, np.ones((1, 4))), r"stats must be a dictionary, got None"),
        (lambda: models.mlp((3,), 2).summary((1, 4.0)), r"inputs must be a data set, arrays, .* got \(1, 4.0\)"),
        (
            lambda: models.mlp().init(jax.random.key(0), np.ones((1, 4)), outputs="3"),
            r"outputs must be an integer, got '3'",
        ),
        (lambda: models.mlp(outputs=2.0), r"outputs must be an integer, got 2.0"),
        (lambda: models.from_pytorch(models.mlp((), 2), 3, np.ones((1, 4))), r"state must map names .* got int"),
        (
            lambda: models.from_pytorch(models.mlp((), 2), {}, np.ones((1, 4)), names="fc"),
            r"names must be a sequence of strings, one per layer, got 'fc'. Write \('fc',\)",
        ),
    ],
)
def test_values_of_another_type_raise(call, sentence):
    with pytest.raises(TypeError, match=sentence):
        call()


def test_lists_are_accepted_as_tuples():
    assert MLP([3], 2) == MLP((3,), 2)
    assert ConvNet([4, Stage(3)], [5], 2, kernel=[3, 3]) == ConvNet((4, Stage(3)), (5,), 2)
    assert ResNet([1], [4], 2) == ResNet((1,), (4,), 2)
    assert Recurrent(LSTM, [3], 2) == Recurrent(LSTM, (3,), 2)
    for model in (models.mlp([3], 2), models.convnet([4], [5], 2), models.resnet([1], [4], 2)):
        assert jax.eval_shape(model.init, jax.random.key(0), jnp.ones((1, 8, 8, 1)))


def test_numpy_integers_are_accepted():
    assert models.mlp((np.int64(3),), np.int32(2)).init(jax.random.key(0), jnp.ones((1, 2)))


def test_a_traced_size_raises_with_the_model_that_maps_sizes():
    with pytest.raises(
        TypeError, match=r"every entry of hidden must be an integer, got a number that jax traces: .*mlp_of_s"
    ):
        jax.eval_shape(lambda size: models.mlp((size,), 2).init(jax.random.key(0), jnp.ones((1, 4))), 3)


def test_inputs_without_a_batch_raise():
    """A vector would be read as examples of one feature, and (784,) as a batch of 784."""
    with pytest.raises(
        ValueError, match=r"inputs must have the shape \(batch, ...\), got \(4,\): write inputs\[None\] for"
    ):
        jax.eval_shape(models.mlp((3,), 2).init, jax.random.key(0), jnp.ones(4))
    with pytest.raises(
        ValueError, match=r"the shape of a batch, such as \(1, 784\) .* got \(784,\): write \(1, 784\) or"
    ):
        models.mlp((3,), 2).summary((784,))


def reinitialized(outputs=None):
    return models.mixed_precision(models.reinitialize(models.mlp((2,), outputs), initializers.keras))


@pytest.mark.parametrize(
    ("factory", "shape"),
    [
        (models.mlp, (2, 3)),
        (models.convnet, (2, 8, 8, 1)),
        (functools.partial(models.resnet, (1,), (4,)), (2, 8, 8, 1)),
        (models.recurrent, (2, 5, 3)),
        (models.softmax_regression, (2, 3)),
        (lambda outputs=None: models.mlp_of_sizes([(2,), (3, 3)], outputs, 0), (2, 3)),
        (reinitialized, (2, 3)),
    ],
)
def test_a_model_without_outputs_gets_them_later(factory, shape):
    lazy, inputs, key = factory(), jax.ShapeDtypeStruct(shape, jnp.float32), jax.random.key(0)
    whole = factory(outputs=4) if factory is not models.softmax_regression else factory(4)
    params, stats = variables = jax.eval_shape(functools.partial(lazy.init, outputs=4), key, inputs)
    assert variables == jax.eval_shape(whole.init, key, inputs)
    assert jax.eval_shape(lazy.apply, params, stats, inputs)[0].shape == (2, 4)  # from the parameters
    assert [lacks_outputs(model.init) for model in (lazy, whole, set_outputs(lazy, 4))] == [True, False, False]
    with pytest.raises(ValueError, match="the number of outputs must be known before parameters are drawn"):
        jax.eval_shape(lazy.init, key, inputs)


def test_the_summary_of_a_data_set_needs_no_outputs():
    digits = data.moons(jax.random.key(0), examples=4)
    assert models.mlp((3,)).summary(digits).layers == models.mlp((3,), 2).summary(digits).layers
