"""Networks that do not fit are told by the first layer that fails, with its place and its name."""

import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import Layer, Residual, backward, forward, layer, trace, value_and_gradient

DENSE, RELU, CROSS_ENTROPY, MEAN = map(layer, (F.dense, F.relu, F.cross_entropy, F.weighted_mean))


def test_a_missing_tuple_of_arguments_is_told():
    with pytest.raises(ValueError, match=r"own must hold a tuple of arguments for each of the 2 layers, but holds 1"):
        forward((DENSE, RELU), ((jnp.zeros((2, 3)), jnp.zeros(3)),), jnp.zeros((1, 2)))


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


def test_a_signal_that_is_not_floating_is_refused():
    taken = Layer(lambda ids, table: table[ids], lambda g, ids, table: (jnp.zeros_like(table).at[ids].add(g),))
    _, tape = forward((taken,), ((jnp.ones((3, 2)),),), jnp.array([0, 2]))
    told = r"^network\[0\] \(λ\) must have a floating signal to pull back to, but its signal is int32"
    with pytest.raises(TypeError, match=told):
        backward((taken,), tape, jnp.ones((2, 2)))
