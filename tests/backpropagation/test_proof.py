"""A wrong derivation deep inside a network is seen, and its layer is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.backpropagation import Layer, Residual, layer, prove_layers, value_and_gradient

PARTS = (
    *(F.conv2d, F.batch_norm, F.gelu, F.max_pool, F.reshape, F.dense, F.layer_norm, F.tanh),
    *(F.dropout, F.dense, F.cross_entropy, F.weighted_mean),
)


def deep(random):
    """Twelve layers, and a Residual among them."""
    draw = lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)
    network = [*map(layer, PARTS)]
    network[8] = network[8]._replace(settings={"rate": 0.3})
    own = [
        *((draw(3, 3, 2, 4), draw(4)), (draw(4), draw(4)), (), (), (), (draw(16, 5), draw(5)), (draw(5), draw(5)), ()),
        *((jax.random.key(0),), (draw(5, 3), draw(3)), (jnp.array([0, 1, 2, 1, 0, 2]),), (jnp.ones(6),)),
    ]
    around = Residual((layer(F.dense), layer(F.softplus)))
    network.insert(7, around)
    own.insert(7, ((draw(5, 5), draw(5)), ()))
    return tuple(network), tuple(own), draw(6, 6, 6, 2)


def forged(part):
    """The layer with the first forgery that changes what it pulls back."""
    wrong = dict(derivation.mutants(part.f_vjp))
    for change, f_vjp in wrong.items():
        if "_slightly_more" in change:
            return part._replace(f_vjp=f_vjp)
    raise AssertionError(f"{part.f} has no forgery")


@pytest.fixture(autouse=True)
def reuse():
    """The same noise on purpose, in the sweep and in automatic differentiation."""
    with jax.debug_key_reuse(False):
        yield


def test_every_layer_of_a_deep_network_holds(random):
    proofs = prove_layers(*deep(random))
    names = [f.__name__ for f in PARTS]
    assert [proof.name for proof in proofs] == [
        *(f"network[{place}] ({name})" for place, name in enumerate(names[:7])),
        "network[7].layers[0] (dense)",
        "network[7].layers[1] (softplus)",
        *(f"network[{place}] ({name})" for place, name in enumerate(names[7:], 8)),
    ]
    assert [proof.fault for proof in proofs] == [""] * 14
    assert all(proof.error <= 1e-12 for proof in proofs)


@pytest.mark.parametrize("places", [(0, 5, 8, 11), (1, 6, 10)])
def test_forged_layers_are_those_that_are_named(places, random):
    network, own, inputs = deep(random)
    network = tuple(forged(part) if place in places else part for place, part in enumerate(network))
    faults = {proof.name: proof.fault for proof in prove_layers(network, own, inputs) if proof.fault}
    assert list(faults) == [f"network[{place}] ({network[place].f.__name__})" for place in places]
    assert all(" is over 1e-12" in fault for fault in faults.values())


def test_a_forged_layer_inside_a_residual_is_named(random):
    network, own, inputs = deep(random)
    wrong = Residual((forged(network[7].layers[0]), network[7].layers[1]))
    faults = [p.name for p in prove_layers((*network[:7], wrong, *network[8:]), own, inputs) if p.fault]
    assert faults == ["network[7].layers[0] (dense)"]


def test_a_forged_layer_spoils_the_gradient_of_all_before_it_and_of_none_after_it(random, double):
    network, own, inputs = deep(random)
    gradient = lambda network: jax.jit(lambda own, inputs: value_and_gradient(network, own, inputs)[1])(own, inputs)
    right = gradient(network)
    place = 6  # layer_norm

    def more(g, *arguments):
        x_bar, *own_bar = F.layer_norm_vjp(g, *arguments)
        return 1.001 * x_bar, *own_bar

    wrong = network[place]._replace(f_vjp=more)
    spoiled = gradient((*network[:place], wrong, *network[place + 1 :]))
    for number, (a, b) in enumerate(zip(right, spoiled, strict=True)):
        for leaf, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            factor = 1.001 if number < place else 1.0
            np.testing.assert_allclose(other, factor * np.asarray(leaf), rtol=1e-9, atol=1e-15)


def test_a_derivation_that_returns_too_little_is_told(random):
    network = (Layer(F.dense, lambda g, x, weights, bias: (g @ weights.T,)), layer(F.squared_error))
    own = ((jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),))
    first, _ = prove_layers(network, own, jnp.ones((4, 3)))
    assert "must return a tuple of 3 cotangents, one for each floating argument, but returned 1" in first.fault
    with pytest.raises(ValueError, match=r"network\[1\] \(squared_error\) has no derivation"):
        prove_layers((network[0], Layer(F.squared_error, None)), own, jnp.ones((4, 3)))


def test_a_layer_is_proven_with_its_settings():
    """Wrong at another temperature than the usual one, and only there."""

    def wrong(g, logits, *, temperature=1.0):
        (right,) = F.softmax_vjp(g, logits, temperature=temperature)
        return (right * jnp.where(temperature == 2.0, 1.001, 1.0).astype(g.dtype),)

    proofs = [
        prove_layers((Layer(F.softmax, wrong, settings),), ((),), jnp.array([[1 / 3, 2 / 3, 0.1]]))[0]
        for settings in ({}, {"temperature": 3.0}, {"temperature": 2.0})
    ]
    assert [bool(proof.fault) for proof in proofs] == [False, False, True]


def test_rounding_is_no_fault_where_a_gradient_is_zero():
    """All losses are equal where first weights are zero: the derivative with respect to their weights is rounding."""
    for batch, classes in ((3, 3), (7, 2), (10, 10), (12, 3)):
        network = (layer(F.dense), layer(F.cross_entropy), layer(F.weighted_mean))
        own = ((jnp.zeros((4, classes)), jnp.zeros(classes)), (jnp.arange(batch) % classes,), (jnp.ones(batch),))
        inputs = jax.random.normal(jax.random.key(0), (batch, 4))
        assert [proof.fault for proof in prove_layers(network, own, inputs)] == ["", "", ""]


def test_cotangents_of_another_shape_are_told():
    network = (Layer(F.dense, lambda g, x, w, b: (g @ w.T, x.T @ g, g)), layer(F.squared_error))
    first, _ = prove_layers(network, ((jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),)), jnp.ones((4, 3)))
    assert first.fault == "the cotangents have shapes ((4, 3), (3, 2), (4, 2)), not ((4, 3), (3, 2), (2,))"


def test_of_several_outputs_the_first_is_held():
    bars = lambda g, x, scale, bias, **settings: F.batch_norm_vjp((g[0], *g[1:]), x, scale, bias, **settings)
    network = (Layer(F.batch_norm, bars, {"epsilon": 0.5}), layer(F.squared_error))
    x = jax.random.normal(jax.random.key(0), (4, 2))
    proofs = prove_layers(network, ((jnp.ones(2), jnp.ones(2)), (jnp.ones((4, 2)),)), x)
    assert [proof.fault for proof in proofs] == ["", ""]


def test_a_small_cotangent_that_is_wrong_is_seen_beside_a_large_one():
    wrong = lambda g, x, w, b: (*F.dense_vjp(g, x, w, b)[:2], 2 * g.sum(axis=0))
    network = (Layer(F.dense, wrong), layer(F.squared_error))
    own = ((1e13 * jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),))
    assert [bool(proof.fault) for proof in prove_layers(network, own, jnp.ones((4, 3)))] == [True, False]


def test_a_cotangent_that_is_not_a_number_is_no_proof():
    network = (Layer(F.tanh, lambda g, z: (g * jnp.nan,)), layer(F.squared_error))
    first, _ = prove_layers(network, ((), (jnp.ones((4, 2)),)), jnp.ones((4, 2)))
    assert first.fault == "error inf is over 1e-12"
