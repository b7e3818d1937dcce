"""The sweep is jax's gradient for networks of any kind, drawn at random."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, forward, layer, value_and_gradient

BATCH = 4


class Draw:
    """Arguments for a layer that follows a signal of some shape."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def normal(self, *shape):
        return jnp.asarray(self.random.normal(size=shape))

    def positive(self, *shape):
        return jnp.asarray(self.random.uniform(0.5, 2, shape))

    def integers(self, stop, *shape):
        return jnp.asarray(self.random.integers(0, stop, shape))

    def key(self):
        return jax.random.key(int(self.random.integers(2**31)))


def of_gru(d, s):
    """First states, weights and biases of two gated units."""
    return d.normal(s[0], 2), d.normal(s[-1], 6), d.normal(2, 6), d.normal(6), d.normal(2)


def of_lstm(d, s):
    return d.normal(s[0], 2), d.normal(s[0], 2), d.normal(s[-1], 8), d.normal(2, 8), d.normal(8)


# name: (layer, its own arguments for a signal of the shape s). No Gaussian noise: jax draws it to 1e-8 only, and so not
# alike in both halves of a compiled program.
ANYWHERE = {
    "tanh": lambda d, s: (layer(F.tanh), ()),
    "relu": lambda d, s: (layer(F.relu), ()),
    "gelu": lambda d, s: (layer(F.gelu), ()),
    "softplus": lambda d, s: (layer(F.softplus, {"beta": 2.0}), ()),
    "softmax": lambda d, s: (layer(F.softmax, {"temperature": 0.5}), ()),
    "prelu": lambda d, s: (layer(F.prelu), (d.normal(s[-1]),)),
    "dropout": lambda d, s: (layer(F.dropout, {"rate": 0.3}), (d.key(),)),
    "batch_norm": lambda d, s: (layer(F.batch_norm), (d.positive(s[-1]), d.normal(s[-1]))),
    "batch_norm_inference": lambda d, s: (
        layer(F.batch_norm_inference),
        (d.positive(s[-1]), d.normal(s[-1]), d.normal(s[-1]), d.positive(s[-1])),
    ),
    "layer_norm": lambda d, s: (layer(F.layer_norm), (d.positive(s[-1]), d.normal(s[-1]))),
    "rms_norm": lambda d, s: (layer(F.rms_norm), (d.positive(s[-1]),)),
    "around_activations": lambda d, s: (
        Residual((layer(F.layer_norm), layer(F.silu))),
        ((d.positive(s[-1]), d.normal(s[-1])), ()),
    ),
}
VECTORS = {
    "dense": lambda d, s: (layer(F.dense), (d.normal(s[-1], 5), d.normal(5))),
    "bilinear": lambda d, s: (layer(F.bilinear), (d.normal(s[0], 2), d.normal(s[-1], 2, 4), d.normal(4))),
    "embed": lambda d, s: (layer(F.embed), (d.integers(s[0], s[0]),)),
    "gru_cell": lambda d, s: (layer(F.gru_cell), of_gru(d, s)),
    "lstm_cell": lambda d, s: (layer(F.lstm_cell), of_lstm(d, s)),
    "around_dense": lambda d, s: (
        Residual((layer(F.dense), layer(F.tanh), layer(F.dense))),
        ((d.normal(s[-1], 3), d.normal(3)), (), (d.normal(3, s[-1]), d.normal(s[-1]))),
    ),
    "around_a_residual": lambda d, s: (
        Residual((Residual((layer(F.dense),)), layer(F.tanh))),
        (((d.normal(s[-1], s[-1]), d.normal(s[-1])),), ()),
    ),
}
SEQUENCES = {
    "rnn": lambda d, s: (layer(F.rnn), (d.normal(s[0], 3), d.normal(s[-1], 3), d.normal(3, 3), d.normal(3))),
    "gru": lambda d, s: (layer(F.gru), of_gru(d, s)),
    "lstm": lambda d, s: (layer(F.lstm), of_lstm(d, s)),
    "conv1d": lambda d, s: (layer(F.conv1d, {"padding": "SAME"}), (d.normal(3, s[-1], 2), d.normal(2))),
    "reshape": lambda d, s: (layer(F.reshape), ()),
}
IMAGES = {
    "conv2d": lambda d, s: (
        layer(F.conv2d, {"padding": "SAME", "stride": (2, 1)}),
        (d.normal(3, 2, s[-1], 2), d.normal(2)),
    ),
    "convolution": lambda d, s: (layer(F.convolution, {"padding": "SAME"}), (d.normal(2, 3, s[-1], 3), d.normal(3))),
    "conv2d_transpose": lambda d, s: (layer(F.conv2d_transpose), (d.normal(2, 2, s[-1], 2), d.normal(2))),
    "max_pool": lambda d, s: (layer(F.max_pool, {"window": (2, 2), "stride": (1, 1), "padding": "SAME"}), ()),
    "avg_pool": lambda d, s: (layer(F.avg_pool, {"window": (2, 2), "stride": (1, 1), "padding": "SAME"}), ()),
    "global_avg_pool": lambda d, s: (layer(F.global_avg_pool), ()),
    "instance_norm": lambda d, s: (layer(F.instance_norm), (d.positive(s[-1]), d.normal(s[-1]))),
    "around_convolutions": lambda d, s: (
        Residual((layer(F.conv2d, {"padding": "SAME"}), layer(F.relu))),
        ((d.normal(3, 3, s[-1], s[-1]), d.normal(s[-1])), ()),
    ),
    "reshape": lambda d, s: (layer(F.reshape), ()),
}
KINDS = {2: ANYWHERE | VECTORS, 3: ANYWHERE | SEQUENCES, 4: ANYWHERE | IMAGES}
LOSSES = {
    "cross_entropy": lambda d, s: (layer(F.cross_entropy, {"smoothing": 0.1}), (d.integers(s[-1], s[0]),)),
    "soft_cross_entropy": lambda d, s: (layer(F.soft_cross_entropy), (d.positive(*s),)),
    "sigmoid_cross_entropy": lambda d, s: (layer(F.sigmoid_cross_entropy), (d.positive(*s) / 2,)),
    "squared_error": lambda d, s: (layer(F.squared_error), (d.normal(*s),)),
    "huber": lambda d, s: (layer(F.huber, {"delta": 0.5}), (d.normal(*s),)),
    "weston_watkins": lambda d, s: (layer(F.weston_watkins), (d.integers(s[-1], s[0]),)),
    "listwise_softmax": lambda d, s: (layer(F.listwise_softmax), (d.positive(*s),)),
    "triplet": lambda d, s: (layer(F.triplet), (d.normal(*s), d.normal(*s))),
    "negative_sampling": lambda d, s: (layer(F.negative_sampling), (d.normal(*s), d.normal(s[0], 3, s[1]))),
}
LOSSES_OF_ONE_NUMBER = {
    "hinge": lambda d, s: (layer(F.hinge), (2 * d.integers(2, s[0]) - 1,)),
    "binary_cross_entropy": lambda d, s: (layer(F.binary_cross_entropy), (d.integers(2, s[0]),)),
    "pairwise_logistic": lambda d, s: (layer(F.pairwise_logistic), (d.normal(*s),)),
}
INPUTS = {2: (BATCH, 3), 3: (BATCH, 3, 2), 4: (BATCH, 5, 4, 2)}


def architecture(draw):
    """A network that ends in a loss, its own arguments, and inputs; drawn layer by layer after the signal's shape."""
    seed = Draw(draw(strategies.integers(0, 2**32 - 1)))
    with jax.enable_x64(True):
        inputs = seed.normal(*INPUTS[draw(strategies.sampled_from([2, 3, 4]))])
        network, own = [], []

        def shape():
            return jax.eval_shape(lambda: forward(tuple(network), tuple(own), inputs)[0]).shape

        def add(kinds):
            part, arguments = kinds[draw(strategies.sampled_from(sorted(kinds)))](seed, shape())
            network.append(part)
            own.append(arguments)

        for _ in range(draw(strategies.integers(1, 6))):
            add(KINDS[len(shape())])
        if len(shape()) > 2:
            add({"reshape": SEQUENCES["reshape"]})
        if draw(strategies.booleans()):
            add(LOSSES)
        else:
            add({"dense": lambda d, s: (layer(F.dense), (d.normal(s[-1], 1), d.normal(1)))})
            add({"column": lambda d, s: (layer(F.reshape, {"shape": ()}), ())})
            add(LOSSES_OF_ONE_NUMBER)
        add({"mean": lambda d, s: (layer(F.weighted_mean), (d.positive(*s),))})
    return tuple(network), tuple(own), inputs


def is_floating(leaf):
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


@settings(deadline=None, max_examples=25, phases=[Phase.explicit, Phase.generate], database=None)
@given(strategies.data())
def test_the_sweep_is_jaxs_gradient(data):
    network, own, inputs = architecture(data.draw)

    def both(own, inputs):
        leaves, structure = jax.tree.flatten(own)

        def loss(floating, inputs):
            rest = iter(floating)
            filled = [next(rest) if is_floating(leaf) else leaf for leaf in leaves]
            return forward(network, jax.tree.unflatten(structure, filled), inputs)[0]

        of_jax = jax.value_and_grad(loss, (0, 1))([leaf for leaf in leaves if is_floating(leaf)], inputs)
        return value_and_gradient(network, own, inputs), of_jax

    with jax.enable_x64(True), jax.debug_key_reuse(False):  # the same noise on purpose, once for each derivative
        (value, gradient), (expected, (automatic, _)) = jax.jit(both)(own, inputs)
    assert value == pytest.approx(float(expected), rel=1e-12)
    assert jax.tree.structure(jax.tree.leaves(gradient)) == jax.tree.structure(automatic)
    scale = max(np.abs(leaf).max() for leaf in map(np.asarray, automatic))  # a bias before a norm has the gradient zero
    for hand, truth in zip(jax.tree.leaves(gradient), automatic, strict=True):
        assert hand.shape == truth.shape
        assert np.abs(np.asarray(hand) - np.asarray(truth)).max() <= 1e-12 * scale
