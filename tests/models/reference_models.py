"""Each model of jaxdl with the equivalent PyTorch module, as a user of PyTorch would write it."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import numpy as np

import jaxdl.functional as F
from jaxdl import models
from jaxdl.models import BatchNorm, GroupNorm, LayerNorm, Stage


class Reference(NamedTuple):
    """A model, inputs, and the equivalent PyTorch module.

    `build(torch)` returns the module, which takes the same inputs, but images as NCHW. `names` are the names of its
    layers, as `to_pytorch` takes them.
    """

    model: models.Model
    inputs: np.ndarray
    build: Any
    names: tuple[str, ...]


def random_array(*shape):
    """Return standard normal numbers of this shape, always the same."""
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def sequential(*build):
    return lambda torch: torch.nn.Sequential(*(make(torch.nn) for make in build))


def recurrent_classifier(torch, layers, features, outputs, embedding=None):
    """Return a recurrent classifier with the layers `embedding`, `rnn` and `fc`."""

    class Classifier(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = torch.nn.Embedding(*embedding) if embedding else torch.nn.Identity()
            self.rnn = layers(torch.nn)
            self.fc = torch.nn.Linear(features, outputs)

        def forward(self, x):
            return self.fc(self.rnn(self.embedding(x))[0][:, -1])

    return Classifier()


def mlp_with_skip(torch):
    class MLPWithSkip(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(12, 5, bias=False), torch.nn.Linear(5, 5, bias=False)
            self.bn1, self.bn2 = torch.nn.BatchNorm1d(5), torch.nn.BatchNorm1d(5)
            self.out = torch.nn.Linear(5, 3)

        def forward(self, x):
            x = torch.relu(self.bn1(self.first(x.flatten(1))))
            return self.out(x + torch.relu(self.bn2(self.second(x))))

    return MLPWithSkip()


def two_heads(torch):
    class TwoHeads(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = torch.nn.Sequential(
                torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 5), torch.nn.ReLU()
            )
            self.digit, self.slant = torch.nn.Linear(5, 3), torch.nn.Linear(5, 1)

        def forward(self, x):
            signal = self.trunk(x)
            return {"digit": self.digit(signal), "slant": self.slant(signal)}

    return TwoHeads()


def lenet(torch):
    class LeNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.conv2 = torch.nn.Conv2d(1, 6, 5, padding=2), torch.nn.Conv2d(6, 16, 5)
            self.fc1, self.fc2, self.fc3 = torch.nn.Linear(400, 120), torch.nn.Linear(120, 84), torch.nn.Linear(84, 10)

        def forward(self, x):
            pool = torch.nn.functional.avg_pool2d
            x = pool(torch.tanh(self.conv2(pool(torch.tanh(self.conv1(x)), 2))), 2).flatten(1)
            return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))

    return LeNet()


def convnet_with_layer_norm(torch):
    class Normed(torch.nn.Module):
        """The channels move to the last axis for PyTorch's layer norm, which normalizes the last axes, and back."""

        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.fc = (
                torch.nn.Conv2d(2, 4, 3, padding=1, bias=False),
                torch.nn.LayerNorm(4),
                torch.nn.Linear(96, 3),
            )

        def forward(self, x):
            x = torch.relu(self.norm(self.conv(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))
            return self.fc(x.flatten(1))

    return Normed()


def resnet20(torch, pre_activation):
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, inputs, filters, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, filters, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(inputs if pre_activation else filters)
            self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(filters)
            self.stride, self.added = stride, filters - inputs

        def forward(self, x):
            shortcut = nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added))
            if pre_activation:
                return shortcut + self.conv2(torch.relu(self.bn2(self.conv1(torch.relu(self.bn1(x))))))
            return torch.relu(shortcut + self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x))))))

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1 = (
                nn.Conv2d(3, 16, 3, padding=1, bias=False),
                nn.BatchNorm2d(64 if pre_activation else 16),
            )
            widths = [16] * 4 + [32] * 3 + [64] * 3
            self.blocks = nn.Sequential(*(Block(a, b, 1 + (a != b)) for a, b in itertools.pairwise(widths)))
            self.linear = nn.Linear(64, 10)

        def forward(self, x):
            x = self.conv1(x)
            x = self.blocks(x) if pre_activation else self.blocks(torch.relu(self.bn1(x)))
            return self.linear((torch.relu(self.bn1(x)) if pre_activation else x).mean((2, 3)))

    return ResNet()


def resnet20_names(pre_activation):
    block = ("bn1", "conv1", "bn2", "conv2") if pre_activation else ("conv1", "bn1", "conv2", "bn2")
    blocks = [f"blocks.{number}.{name}" for number in range(9) for name in block]
    return ("conv1", *blocks, "bn1", "linear") if pre_activation else ("conv1", "bn1", *blocks, "linear")


flatten, relu = lambda nn: nn.Flatten(), lambda nn: nn.ReLU()
linear = lambda *sizes, **settings: lambda nn: nn.Linear(*sizes, **settings)
conv = lambda *sizes, **settings: lambda nn: nn.Conv2d(*sizes, **settings)
pool = lambda nn: nn.MaxPool2d(2)
stacked = lambda kind, *sizes: lambda nn: getattr(nn, kind)(*sizes, num_layers=2, batch_first=True)
ids = np.random.default_rng(0).integers(0, 7, (3, 5))

REFERENCES = {
    "linear_regression": Reference(models.linear_regression(2), random_array(4, 5), sequential(linear(5, 2)), ("0",)),
    "logistic_regression": Reference(
        models.logistic_regression(), random_array(4, 5), sequential(linear(5, 1)), ("0",)
    ),
    "softmax_regression": Reference(
        models.softmax_regression(3), random_array(4, 3, 2, 2), sequential(flatten, linear(12, 3)), ("1",)
    ),
    "mlp": Reference(
        models.mlp((6, 4), 3, dropout_rate=0.5),
        random_array(4, 5, 3, 2),
        sequential(flatten, linear(30, 6), relu, lambda nn: nn.Dropout(0.5), linear(6, 4), relu, linear(4, 3)),
        ("1", "4", "6"),
    ),
    "mlp, batch norm, skip": Reference(
        models.mlp((5, 5), 3, norm=BatchNorm, skip=True),
        random_array(4, 2, 2, 3),
        mlp_with_skip,
        ("first", "bn1", "second", "bn2", "out"),
    ),
    "mlp, layer norm": Reference(
        models.mlp((6,), 3, norm=LayerNorm),
        random_array(4, 5),
        sequential(linear(5, 6, bias=False), lambda nn: nn.LayerNorm(6), relu, linear(6, 3)),
        ("0", "1", "3"),
    ),
    "mlp, group norm": Reference(
        models.mlp((6,), 3, norm=functools.partial(GroupNorm, groups=2)),
        random_array(4, 5),
        sequential(linear(5, 6, bias=False), lambda nn: nn.GroupNorm(2, 6), relu, linear(6, 3)),
        ("0", "1", "3"),
    ),
    "convnet, group norm": Reference(
        models.convnet((4,), (), 3, norm=functools.partial(GroupNorm, groups=2)),
        random_array(3, 6, 4, 2),
        sequential(
            conv(2, 4, 3, padding=1, bias=False),
            lambda nn: nn.GroupNorm(2, 4),
            *(relu, pool, flatten),
            linear(24, 3),
        ),
        ("0", "1", "5"),
    ),
    "convnet": Reference(
        models.convnet((4, 6), (5,), 3),
        random_array(3, 9, 8, 2),
        sequential(
            conv(2, 4, 3, padding=1),
            *(relu, pool),
            conv(4, 6, 3, padding=1),
            *(relu, pool, flatten),
            *(linear(24, 5), relu, linear(5, 3)),
        ),
        ("0", "3", "7", "9"),
    ),
    "convnet, batch norm, strides": Reference(
        models.convnet((Stage(4, (5, 3), pool=None), Stage(6, stride=(2, 2), pool=F.avg_pool)), (), 3, norm=BatchNorm),
        random_array(3, 8, 9, 2),
        sequential(
            conv(2, 4, (5, 3), padding=(2, 1), bias=False),
            *(lambda nn: nn.BatchNorm2d(4), relu),
            conv(4, 6, 3, stride=2, padding=1, bias=False),
            *(lambda nn: nn.BatchNorm2d(6), relu, lambda nn: nn.AvgPool2d(2), flatten, linear(24, 3)),
        ),
        ("0", "1", "3", "4", "8"),
    ),
    "convnet, layer norm, no pooling": Reference(
        models.convnet((4,), (), 3, norm=LayerNorm, pool=None),
        random_array(3, 6, 4, 2),
        convnet_with_layer_norm,
        ("conv", "norm", "fc"),
    ),
    "lenet5": Reference(models.lenet5(), random_array(3, 28, 28, 1), lenet, ("conv1", "conv2", "fc1", "fc2", "fc3")),
    "resnet20": Reference(
        models.resnet20(),
        random_array(2, 32, 32, 3),
        functools.partial(resnet20, pre_activation=False),
        resnet20_names(False),
    ),
    "resnet20, pre-activation": Reference(
        models.resnet20(block=models.PreActivation),
        random_array(2, 32, 32, 3),
        functools.partial(resnet20, pre_activation=True),
        resnet20_names(True),
    ),
    "rnn": Reference(
        models.recurrent(models.RNN, (6, 6), 3),
        random_array(3, 5, 4),
        lambda torch: recurrent_classifier(torch, stacked("RNN", 4, 6), 6, 3),
        ("rnn", "rnn", "fc"),
    ),
    "gru": Reference(
        models.recurrent(models.GRU, (6, 6), 3),
        random_array(3, 5, 4),
        lambda torch: recurrent_classifier(torch, stacked("GRU", 4, 6), 6, 3),
        ("rnn", "rnn", "fc"),
    ),
    "lstm of ids": Reference(
        models.recurrent(models.LSTM, (6, 6), 3, embedding=(7, 4)),
        ids,
        lambda torch: recurrent_classifier(torch, stacked("LSTM", 4, 6), 6, 3, embedding=(7, 4)),
        ("embedding", "rnn", "rnn", "fc"),
    ),
    "multi_head": Reference(
        models.multi_head(models.MLP((6,), 5), {"digit": 3, "slant": 1}),
        random_array(4, 4),
        two_heads,
        ("trunk.0", "trunk.2", "digit", "slant"),
    ),
}


def random_variables(model, inputs):
    """Return random parameters and statistics, so that no array keeps its initial value."""
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    random = np.random.default_rng(1)

    def draw(scale, signs, leaf):
        values = random.uniform(0.3, 1, leaf.shape) * scale * random.choice(signs, leaf.shape)
        return jax.numpy.asarray(values, leaf.dtype)

    params = jax.tree.map(functools.partial(draw, 0.2, [-1, 1]), params)
    return params, jax.tree.map(functools.partial(draw, 1.0, [1]), stats)


def to_torch(torch, inputs):
    """Return the inputs as a tensor, images as NCHW."""
    tensor = torch.tensor(np.asarray(inputs))
    return tensor.permute(0, 3, 1, 2) if tensor.ndim == 4 else tensor
