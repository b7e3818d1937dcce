import inspect
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

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

DENSE, RELU, TANH, CROSS_ENTROPY, MEAN = map(layer, (F.dense, F.relu, F.tanh, F.cross_entropy, F.weighted_mean))
UNREDUCED_LOSS = Layer(lambda x, t: (x - t) ** 2, lambda g, x, t: (2 * g * (x - t), -2 * g * (x - t)))
W1, B1, W2, B2, INPUTS = jnp.zeros((3, 4)), jnp.zeros(4), jnp.zeros((5, 2)), jnp.zeros(2), jnp.ones((6, 3))
EXAMPLE_WEIGHTS = (jnp.ones(6),)


def relative_error(by_hand, automatic):
    pairs = zip(jax.tree.leaves(by_hand), jax.tree.leaves(automatic), strict=True)
    return max(derivation.relative_error(a, b) for a, b in pairs)


def test_backward_returns_the_gradient_of_the_inputs(random, double):
    draw = lambda *shape: jnp.asarray(random.normal(size=shape))
    network = (DENSE, TANH, DENSE, CROSS_ENTROPY, MEAN)
    labels, weights = jnp.asarray(random.integers(0, 2, 5)), jnp.asarray(random.uniform(0.5, 1, 5))
    arguments = ((draw(3, 4), draw(4)), (), (draw(4, 2), draw(2)), (labels,), (weights,))

    @jax.jit
    def both(inputs):
        _, tape = forward(network, arguments, inputs)
        inputs_bar, _ = backward(network, tape, jnp.ones(()))
        return inputs_bar, jax.grad(lambda inputs: forward(network, arguments, inputs)[0])(inputs)

    assert derivation.relative_error(*both(draw(5, 3))) <= 1e-12


def test_key_may_precede_the_input_and_both_passes_use_the_settings(random, double):
    network = (DENSE, layer(F.dropout, {"rate": 0.3}), layer(F.softmax, {"temperature": 2.0}))
    weights, bias = jnp.asarray(random.normal(size=(3, 4))), jnp.asarray(random.normal(size=4))
    inputs, g = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.normal(size=(5, 4)))
    key = jax.random.key(0)

    @jax.jit
    def by_hand(weights, bias, key):
        _, tape = forward(network, ((weights, bias), (key,), ()), inputs)
        return backward(network, tape, g)[1]

    gradient = by_hand(weights, bias, jax.random.clone(key))

    @jax.jit
    def weighted_sum(weights, bias):
        dropped = F.dropout(jax.random.clone(key), F.dense(inputs, weights, bias), rate=0.3)
        return (F.softmax(dropped, temperature=2.0) * g).sum()

    assert relative_error(gradient[0], jax.grad(weighted_sum, (0, 1))(weights, bias)) <= 1e-12


def test_three_ways_to_compute_gradients_train_a_model_to_the_same_parameters(double):
    """By jax.grad, by jax.grad through the hand-written VJPs, and by the reverse pass."""
    digits = data.take(data.load_digits(), np.arange(64))
    digits = jax.tree.map(lambda leaf: leaf.astype(jnp.float64) if leaf.dtype == jnp.float32 else leaf, digits)
    optimizer = optax.sgd(0.1)
    hand = derivation.by_hand()
    automatic, by_hand = (models.mlp((16,), 10, activation=f.tanh, functional=f) for f in (F, hand))
    params, stats = automatic.init(jax.random.key(0), digits.inputs[:1])
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), params)
    module = models.MLP((16,), 10, activation=F.tanh)

    def by_reverse_pass(params, batch):
        network, arguments = module.network(params)
        loss_arguments = ((batch.labels,), (batch.weights,))
        _, gradient = value_and_gradient((*network, CROSS_ENTROPY, MEAN), (*arguments, *loss_arguments), batch.inputs)
        return {
            name: dict(zip(("kernel", "bias"), gradient[position], strict=True))
            for name, position in (("Dense_0", 1), ("Dense_1", 3))
        }

    def by_jax(model, loss):
        objective = training.objective_of(training.Task(model, loss, optimizer, 16))
        return lambda params, batch: jax.grad(lambda p: objective(p, stats, batch, jax.random.key(0))[0])(params)

    trained = []
    for gradient in (by_jax(automatic, F.cross_entropy), by_jax(by_hand, hand.cross_entropy), by_reverse_pass):

        def step(params, start, gradient=gradient):
            batch = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, start, 16), digits)
            updates, _ = optimizer.update(gradient(params, batch), optimizer.init(params), params)
            return optax.apply_updates(params, updates), None

        starts = jnp.tile(jnp.arange(0, 64, 16), 10)
        trained.append(jax.jit(lambda params, step=step: jax.lax.scan(step, params, starts))(params)[0])
    assert relative_error(trained[0], params) > 0.01  # training changed them
    assert relative_error(trained[1], trained[0]) <= 1e-12
    assert relative_error(trained[2], trained[0]) <= 1e-12


def test_first_of_several_outputs_is_passed_on_and_the_others_have_the_cotangent_zero(random, double):
    x, scale, bias, g = (jnp.asarray(random.normal(size=shape)) for shape in ((6, 3), 3, 3, (6, 3)))

    @jax.jit
    def both(x, *others):
        _, tape = forward((layer(F.batch_norm),), (others,), x)
        x_bar, (others_bar,) = backward((layer(F.batch_norm),), tape, g)
        return (x_bar, *others_bar), jax.grad(lambda *a: (F.batch_norm(*a)[0] * g).sum(), (0, 1, 2))(x, *others)

    assert relative_error(*both(x, scale, bias)) <= 1e-12


class Both(NamedTuple):
    y: jax.Array
    mean: jax.Array


@pytest.mark.parametrize("annotation", [inspect.Signature.empty, tuple, "tuple[jax.Array, jax.Array]", Both])
def test_other_outputs_have_the_cotangent_zero_with_any_annotation(annotation, double):
    def with_mean(x):
        return Both(3 * x, x.mean()) if annotation is Both else (3 * x, x.mean())

    def with_mean_vjp(g, x):
        y_bar, mean_bar = g
        assert isinstance(g, Both) == (annotation is Both)
        return (3 * y_bar + mean_bar / x.size,)

    if annotation is not inspect.Signature.empty:
        with_mean.__annotations__["return"] = annotation
    network = (Layer(with_mean, with_mean_vjp), Layer(lambda x: 3 * x, lambda g, x: (3 * g,)))
    for size in (2, 3):
        outputs, tape = forward(network, ((), ()), jnp.ones(size))
        np.testing.assert_array_equal(outputs, np.full(size, 9.0))
        np.testing.assert_array_equal(backward(network, tape, jnp.ones(size))[0], np.full(size, 9.0))


def test_residual_adds_its_input_and_both_cotangents(double):
    network = (Residual((Layer(lambda x: x**3, lambda g, x: (3 * x**2 * g,)),)),)
    y, tape = forward(network, (((),),), jnp.array([2.0]))
    assert y.tolist() == [10.0]
    assert backward(network, tape, jnp.ones(1))[0].tolist() == [13.0]


def test_both_passes_draw_the_same_noise(double):
    network, key = (layer(F.dropout, {"rate": 0.5}),), jax.random.key(3)
    x = jnp.ones((4, 50))
    y, tape = forward(network, ((key,),), x)
    x_bar, _ = backward(network, tape, jnp.ones((4, 50)))
    np.testing.assert_array_equal(x_bar, y)


def test_both_passes_use_a_key_without_an_error_of_key_reuse(double):
    """All tests run with jax_debug_key_reuse."""
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.squared_error))
    arguments = ((jax.random.key(0),), (jnp.ones((3, 4)),))
    losses, tape = forward(network, arguments, jnp.ones((3, 4)))
    backward(network, tape, jnp.ones(3))
    assert [proof.fault for proof in prove_layers(network, arguments, jnp.ones((3, 4)))] == ["", ""]
    assert cost(network, arguments[:1], (jnp.ones((3, 4)), jnp.ones((3, 4)))).parameters == 0


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (
            (DENSE, RELU, DENSE, MEAN),
            ((W1, B1), (), (W2, B2), EXAMPLE_WEIGHTS),
            r"^network\[2\] \(dense\), applied to the output of network\[1\] \(relu\): weights must have the shape "
            r"\(inputs, outputs\) with inputs = 4, .*\(5, 2\)",
        ),
        (
            (DENSE, Residual((RELU, DENSE)), MEAN),
            ((W1, B1), ((), (W2, B2)), EXAMPLE_WEIGHTS),
            r"^network\[1\].layers\[1\] \(dense\), applied to the output of network\[1\].layers\[0\] \(relu\): "
            r"weights must",
        ),
        (
            (Residual((DENSE,)), MEAN),
            (((W1, B1),), EXAMPLE_WEIGHTS),
            r"^network\[0\] \(Residual\): x \+ F\(x\) needs equal shapes, but x has the shape \(6, 3\) and F\(x\) "
            r"\(6, 4\)",
        ),
        (
            (DENSE, CROSS_ENTROPY, MEAN),
            ((W1, B1), (), EXAMPLE_WEIGHTS),
            r"^network\[1\] \(cross_entropy\) needs the arguments \(labels\) besides its input, but arguments\[1\] "
            r"holds 0",
        ),
        (
            (DENSE, CROSS_ENTROPY, MEAN),
            ((W1, B1), (jnp.zeros(6),), EXAMPLE_WEIGHTS),
            r"^network\[1\] \(cross_entropy\), applied to the output .*: labels must be integers, .*float32",
        ),
        (
            (DENSE, Layer(F.softmax, F.softmax_vjp, {"warmth": 1.0}), MEAN),
            ((W1, B1), (), EXAMPLE_WEIGHTS),
            r"^network\[1\] \(softmax\) needs .*got an unexpected keyword argument 'warmth'",
        ),
        (
            (DENSE, CROSS_ENTROPY),
            ((W1, B1), (jnp.zeros(6, jnp.int32),)),
            r"^the network must end in a scalar, but network\[1\] \(cross_entropy\) returned the shape \(6,\)",
        ),
        (
            (UNREDUCED_LOSS, MEAN),
            ((jnp.zeros((6, 3)),), EXAMPLE_WEIGHTS),
            r"^network\[1\] \(weighted_mean\), applied to the output of network\[0\] \(λ\): values must have the "
            r"shape \(batch,\), .*\(6, 3\)",
        ),
        (
            (Layer(jnp.sin, None), MEAN),
            ((), EXAMPLE_WEIGHTS),
            r"^network\[0\] \(sin\) has no VJP",
        ),
        (
            (Residual((F.relu,)), MEAN),
            ((), EXAMPLE_WEIGHTS),
            r"^network\[0\].layers\[0\] \(<function relu.*\) has no VJP",
        ),
        (
            (Residual((RELU, DENSE)),),
            (((), (W1,)),),
            r"^network\[0\].layers\[1\] \(dense\) needs the arguments \(weights, bias\) .* arguments\[0\]\[1\] holds 1",
        ),
        ((), (), r"^the network must end in a scalar, but it has no layers and returned the shape \(6, 3\)"),
    ],
)
def test_error_names_the_first_layer_that_does_not_fit(network, arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        value_and_gradient(network, arguments, INPUTS)


def test_wrong_dtype_is_a_type_error():
    with pytest.raises(TypeError, match="labels must be integers"):
        forward((DENSE, CROSS_ENTROPY), ((W1, B1), (jnp.zeros(6),)), INPUTS)


def test_backward_without_a_vjp_raises():
    with pytest.raises(ValueError, match=r"^network\[0\] \(sin\) has no VJP"):
        backward((Layer(jnp.sin, None),), ((jnp.ones(2),),), jnp.ones(2))


def test_output_of_shape_one_is_not_a_scalar():
    with pytest.raises(ValueError, match=r"^the network must end in a scalar, but network\[0\] .* shape \(1,\)"):
        value_and_gradient((RELU,), ((),), jnp.ones(1))


@pytest.mark.parametrize(
    ("f_vjp", "returned"),
    [
        (lambda g, x, w: g * w, "got [A-Za-z]+ instead of a tuple"),
        (lambda g, x, w: (g * w,), "got 1"),
        (lambda g, x, w: (g * w, (g * x).sum(0), g), "got 3"),
    ],
)
def test_vjp_with_a_wrong_number_of_cotangents_raises(f_vjp, returned):
    scaled = Layer(lambda x, w: x * w, f_vjp)
    network = (RELU, Residual((scaled,)), UNREDUCED_LOSS)
    arguments = ((), ((jnp.ones(2),),), (jnp.ones((4, 2)),))
    _, tape = forward(network, arguments, jnp.ones((4, 2)))
    message = rf"^network\[1\].layers\[0\] \(λ\): λ must return a tuple of 2 cotangents, .*, {returned}"
    with pytest.raises(ValueError, match=message):
        backward(network, tape, jnp.ones((4, 2)))
    loss = layer(F.squared_error), MEAN
    with pytest.raises(ValueError, match=message):
        trace((*network[:2], *loss), (*arguments[:2], (jnp.ones((4, 2)),), (jnp.ones(4),)), jnp.ones((4, 2)))


def test_integer_input_of_a_layer_has_no_gradient():
    rows = Layer(lambda ids, table: table[ids], lambda g, ids, table: (jnp.zeros_like(table).at[ids].add(g),))
    _, tape = forward((rows,), ((jnp.ones((3, 2)),),), jnp.array([0, 2]))
    message = r"^network\[0\] \(λ\) must have a floating input to have a gradient, got int32"
    with pytest.raises(TypeError, match=message):
        backward((rows,), tape, jnp.ones((2, 2)))
