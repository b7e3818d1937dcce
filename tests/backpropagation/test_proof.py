"""prove_layers finds a wrong VJP anywhere in a network and names its layer."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.backpropagation import Layer, Residual, layer, prove_layers, value_and_gradient

FUNCTIONS = (
    *(F.conv2d, F.batch_norm, F.gelu, F.max_pool, F.reshape, F.dense, F.layer_norm, F.tanh),
    *(F.dropout, F.dense, F.cross_entropy, F.weighted_mean),
)


def deep_network(random):
    """Return a network of twelve layers and a Residual, its arguments and inputs."""
    draw = lambda *shape: jnp.asarray(random.normal(size=shape), jnp.float32)
    network = [*map(layer, FUNCTIONS)]
    network[8] = network[8]._replace(settings={"rate": 0.3})
    arguments = [
        *((draw(3, 3, 2, 4), draw(4)), (draw(4), draw(4)), (), (), (), (draw(16, 5), draw(5)), (draw(5), draw(5)), ()),
        *((jax.random.key(0),), (draw(5, 3), draw(3)), (jnp.array([0, 1, 2, 1, 0, 2]),), (jnp.ones(6),)),
    ]
    network.insert(7, Residual((layer(F.dense), layer(F.softplus))))
    arguments.insert(7, ((draw(5, 5), draw(5)), ()))
    return tuple(network), tuple(arguments), draw(6, 6, 6, 2)


def mutated(part):
    """Return the layer with a VJP that is slightly wrong."""
    for change, f_vjp in derivation.mutants(part.f_vjp):
        if "_slightly_more" in change:
            return part._replace(f_vjp=f_vjp)
    raise AssertionError(f"{part.f} has no mutant")


@pytest.fixture(autouse=True)
def allow_key_reuse():
    """The VJPs and automatic differentiation draw the same noise on purpose."""
    with jax.debug_key_reuse(False):
        yield


def test_every_layer_of_a_deep_network_agrees(random):
    proofs = prove_layers(*deep_network(random))
    names = [f.__name__ for f in FUNCTIONS]
    assert [proof.name for proof in proofs] == [
        *(f"network[{position}] ({name})" for position, name in enumerate(names[:7])),
        "network[7].layers[0] (dense)",
        "network[7].layers[1] (softplus)",
        *(f"network[{position}] ({name})" for position, name in enumerate(names[7:], 8)),
    ]
    assert [proof.fault for proof in proofs] == [""] * 14
    assert all(proof.error <= 1e-12 for proof in proofs)


def test_wrong_layers_are_named_also_inside_a_residual_and_right_ones_next_to_them_are_not(random):
    network, arguments, inputs = deep_network(random)
    names = {position: f"network[{position}] ({network[position].f.__name__})" for position in (0, 1, 5, 6, 8, 10, 11)}
    network = [mutated(part) if position in names else part for position, part in enumerate(network)]
    network[7] = Residual((mutated(network[7].layers[0]), network[7].layers[1]))
    names[7] = "network[7].layers[0] (dense)"
    faults = {proof.name: proof.fault for proof in prove_layers(tuple(network), arguments, inputs) if proof.fault}
    assert list(faults) == [names[position] for position in sorted(names)]
    assert all(" is over 1e-12" in fault for fault in faults.values())


def test_wrong_layer_changes_only_the_gradients_of_earlier_layers(random, double):
    network, arguments, inputs = deep_network(random)
    position = 6  # layer_norm

    def scaled(g, *layer_arguments):
        x_bar, *others_bar = F.layer_norm_vjp(g, *layer_arguments)
        return 1.001 * x_bar, *others_bar

    wrong = (*network[:position], network[position]._replace(f_vjp=scaled), *network[position + 1 :])
    both = jax.jit(lambda *given: [value_and_gradient(layers, *given)[1] for layers in (network, wrong)])
    for number, (a, b) in enumerate(zip(*both(arguments, inputs), strict=True)):
        for leaf, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            factor = 1.001 if number < position else 1.0
            np.testing.assert_allclose(other, factor * np.asarray(leaf), rtol=1e-9, atol=1e-15)


def test_vjp_with_too_few_cotangents_is_reported(random):
    network = (Layer(F.dense, lambda g, x, weights, bias: (g @ weights.T,)), layer(F.squared_error))
    arguments = ((jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),))
    first, _ = prove_layers(network, arguments, jnp.ones((4, 3)))
    assert "must return a tuple of 3 cotangents, one for each floating argument, got 1" in first.fault
    with pytest.raises(ValueError, match=r"network\[1\] \(squared_error\) has no VJP"):
        prove_layers((network[0], Layer(F.squared_error, None)), arguments, jnp.ones((4, 3)))


def test_layer_is_tested_with_its_settings():
    """The VJP is wrong only at temperature 2."""

    def wrong(g, logits, *, temperature=1.0):
        (right,) = F.softmax_vjp(g, logits, temperature=temperature)
        return (right * jnp.where(temperature == 2.0, 1.001, 1.0).astype(g.dtype),)

    proofs = [
        prove_layers((Layer(F.softmax, wrong, settings),), ((),), jnp.array([[1 / 3, 2 / 3, 0.1]]))[0]
        for settings in ({}, {"temperature": 3.0}, {"temperature": 2.0})
    ]
    assert [bool(proof.fault) for proof in proofs] == [False, False, True]


def test_rounding_of_a_gradient_that_is_zero_is_no_fault():
    """With zero weights all losses are equal, so the gradient with respect to the example weights is rounding."""
    for batch, classes in ((3, 3), (7, 2), (10, 10), (12, 3)):
        network = (layer(F.dense), layer(F.cross_entropy), layer(F.weighted_mean))
        arguments = ((jnp.zeros((4, classes)), jnp.zeros(classes)), (jnp.arange(batch) % classes,), (jnp.ones(batch),))
        inputs = jax.random.normal(jax.random.key(0), (batch, 4))
        assert [proof.fault for proof in prove_layers(network, arguments, inputs)] == ["", "", ""]


def test_cotangents_of_another_shape_are_reported():
    network = (Layer(F.dense, lambda g, x, w, b: (g @ w.T, x.T @ g, g)), layer(F.squared_error))
    first, _ = prove_layers(network, ((jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),)), jnp.ones((4, 3)))
    assert first.fault == "the cotangents must have the shapes ((4, 3), (3, 2), (2,)), got ((4, 3), (3, 2), (4, 2))"


def test_first_of_several_outputs_is_tested():
    bars = lambda g, x, scale, bias, **settings: F.batch_norm_vjp((g[0], *g[1:]), x, scale, bias, **settings)
    network = (Layer(F.batch_norm, bars, {"epsilon": 0.5}), layer(F.squared_error))
    x = jax.random.normal(jax.random.key(0), (4, 2))
    proofs = prove_layers(network, ((jnp.ones(2), jnp.ones(2)), (jnp.ones((4, 2)),)), x)
    assert [proof.fault for proof in proofs] == ["", ""]


def test_small_wrong_cotangent_is_found_next_to_a_large_right_one():
    wrong = lambda g, x, w, b: (*F.dense_vjp(g, x, w, b)[:2], 2 * g.sum(axis=0))
    network = (Layer(F.dense, wrong), layer(F.squared_error))
    arguments = ((1e13 * jnp.ones((3, 2)), jnp.ones(2)), (jnp.ones((4, 2)),))
    assert [bool(proof.fault) for proof in prove_layers(network, arguments, jnp.ones((4, 3)))] == [True, False]


def test_nan_cotangent_is_a_fault():
    network = (Layer(F.tanh, lambda g, z: (g * jnp.nan,)), layer(F.squared_error))
    first, _ = prove_layers(network, ((), (jnp.ones((4, 2)),)), jnp.ones((4, 2)))
    assert first.fault == "error inf is over 1e-12"
