import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.backpropagation import Layer, Residual, layer, trace, value_and_gradient
from jaxdl.backpropagation.formulas import formula, formula_of, formulas_of_gradient
from jaxdl.derivation import arguments_of, vjp_pairs

PAIRS = {pair.name: pair for pair in vjp_pairs()}


def network(random):
    """Dense layers, a Residual, and a loss, with arguments."""
    parts = (
        *map(layer, (F.dense, F.relu, F.dense)),
        Residual((layer(F.tanh), layer(F.layer_norm))),
        *map(layer, (F.cross_entropy, F.weighted_mean)),
    )
    draw = lambda *shape: jnp.asarray(random.normal(size=shape))
    own = (
        *((draw(2, 3), draw(3)), (), (draw(3, 2), draw(2)), ((), (draw(2), draw(2)))),
        *((jnp.array([0, 1]),), (jnp.ones(2),)),
    )
    return parts, own, draw(2, 2)


def test_every_step_is_named_told_and_computed(random, double):
    steps = {step.name: step for step in trace(*network(random))}
    assert list(steps) == [
        *(
            "x0",
            "weights1",
            "bias1",
            "x1",
            "x2",
            "weights3",
            "bias3",
            "x3",
            "x4.0",
            "x4.1",
            "scale4.2",
            "bias4.2",
            "x4.2",
        ),
        *("x4", "labels5", "x5", "weights6", "x6", "∂L/∂x6", "∂L/∂weights6", "∂L/∂x5", "∂L/∂x4", "∂L/∂x4.2"),
        *("∂L/∂scale4.2", "∂L/∂bias4.2", "∂L/∂x4.1", "∂L/∂x4.0", "∂L/∂x3", "∂L/∂weights3", "∂L/∂bias3", "∂L/∂x2"),
        *("∂L/∂x1", "∂L/∂weights1", "∂L/∂bias1", "∂L/∂x0"),
    ]
    told = {
        "x0": "",
        "x1": "x0 @ weights1 + bias1",
        "x2": "where(x1 <= 0, 0, x1)",
        "x4.0": "x3",
        "x4": "x3 + x4.2",
        "x5": "cross_entropy(x4, labels5)",
        "∂L/∂x6": "1",
        "∂L/∂x4.2": "∂L/∂x4",
        "∂L/∂x3": "∂L/∂x4 + ∂L/∂x4.0",
        "∂L/∂weights3": "x2ᵀ @ ∂L/∂x3",
        "∂L/∂bias3": "sum(∂L/∂x3, axis=0)",
        "∂L/∂x2": "∂L/∂x3 @ weights3ᵀ",
        "∂L/∂x1": "where(x1 <= 0, 0, ∂L/∂x2)",
    }
    assert {name: steps[name].formula for name in told} == told
    assert {steps[name].of for name in ("x3", "bias3", "∂L/∂weights3")} == {"dense"}
    assert {steps[name].of for name in ("x6", "∂L/∂x6", "∂L/∂weights6")} == {"weighted_mean"}


def test_the_values_are_those_of_the_sweep_and_of_jax(random, double):
    parts, own, inputs = network(random)
    steps = {step.name: step.value for step in trace(parts, own, inputs)}
    value, gradient = value_and_gradient(parts, own, inputs)
    assert steps["x6"] == value
    names = ("weights1", "bias1", "weights3", "bias3", "scale4.2", "bias4.2", "weights6")
    for name, leaf in zip(names, jax.tree.leaves(gradient), strict=True):
        np.testing.assert_array_equal(steps[f"∂L/∂{name}"], leaf)

    def after_the_second_dense(x3):
        x42 = F.layer_norm(F.tanh(x3), *own[3][1])
        return F.cross_entropy(x3 + x42, own[4][0]).mean()

    np.testing.assert_allclose(steps["∂L/∂x3"], jax.grad(after_the_second_dense)(steps["x3"]), rtol=1e-12)
    assert steps["∂L/∂x6"].shape == ()


@pytest.fixture
def reuse():
    """The same noise on purpose."""
    with jax.debug_key_reuse(False):
        yield


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_what_is_written_is_what_is_computed(name, double, reuse):
    """The formulas, read as Python, give the values of the function and of its derivation, for every function."""
    pair = PAIRS[name]
    arguments, settings = derivation.examples(pair.f)[0]
    arguments = jax.tree.map(jnp.asarray, arguments)
    names = [f"{argument}_1" for argument in arguments_of(pair.f)][: len(arguments)]
    this = Layer(pair.f, pair.f_vjp, settings)
    outputs = jax.eval_shape(lambda *a: pair.f(*a, **settings), *arguments)
    several = isinstance(outputs, tuple)
    signal = outputs[0] if several else outputs
    g = jax.tree.map(lambda y: np.linspace(-1, 2, y.size, dtype=y.dtype).reshape(y.shape), signal)
    given = (g, *jax.tree.map(lambda y: np.zeros(y.shape, y.dtype), outputs[1:])) if several else g

    def both(given, *arguments):
        zeros = f"(g_1, {', '.join('0' for _ in outputs[1:])})" if several else "no zeros"
        known = {"array": jnp.array, **vars(jnp), **vars(F), **dict(zip(names, arguments, strict=True))}
        known |= {"g_1": given[0] if several else given, "g_and_zeros": given}
        y, pulled = pair.f(*arguments, **settings), pair.f_vjp(given, *arguments, **settings)
        told = formula(this, names), *formulas_of_gradient(this, "g_1", names, len(pulled))
        read = [eval(written.replace("ᵀ", ".T").replace(zeros, "g_and_zeros"), known) for written in told]
        return read, [y[0] if several else y, *pulled]

    for result, truth in zip(*jax.jit(both)(given, *arguments), strict=True):
        for ours, leaf in zip(jax.tree.leaves(result), jax.tree.leaves(truth), strict=True):
            np.testing.assert_allclose(ours, leaf, rtol=1e-12, atol=1e-14)


def test_functions_of_ones_own_are_told_by_their_call(random, double):
    cube = Layer(lambda x: x**3, lambda g, x: (3 * x**2 * g,))
    steps = {
        step.name: step for step in trace((cube, layer(F.weighted_mean)), ((), (jnp.ones(2),)), jnp.array([1.0, 2]))
    }
    assert steps["x1"].formula == "λ(x0)"
    np.testing.assert_allclose(steps["∂L/∂x0"].value, [1.5, 6])


def test_a_network_is_written_in_one_line():
    """Each signal once, with no more parentheses than are needed."""
    parts = (
        *map(layer, (F.dense, F.relu)),
        Residual((layer(F.tanh), Residual((layer(F.layer_norm),)), layer(F.dense))),
        layer(F.softplus, {"beta": 2.0}),
        Layer(lambda x, y: x, lambda g, x, y: (g, 0 * y), {"by": lambda: 0}),
        layer(F.squared_error),
    )
    own = ((1, 1), (), ((), ((1, 1),), (1, 1)), (), (1,), (1,))
    assert formula_of(parts, own) == (
        "sum((λ(logaddexp(2.0 * (x ↦ x + (x ↦ x + layer_norm(x, scale3.2.1, bias3.2.1))(tanh(x)) @ weights3.3 + "
        "bias3.3)(relu(x0 @ weights1 + bias1)), 0.0) / 2.0, y5, by=λ) - targets6) ** 2, axis=-1)"
    )


def test_the_noise_of_a_trace_is_that_of_the_sweep():
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.reshape, {"shape": ()}), layer(F.weighted_mean))
    own = ((jax.random.key(0),), (), (jnp.ones(50),))
    steps = {step.name: step.value for step in trace(network, own, jnp.ones((50, 1)))}
    np.testing.assert_allclose(steps["∂L/∂x0"] * 50, steps["x1"], rtol=1e-6)


def test_a_trace_refuses_what_a_gradient_refuses():
    with pytest.raises(ValueError, match=r"the network must end in one number, but network\[0\] \(relu\) returned"):
        trace((layer(F.relu),), ((),), jnp.ones(2))
    with pytest.raises(ValueError, match=r"network\[0\] \(sin\) has no derivation"):
        trace((Layer(jnp.sin, None),), ((),), jnp.ones(()))


def test_a_cotangent_that_is_transposed_is_put_in_parentheses():
    turned = Layer(turn, turn_vjp)
    assert formulas_of_gradient(turned, "∂L/∂x1", ["x0"], 1) == ["(∂L/∂x1)ᵀ"]
    assert formula(turned, ["x0"]) == "x0ᵀ"


def turn(x):
    return x.T


def turn_vjp(g, x):
    return (g.T,)


def test_of_several_outputs_the_first_is_written_and_the_others_have_the_cotangent_zero(double):
    network = (layer(F.batch_norm), layer(F.squared_error), layer(F.weighted_mean))
    own = ((jnp.ones(1), jnp.zeros(1)), (jnp.ones((3, 1)),), (jnp.ones(3),))
    steps = {step.name: step.formula for step in trace(network, own, jnp.array([[1.0], [2.0], [4.0]]))}
    assert steps["x1"] == "batch_norm(x0, scale1, bias1)[0]"
    assert steps["∂L/∂x0"] == "batch_norm_vjp((∂L/∂x1, 0, 0), x0, scale1, bias1)[0]"


def test_a_function_made_from_another_is_not_told_by_the_source_of_that():
    doubled = functools.wraps(turn)(lambda x: 2 * turn(x))
    for f in (jax.grad(cubes), jax.vmap(F.tanh), doubled, factory()):
        told = formula(Layer(f, None), ["x0"])
        assert told.endswith("(x0)")
        assert told.isascii() or told == "λ(x0)"
    assert formula(Layer(cubes, None), ["x0"]) == "sum(x0 ** 3)"


def test_what_a_function_of_ones_own_does_is_not_left_out():
    """Casts and clipping are guards in jaxdl; elsewhere they may be what a function is for."""
    assert formula(Layer(rounded, None), ["x0"]) == "rounded(x0)"
    assert formula(Layer(clipped, None), ["x0"]) == "clipped(x0)"
    assert formula(Layer(shrunk, None), ["x0"]) == "shrunk(x0)"  # its l2 is not that of the functional API
    assert formula(Layer(bent, None), ["x0"]) == "relu(x0) + log_softmax(x0)"


def test_names_that_would_meet_are_kept_apart(double):
    network = (Layer(added, added_vjp), layer(F.squared_error), layer(F.weighted_mean))
    own = ((jnp.ones((2, 1)), jnp.ones((2, 1))), (jnp.zeros((2, 1)),), (jnp.ones(2),))
    steps = {step.name: step.formula for step in trace(network, own, jnp.ones((2, 1)))}
    assert steps["x1"] == "x0 + x_1 + w1_1"
    assert steps["∂L/∂w1_1"] == "∂L/∂x1"
    assert len(steps) == len(trace(network, own, jnp.ones((2, 1))))


def test_a_cotangent_is_in_parentheses_before_what_binds_closer():
    squared = Layer(turn, squared_vjp)
    assert formulas_of_gradient(squared, "∂L/∂x1", ["x0"], 1) == ["(∂L/∂x1) ** 2 / (∂L/∂x1) + (∂L/∂x1)[0] - ∂L/∂x1"]


def test_own_arguments_of_another_number_of_layers_are_told(unchecked):
    with pytest.raises(ValueError, match=r"own must hold a tuple of arguments for each of the 1 layers, but holds 2"):
        formula_of((layer(F.relu),), ((), ()))
    with pytest.raises(ValueError, match=r"network\[0\] must be a Layer or a Residual, but was <function dense"):
        unchecked(formula_of)((F.dense,), ((1, 1),))


l2, clip_to = 0.1, jnp.clip
relu, log_softmax = F.relu, F.log_softmax


def cubes(x):
    return (x**3).sum()


def factory(): return lambda x: x * 2  # fmt: skip


def rounded(x):
    return (x * 10).astype(int).astype(float) / 10


def in_range(x, low, high):
    return clip_to(x, low, high)


def clipped(x):
    return in_range(x, -1.0, 1.0)


def shrunk(x):
    return x * (1 - l2)


def bent(x):
    return relu(x) + log_softmax(x)


def added(a, x, w1):
    return a + x + w1


def added_vjp(g, a, x, w1):
    return g, g, g


def squared_vjp(g, x):
    return (g**2 / g + g[0] - g,)


def test_a_derivation_may_call_its_arguments_otherwise():
    assert formulas_of_gradient(Layer(product, product_vjp), "G", ["x0", "c1"], 2) == ["2 * G * c1 * x0", "G * x0 * x0"]


def product(a, c):
    return a * a * c


def product_vjp(g, c, a):
    return 2 * g * a * c, g * c * c
