import inspect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import example, given, settings, strategies
from jaxtyping import Float, Float64, Key

import jaxdl.functional as F
from jaxdl import data, derivation, models, training
from jaxdl.backpropagation import (
    Layer,
    Residual,
    backward,
    cost,
    forward,
    layer,
    prove_layers,
    value_and_gradient,
)

DENSE, RELU, TANH, SIGMOID, SOFTMAX = (
    Layer(getattr(F, name), getattr(F, f"{name}_vjp")) for name in ("dense", "relu", "tanh", "sigmoid", "softmax")
)
CROSS_ENTROPY = Layer(F.cross_entropy, F.cross_entropy_vjp)
MEAN = Layer(F.weighted_mean, F.weighted_mean_vjp)


def relative_gap(hand, automatic):
    pairs = zip(jax.tree.leaves(hand), jax.tree.leaves(automatic), strict=True)
    return max(derivation.error(a, b) for a, b in pairs)


def classifier(random, widths, activations):
    """A network, its own arguments and inputs, for these widths."""
    network, own = [], []
    for inputs, outputs, activation in zip(widths[:-1], widths[1:], [*activations, None], strict=True):
        network.append(DENSE)
        own.append((jnp.asarray(random.normal(size=(inputs, outputs))), jnp.asarray(random.normal(size=outputs))))
        if activation is not None:
            network.append(activation)
            own.append(())
    labels, weights = jnp.asarray(random.integers(0, widths[-1], 5)), jnp.asarray(random.uniform(0.5, 1, 5))
    inputs = jnp.asarray(random.normal(size=(5, widths[0])))
    return (*network, CROSS_ENTROPY, MEAN), (*own, (labels,), (weights,)), inputs


@settings(deadline=None, max_examples=15)
@example([2, 1, 2], 0)
@given(strategies.lists(strategies.sampled_from([1, 2, 3]), min_size=2, max_size=5), strategies.integers(0, 2**32 - 1))
def test_the_sweep_is_jaxs_gradient_for_any_dense_network(widths, seed):
    random = np.random.default_rng(seed)
    with jax.enable_x64(True):
        activations = random.choice([0, 1, 2, 3], len(widths) - 2)
        network, own, inputs = classifier(random, widths, [(RELU, TANH, SIGMOID, SOFTMAX)[a] for a in activations])

        def both(own, inputs):
            loss = lambda trained, weights: forward(network, (*trained, own[-2], (weights,)), inputs)[0]
            of_jax = jax.value_and_grad(loss, (0, 1))(list(own[:-2]), own[-1][0])
            return *value_and_gradient(network, own, inputs), *of_jax

        value, gradient, expected, automatic = jax.jit(both)(own, inputs)
        assert value == expected
        assert gradient[-2] == ()  # labels have no gradient
        pairs = zip(jax.tree.leaves((list(gradient[:-2]), gradient[-1][0])), jax.tree.leaves(automatic), strict=True)
        least = 1e-3 * max(abs(leaf).max() for leaf in (value, *jax.tree.leaves(automatic)))
        for hand, of_jax in pairs:  # one that is 0 but for rounding, as where all losses are equal, has no other scale
            assert abs(hand - of_jax).max() <= 1e-12 * max(abs(of_jax).max(), least)


def test_the_sweep_returns_the_gradient_of_the_input_too(random, double):
    network, own, inputs = classifier(random, [3, 4, 2], [TANH])

    @jax.jit
    def both(inputs):
        _, tape = forward(network, own, inputs)
        input_bar, _ = backward(network, tape, jnp.ones(()))
        return input_bar, jax.grad(lambda inputs: forward(network, own, inputs)[0])(inputs)

    assert derivation.error(*both(inputs)) <= 1e-12


def test_a_key_may_precede_the_signal_and_settings_reach_both_sides(random, double):
    network = (
        DENSE,
        Layer(F.dropout, F.dropout_vjp, {"rate": 0.3}),
        Layer(F.softmax, F.softmax_vjp, {"temperature": 2.0}),
    )
    weights, bias = jnp.asarray(random.normal(size=(3, 4))), jnp.asarray(random.normal(size=4))
    inputs, g = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.normal(size=(5, 4)))
    key = jax.random.key(0)

    @jax.jit
    def sweep(weights, bias, key):
        _, tape = forward(network, ((weights, bias), (key,), ()), inputs)
        return backward(network, tape, g)[1]

    gradient = sweep(weights, bias, jax.random.clone(key))

    @jax.jit
    def run(weights, bias):
        dropped = F.dropout(jax.random.clone(key), F.dense(inputs, weights, bias), rate=0.3)
        return (F.softmax(dropped, temperature=2.0) * g).sum()

    assert relative_gap(gradient[0], jax.grad(run, (0, 1))(weights, bias)) <= 1e-12


def test_one_model_trained_three_ways_ends_at_the_same_parameters(double):
    """By jax.grad, by jax.grad through the hand derivations, and by sweeping the tape."""
    digits = data.take(data.load_digits(), np.arange(64))
    digits = jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, digits)
    optimizer = optax.sgd(0.1)
    hand = derivation.by_hand()
    automatic, by_hand = (models.mlp((16,), 10, activation=f.tanh, functional=f) for f in (F, hand))
    params, stats = automatic.init(jax.random.key(0), digits.inputs[:1])
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
    module = models.MLP((16,), 10, activation=F.tanh)

    def sweep(params, batch):
        network, own = module.network(params)
        of_loss = ((batch.labels,), (batch.weights,))
        _, gradient = value_and_gradient((*network, CROSS_ENTROPY, MEAN), (*own, *of_loss), batch.inputs)
        return {
            name: dict(zip(("kernel", "bias"), gradient[place], strict=True))
            for name, place in (("Dense_0", 1), ("Dense_1", 3))
        }

    def differentiate(model, loss):
        objective = training.supervised(model, loss)
        return lambda params, batch: jax.grad(lambda p: objective(p, stats, batch, jax.random.key(0))[0])(params)

    ends = []
    for gradient in (differentiate(automatic, F.cross_entropy), differentiate(by_hand, hand.cross_entropy), sweep):

        def step(params, start, gradient=gradient):
            batch = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, 16), digits)
            updates, _ = optimizer.update(gradient(params, batch), optimizer.init(params), params)
            return optax.apply_updates(params, updates), None

        starts = jnp.tile(jnp.arange(0, 64, 16), 10)
        ends.append(jax.jit(lambda params, step=step: jax.lax.scan(step, params, starts))(params)[0])
    assert relative_gap(ends[0], params) > 0.01  # it has moved
    assert relative_gap(ends[1], ends[0]) <= 1e-12
    assert relative_gap(ends[2], ends[0]) <= 1e-12


def test_of_several_outputs_the_first_is_the_signal_and_the_others_pull_nothing(random, double):
    x, scale, bias, g = (jnp.asarray(random.normal(size=shape)) for shape in ((6, 3), 3, 3, (6, 3)))

    @jax.jit
    def sweep(x, *own):
        _, tape = forward((layer(F.batch_norm),), (own,), x)
        return backward((layer(F.batch_norm),), tape, g)

    bars, ((scale_bar, bias_bar),) = sweep(x, scale, bias)
    automatic = jax.jit(jax.grad(lambda *a: (F.batch_norm(*a)[0] * g).sum(), (0, 1, 2)))(x, scale, bias)
    assert relative_gap((bars, scale_bar, bias_bar), automatic) <= 1e-12


def test_a_function_that_says_nothing_of_what_it_returns_may_return_several(random, double):
    def halves(x):
        return 2 * x, x.sum(axis=0)

    def halves_vjp(g, x):
        of_first, of_second = g
        return (2 * of_first + of_second,)

    x = jnp.asarray(random.normal(size=(4, 2)))
    network = (Layer(halves, halves_vjp), Layer(lambda x: 3 * x, lambda g, x: (3 * g,)))
    y, tape = forward(network, ((), ()), x)
    np.testing.assert_array_equal(y, 6 * x)
    np.testing.assert_array_equal(backward(network, tape, jnp.ones((4, 2)))[0], jnp.full((4, 2), 6.0))


def test_a_residual_adds_its_input_and_both_cotangents(double):
    network = (Residual((Layer(lambda x: x**3, lambda g, x: (3 * x**2 * g,)),)),)
    y, tape = forward(network, (((),),), jnp.array([2.0]))
    assert y.tolist() == [10.0]
    assert backward(network, tape, jnp.ones(1))[0].tolist() == [13.0]


def test_noise_is_the_same_forward_and_backward(double):
    network, key = (layer(F.dropout, {"rate": 0.5}),), jax.random.key(3)
    x = jnp.ones((4, 50))
    y, tape = forward(network, ((key,),), x)
    x_bar, _ = backward(network, tape, jnp.ones((4, 50)))
    np.testing.assert_array_equal(x_bar, y)


def test_the_signal_is_the_first_argument_where_not_all_annotations_say_what_they_are(double):
    def scaled(x: jax.Array, w: Float[jax.Array, "features"]):
        return x**2 * w

    def taken(x: Float64[jax.Array, "*shape"], w: Float[jax.Array, "features"]):
        return x**2 * w

    def keyed(key: Key[jax.Array, ""], x: Float64[jax.Array, "*shape"]):
        return 2 * x

    for f in (scaled, taken):
        output, _ = forward((Layer(f, None),), ((jnp.array([1.0, 2.0, 3.0]),),), jnp.full(3, 2.0))
        np.testing.assert_array_equal(output, [4, 8, 12])
    assert forward((Layer(keyed, None),), ((jax.random.key(0),),), jnp.ones(2))[0].tolist() == [2, 2]


class Both(NamedTuple):
    y: jax.Array
    mean: jax.Array


@pytest.mark.parametrize("annotation", [inspect.Signature.empty, tuple, "tuple[jax.Array, jax.Array]", Both])
def test_other_outputs_have_the_cotangent_zero_however_they_are_annotated(annotation, double):
    def with_mean(x):
        return Both(3 * x, x.mean()) if annotation is Both else (3 * x, x.mean())

    def with_mean_vjp(g, x):
        of_y, of_mean = g
        assert isinstance(g, Both) == (annotation is Both)
        return (3 * of_y + of_mean / x.size,)

    if annotation is not inspect.Signature.empty:
        with_mean.__annotations__["return"] = annotation
    network = (Layer(with_mean, with_mean_vjp),)
    for size in (2, 3):
        _, tape = forward(network, ((),), jnp.ones(size))
        np.testing.assert_array_equal(backward(network, tape, jnp.ones(size))[0], np.full(size, 3.0))


def test_a_key_serves_forward_and_backward_again(double):
    """With jax's check of key reuse on, as in all tests here."""
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.squared_error))
    own = ((jax.random.key(0),), (jnp.ones((3, 4)),))
    losses, tape = forward(network, own, jnp.ones((3, 4)))
    backward(network, tape, jnp.ones(3))
    assert [proof.fault for proof in prove_layers(network, own, jnp.ones((3, 4)))] == ["", ""]
    assert cost(network, own[:1], (jnp.ones((3, 4)), jnp.ones((3, 4)))).parameters == 0
