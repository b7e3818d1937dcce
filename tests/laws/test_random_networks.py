"""The reverse pass equals jax's gradient for random networks of all layer types."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies

import jaxdl.functional as F
from jaxdl.backpropagation import Residual, forward, layer, value_and_gradient

BATCH = 4


class Draw:
    """Random arguments of layers."""

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


def gru_arguments(d, s):
    """Initial states, weights and biases of two gated units."""
    return d.normal(s[0], 2), d.normal(s[-1], 6), d.normal(2, 6), d.normal(6), d.normal(2)


def lstm_arguments(d, s):
    return d.normal(s[0], 2), d.normal(s[0], 2), d.normal(s[-1], 8), d.normal(2, 8), d.normal(8)


# name: (layer, its arguments other than an input of shape s). Without Gaussian noise: jax draws it only to 1e-8, so the
# two halves of a compiled program can differ.
ANYWHERE = {
    "tanh": lambda d, s: (layer(F.tanh), ()),
    "relu": lambda d, s: (layer(F.relu), ()),
    "sigmoid": lambda d, s: (layer(F.sigmoid), ()),
    "gelu": lambda d, s: (layer(F.gelu), ()),
    "threshold": lambda d, s: (layer(F.threshold, {"cutoff": 0.5, "replacement": 0.1}), ()),
    "local_response_norm": lambda d, s: (layer(F.local_response_norm, {"size": 2, "alpha": 0.5}), ()),
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
    "gru_cell": lambda d, s: (layer(F.gru_cell), gru_arguments(d, s)),
    "lstm_cell": lambda d, s: (layer(F.lstm_cell), lstm_arguments(d, s)),
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
    "gru": lambda d, s: (layer(F.gru), gru_arguments(d, s)),
    "gru_reset_before": lambda d, s: (layer(F.gru, {"reset_after": False}), gru_arguments(d, s)),
    "lstm": lambda d, s: (layer(F.lstm), lstm_arguments(d, s)),
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
    "adaptive_avg_pool": lambda d, s: (layer(F.adaptive_avg_pool, {"output_size": (3, 2)}), ()),
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
    "sigmoid_binary_cross_entropy": lambda d, s: (layer(F.sigmoid_binary_cross_entropy), (d.positive(*s) / 2,)),
    "squared_error": lambda d, s: (layer(F.squared_error), (d.normal(*s),)),
    "huber": lambda d, s: (layer(F.huber, {"delta": 0.5}), (d.normal(*s),)),
    "weston_watkins": lambda d, s: (layer(F.weston_watkins), (d.integers(s[-1], s[0]),)),
    "listwise_softmax": lambda d, s: (layer(F.listwise_softmax), (d.positive(*s),)),
    "triplet": lambda d, s: (layer(F.triplet), (d.normal(*s), d.normal(*s))),
    "negative_sampling": lambda d, s: (layer(F.negative_sampling), (d.normal(*s), d.normal(s[0], 3, s[1]))),
}
SCALAR_LOSSES = {
    "hinge": lambda d, s: (layer(F.hinge), (2 * d.integers(2, s[0]) - 1,)),
    "sigmoid_binary_cross_entropy": lambda d, s: (layer(F.sigmoid_binary_cross_entropy), (d.integers(2, s[0]),)),
    "pairwise_logistic": lambda d, s: (layer(F.pairwise_logistic), (d.normal(*s),)),
}
INPUTS = {2: (BATCH, 3), 3: (BATCH, 3, 2), 4: (BATCH, 5, 4, 2)}


def random_network(draw):
    """Draw a network that ends in a loss; each layer fits the shape of the output before it.

    Return the network, its arguments and inputs.
    """
    random = Draw(draw(strategies.integers(0, 2**32 - 1)))
    inputs = random.normal(*INPUTS[draw(strategies.sampled_from([2, 3, 4]))])
    network, arguments, output = [], [], jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)

    def add(kinds):
        nonlocal output
        part, others = kinds[draw(strategies.sampled_from(sorted(kinds)))](random, output.shape)
        output = jax.eval_shape(lambda others, x: forward((part,), (others,), x)[0], others, output)
        network.append(part)
        arguments.append(others)

    for _ in range(draw(strategies.integers(1, 6))):
        add(KINDS[len(output.shape)])
    if len(output.shape) > 2:
        add({"reshape": SEQUENCES["reshape"]})
    if draw(strategies.booleans()):
        add(LOSSES)
    else:
        add({"dense": lambda d, s: (layer(F.dense), (d.normal(s[-1], 1), d.normal(1)))})
        add({"column": lambda d, s: (layer(F.reshape, {"shape": ()}), ())})
        add(SCALAR_LOSSES)
    add({"mean": lambda d, s: (layer(F.weighted_mean), (d.positive(*s),))})
    return tuple(network), tuple(arguments), inputs


def dense_network(widths, seed):
    """Dense layers with random activations between them, and a cross-entropy."""
    random = Draw(seed)
    kinds = [layer(f) for f in (F.relu, F.tanh, F.sigmoid, F.softmax)]
    network, arguments = [], []
    for inputs, outputs in itertools.pairwise(widths):
        network += [layer(F.dense), kinds[random.random.integers(4)]]
        arguments += [(random.normal(inputs, outputs), random.normal(outputs)), ()]
    loss_arguments = (random.integers(widths[-1], BATCH),), (random.positive(BATCH),)
    network = (*network[:-1], layer(F.cross_entropy), layer(F.weighted_mean))
    return network, (*arguments[:-1], *loss_arguments), random.normal(BATCH, widths[0])


def is_floating(leaf):
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def gradients(networks):
    """For each network: its loss and gradient by hand, and both by jax, all in one program."""

    def both(network, arguments, inputs):
        leaves, structure = jax.tree.flatten(arguments)

        def loss(floating):
            remaining = iter(floating)
            merged = [next(remaining) if is_floating(leaf) else leaf for leaf in leaves]
            return forward(network, jax.tree.unflatten(structure, merged), inputs)[0]

        automatic = jax.value_and_grad(loss)([leaf for leaf in leaves if is_floating(leaf)])
        return value_and_gradient(network, arguments, inputs), automatic

    layers = [network for network, _, _ in networks]
    compiled = jax.jit(lambda given: [both(*one) for one in zip(layers, *zip(*given, strict=True), strict=True)])
    with jax.debug_key_reuse(False):  # both gradients draw the same noise on purpose
        return compiled([rest for _, *rest in networks])


def differences(by_hand, automatic):
    """The largest difference and the largest entry of each leaf."""
    assert jax.tree.structure(jax.tree.leaves(by_hand)) == jax.tree.structure(automatic)
    for hand, truth in zip(jax.tree.leaves(by_hand), map(np.asarray, automatic), strict=True):
        assert hand.shape == truth.shape
        yield np.abs(np.asarray(hand) - truth).max(), np.abs(truth).max()


@settings(deadline=None, max_examples=5, phases=[Phase.explicit, Phase.generate], database=None)
@given(strategies.data())
def test_reverse_pass_equals_jaxs_gradient_for_random_networks(data):
    with jax.enable_x64(True):
        found = gradients([random_network(data.draw) for _ in range(5)])
    for (value, gradient), (expected, automatic) in found:
        assert value == pytest.approx(float(expected), rel=1e-12)
        errors, sizes = zip(*differences(gradient, automatic), strict=True)
        floor = 1e-3 * float(value)  # for gradients that are 0 up to rounding, as those of a saturated network
        assert max(errors) <= 1e-12 * max(*sizes, floor)  # of all leaves: a bias before a norm has the gradient 0


def test_reverse_pass_equals_jaxs_gradient_for_dense_networks(random, double):
    """Widths of 1 to 3 and up to four layers; with widths 2-1-2 and seed 0 all losses are equal."""
    drawn = [random.integers(1, 4, size=random.integers(2, 6)) for _ in range(15)]
    networks = [dense_network(tuple(map(int, widths)), seed) for seed, widths in enumerate([[2, 1, 2], *drawn])]
    for (value, gradient), (expected, automatic) in gradients(networks):
        assert value == expected
        assert gradient[-2] == ()  # labels have no gradient
        pairs = list(differences(gradient, automatic))
        floor = 1e-3 * max(float(value), *(size for _, size in pairs))  # for a gradient that is 0 up to rounding
        assert all(error <= 1e-12 * max(size, floor) for error, size in pairs)
