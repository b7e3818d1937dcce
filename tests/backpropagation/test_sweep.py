import inspect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings, strategies
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
    trace,
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
@given(strategies.lists(strategies.sampled_from([1, 2, 3]), min_size=2, max_size=5), strategies.integers(0, 2**32 - 1))
def test_the_sweep_is_jaxs_gradient_for_any_dense_network(widths, seed):
    random = np.random.default_rng(seed)
    with jax.enable_x64(True):
        activations = random.choice([0, 1, 2, 3], len(widths) - 2)
        network, own, inputs = classifier(random, widths, [(RELU, TANH, SIGMOID, SOFTMAX)[a] for a in activations])
        value, gradient = value_and_gradient(network, own, inputs)
        trained = list(own[:-2])

        def loss(trained, weights):
            return forward(network, (*trained, own[-2], (weights,)), inputs)[0]

        expected, automatic = jax.value_and_grad(loss, (0, 1))(trained, own[-1][0])
        assert value == expected
        assert gradient[-2] == ()  # labels have no gradient
        assert relative_gap((list(gradient[:-2]), gradient[-1][0]), automatic) <= 1e-12


def test_the_sweep_returns_the_gradient_of_the_input_too(random, double):
    network, own, inputs = classifier(random, [3, 4, 2], [TANH])
    _, tape = forward(network, own, inputs)
    input_bar, _ = backward(network, tape, jnp.ones(()))
    automatic = jax.grad(lambda inputs: forward(network, own, inputs)[0])(inputs)
    assert derivation.error(input_bar, automatic) <= 1e-12


def test_a_key_may_precede_the_signal_and_settings_reach_both_sides(random, double):
    network = (
        DENSE,
        Layer(F.dropout, F.dropout_vjp, {"rate": 0.3}),
        Layer(F.softmax, F.softmax_vjp, {"temperature": 2.0}),
    )
    weights, bias = jnp.asarray(random.normal(size=(3, 4))), jnp.asarray(random.normal(size=4))
    inputs, g = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.normal(size=(5, 4)))
    key = jax.random.key(0)
    _, tape = forward(network, ((weights, bias), (key,), ()), inputs)
    _, gradient = backward(network, tape, g)

    def run(weights, bias):
        dropped = F.dropout(jax.random.clone(key), F.dense(inputs, weights, bias), rate=0.3)
        return (F.softmax(dropped, temperature=2.0) * g).sum()

    assert relative_gap(gradient[0], jax.grad(run, (0, 1))(weights, bias)) <= 1e-12


def test_a_missing_tuple_of_arguments_is_told():
    with pytest.raises(ValueError, match=r"own must hold a tuple of arguments for each of the 2 layers, but holds 1"):
        forward((DENSE, RELU), ((jnp.zeros((2, 3)), jnp.zeros(3)),), jnp.zeros((1, 2)))


def test_one_model_trained_three_ways_ends_at_the_same_parameters(double):
    """By jax.grad, by jax.grad through the hand derivations, and by sweeping the tape."""
    digits = data.take(data.load_digits(), np.arange(64))
    digits = jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, digits)
    optimizer = optax.sgd(0.1)
    hand = derivation.by_hand()
    automatic, by_hand = (models.mlp((16,), 10, activation=f.tanh, functional=f) for f in (F, hand))
    params, stats = automatic.init(jax.random.key(0), digits.inputs[:1])
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
    module = models.Mlp((16,), 10, activation=F.tanh)

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
    _, tape = forward((layer(F.batch_norm),), ((scale, bias),), x)
    bars, ((scale_bar, bias_bar),) = backward((layer(F.batch_norm),), tape, g)
    automatic = jax.grad(lambda *a: (F.batch_norm(*a)[0] * g).sum(), (0, 1, 2))(x, scale, bias)
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


BAD_LOSS = Layer(lambda x, t: (x - t) ** 2, lambda g, x, t: (2 * g * (x - t), -2 * g * (x - t)))
W1, W2, ONES = jnp.zeros((3, 4)), jnp.zeros((5, 2)), jnp.ones((6, 3))


@pytest.mark.parametrize(
    ("network", "own", "told"),
    [
        (
            (DENSE, RELU, DENSE, MEAN),
            ((W1, jnp.zeros(4)), (), (W2, jnp.zeros(2)), (jnp.ones(6),)),
            r"^network\[2\] \(dense\), given what network\[1\] \(relu\) returned: weights must have the shape "
            r"\(inputs, outputs\) with inputs = 4, but was given as \(5, 2\)",
        ),
        (
            (DENSE, Residual((RELU, DENSE)), MEAN),
            ((W1, jnp.zeros(4)), ((), (W2, jnp.zeros(2))), (jnp.ones(6),)),
            r"^network\[1\].layers\[1\] \(dense\), given what network\[1\].layers\[0\] \(relu\) returned: weights must",
        ),
        (
            (Residual((DENSE,)), MEAN),
            (((W1, jnp.zeros(4)),), (jnp.ones(6),)),
            r"^network\[0\] \(Residual\) must return the shape of its input, \(6, 3\), but its layers "
            r"returned \(6, 4\)",
        ),
        (
            (DENSE, CROSS_ENTROPY, MEAN),
            ((W1, jnp.zeros(4)), (), (jnp.ones(6),)),
            r"^network\[1\] \(cross_entropy\) takes the signal and \(labels\), but own\[1\] holds 0 arguments",
        ),
        (
            (DENSE, CROSS_ENTROPY, MEAN),
            ((W1, jnp.zeros(4)), (jnp.zeros(6),), (jnp.ones(6),)),
            r"^network\[1\] \(cross_entropy\), given what .* returned: labels must be integers, but was "
            r"given as float32",
        ),
        (
            (DENSE, Layer(F.softmax, F.softmax_vjp, {"warmth": 1.0}), MEAN),
            ((W1, jnp.zeros(4)), (), (jnp.ones(6),)),
            r"^network\[1\] \(softmax\) takes .*got an unexpected keyword argument 'warmth'",
        ),
        (
            (DENSE, CROSS_ENTROPY),
            ((W1, jnp.zeros(4)), (jnp.zeros(6, jnp.int32),)),
            r"^the network must end in one number, but network\[1\] \(cross_entropy\) returned the shape \(6,\)",
        ),
        (
            (BAD_LOSS, MEAN),
            ((jnp.zeros((6, 3)),), (jnp.ones(6),)),
            r"^network\[1\] \(weighted_mean\), given what network\[0\] \(λ\) returned: values must have the "
            r"shape \(batch,\), but was given as \(6, 3\)",
        ),
        (
            (Layer(jnp.sin, None), MEAN),
            ((), (jnp.ones(6),)),
            r"^network\[0\] \(sin\) has no derivation",
        ),
        (
            (Residual((F.relu,)), MEAN),
            ((), (jnp.ones(6),)),
            r"^network\[0\].layers\[0\] \(<function relu.*\) has no derivation",
        ),
    ],
)
def test_the_first_layer_that_does_not_fit_is_named(network, own, told):
    with pytest.raises((ValueError, TypeError), match=told):
        value_and_gradient(network, own, ONES)


def test_a_layer_finds_its_derivation_beside_the_function_or_says_that_there_is_none():
    assert layer(F.softmax, {"temperature": 2.0}) == Layer(F.softmax, F.softmax_vjp, {"temperature": 2.0})
    with pytest.raises(ValueError, match=r"f must have its derivation sin_vjp beside it, but sin has none"):
        layer(jnp.sin)


def test_what_cannot_be_swept_is_told_before_anything_is_computed():
    wrong = (Layer(jnp.sin, None),)
    with pytest.raises(ValueError, match=r"^network\[0\] \(sin\) has no derivation"):
        backward(wrong, ((jnp.ones(2),),), jnp.ones(2))
    with pytest.raises(
        ValueError, match=r"^the network must end in one number, but it has no layer and returned .*\(2,\)"
    ):
        value_and_gradient((), (), jnp.ones(2))
    with pytest.raises(ValueError, match=r"^the network must end in one number, but network\[0\] .* shape \(1,\)"):
        value_and_gradient((layer(F.relu),), ((),), jnp.ones(1))
    with pytest.raises(ValueError, match=r"^own\[0\]\[1\] must hold|own\[0\]\[1\] holds 1 arguments"):
        forward((Residual((RELU, DENSE)),), (((), (W1,)),), ONES)
    with pytest.raises(TypeError, match="labels must be integers"):
        forward((DENSE, CROSS_ENTROPY), ((W1, jnp.zeros(4)), (jnp.zeros(6),)), ONES)


@pytest.mark.parametrize(
    ("f_vjp", "told"),
    [
        (lambda g, x, w: g * w, "but returned [A-Za-z]*, no tuple"),
        (lambda g, x, w: (g * w,), "but returned 1"),
        (lambda g, x, w: (g * w, (g * x).sum(0), g), "but returned 3"),
    ],
)
def test_a_derivation_that_returns_too_little_or_too_much_is_told(f_vjp, told):
    scaled = Layer(lambda x, w: x * w, f_vjp)
    network, own = (RELU, Residual((scaled,)), BAD_LOSS), ((), ((jnp.ones(2),),), (jnp.ones((4, 2)),))
    _, tape = forward(network, own, jnp.ones((4, 2)))
    sentence = rf"^network\[1\].layers\[0\] \(λ\): λ must return a tuple of 2 cotangents, .*, {told}"
    with pytest.raises(ValueError, match=sentence):
        backward(network, tape, jnp.ones((4, 2)))
    square = layer(F.squared_error), layer(F.weighted_mean)
    with pytest.raises(ValueError, match=sentence):
        trace((*network[:2], *square), (*own[:2], (jnp.ones((4, 2)),), (jnp.ones(4),)), jnp.ones((4, 2)))


def test_what_is_no_layer_is_told():
    with pytest.raises(ValueError, match=r"^network\[0\].layers\[1\] must be a Layer or a Residual, but was <function"):
        forward((Residual((RELU, F.dense)),), (((), (W1, jnp.zeros(4))),), ONES)


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


def test_a_signal_that_is_not_floating_is_refused():
    taken = Layer(lambda ids, table: table[ids], lambda g, ids, table: (jnp.zeros_like(table).at[ids].add(g),))
    _, tape = forward((taken,), ((jnp.ones((3, 2)),),), jnp.array([0, 2]))
    told = r"^network\[0\] \(λ\) must have a floating signal to pull back to, but its signal is int32"
    with pytest.raises(TypeError, match=told):
        backward((taken,), tape, jnp.ones((2, 2)))


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
