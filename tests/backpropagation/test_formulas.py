import functools
import importlib
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import derivation
from jaxdl.backpropagation import Layer, Residual, layer, network_formula
from jaxdl.backpropagation.formulas import GUARDS, gradient_formulas, layer_formula
from jaxdl.derivation import arguments_of, vjp_pairs

PAIRS = {pair.name: pair for pair in vjp_pairs()}


@pytest.fixture
def allow_key_reuse():
    """A formula draws the same noise as its function on purpose."""
    with jax.debug_key_reuse(False):
        yield


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_formulas_compute_the_values_of_a_function_and_its_vjp(name, double, allow_key_reuse):
    """The formulas, executed as Python, give the outputs and cotangents of every function."""
    pair = PAIRS[name]
    arguments, settings = derivation.examples(pair.f)[0]
    arguments = jax.tree.map(jnp.asarray, arguments)
    names = [f"{argument}_1" for argument in arguments_of(pair.f)][: len(arguments)]
    this = Layer(pair.f, pair.f_vjp, settings)
    outputs = jax.eval_shape(lambda *a: pair.f(*a, **settings), *arguments)
    several = isinstance(outputs, tuple)
    output = outputs[0] if several else outputs
    g = jax.tree.map(lambda y: np.linspace(-1, 2, y.size, dtype=y.dtype).reshape(y.shape), output)
    given = (g, *jax.tree.map(lambda y: np.zeros(y.shape, y.dtype), outputs[1:])) if several else g

    def both(given, *arguments):
        zeros = f"(g_1, {', '.join('0' for _ in outputs[1:])})" if several else "no zeros"
        known = {"array": jnp.array, **vars(jnp), **vars(F), **dict(zip(names, arguments, strict=True))}
        known |= {"g_1": given[0] if several else given, "g_and_zeros": given}
        y, pulled = pair.f(*arguments, **settings), pair.f_vjp(given, *arguments, **settings)
        formulas = layer_formula(this, names), *gradient_formulas(this, "g_1", names, len(pulled))
        computed = [eval(one.replace("ᵀ", ".T").replace(zeros, "g_and_zeros"), known) for one in formulas]
        return computed, [y[0] if several else y, *pulled]

    for result, truth in zip(*jax.jit(both)(given, *arguments), strict=True):
        for ours, leaf in zip(jax.tree.leaves(result), jax.tree.leaves(truth), strict=True):
            np.testing.assert_allclose(ours, leaf, rtol=1e-12, atol=1e-14)


def test_network_formula_is_one_line():
    """Each layer input is written once, with no more parentheses than necessary."""
    parts = (
        *map(layer, (F.dense, F.relu)),
        Residual((layer(F.tanh), Residual((layer(F.layer_norm),)), layer(F.dense))),
        layer(F.softplus, {"beta": 2.0}),
        Layer(lambda x, y: x, lambda g, x, y: (g, 0 * y), {"by": lambda: 0}),
        layer(F.squared_error),
    )
    arguments = ((1, 1), (), ((), ((1, 1),), (1, 1)), (), (1,), (1,))
    assert network_formula(parts, arguments) == (
        "sum((λ(logaddexp(2.0 * (x ↦ x + (x ↦ x + layer_norm(x, scale3.2.1, bias3.2.1))(tanh(x)) @ weights3.3 + "
        "bias3.3)(relu(x0 @ weights1 + bias1)), 0.0) / 2.0, y5, by=λ) - targets6) ** 2, axis=-1)"
    )


def test_transposed_cotangent_is_in_parentheses():
    transposed = Layer(transpose, transpose_vjp)
    assert gradient_formulas(transposed, "∂L/∂x1", ["x0"], 1) == ["(∂L/∂x1)ᵀ"]
    assert layer_formula(transposed, ["x0"]) == "x0ᵀ"


def transpose(x):
    return x.T


def transpose_vjp(g, x):
    return (g.T,)


def test_cotangent_is_in_parentheses_next_to_operators_that_bind_more_tightly():
    squared = Layer(transpose, squared_vjp)
    assert gradient_formulas(squared, "∂L/∂x1", ["x0"], 1) == ["(∂L/∂x1) ** 2 / (∂L/∂x1) + (∂L/∂x1)[0] - ∂L/∂x1"]


def squared_vjp(g, x):
    return (g**2 / g + g[0] - g,)


def test_vjp_may_have_other_argument_names():
    assert gradient_formulas(Layer(product, product_vjp), "G", ["x0", "c1"], 2) == ["2 * G * c1 * x0", "G * x0 * x0"]


def product(a, c):
    return a * a * c


def product_vjp(g, c, a):
    return 2 * g * a * c, g * c * c


def test_wrapper_of_a_function_is_not_written_with_the_source_of_that_function():
    doubled = functools.wraps(transpose)(lambda x: 2 * transpose(x))
    for f in (jax.grad(cubes), jax.vmap(F.tanh), doubled, factory()):
        formula = layer_formula(Layer(f, None), ["x0"])
        assert formula.endswith("(x0)")
        assert formula.isascii() or formula == "λ(x0)"
    assert layer_formula(Layer(cubes, None), ["x0"]) == "sum(x0 ** 3)"


def cubes(x):
    return (x**3).sum()


def factory(): return lambda x: x * 2  # fmt: skip


def test_casts_and_clipping_of_user_functions_are_not_removed():
    """Functions with the names of guards are guards only if they come from jaxdl."""
    assert layer_formula(Layer(rounded, None), ["x0"]) == "rounded(x0)"
    assert layer_formula(Layer(clipped, None), ["x0"]) == "clipped(x0)"
    assert layer_formula(Layer(shrunk, None), ["x0"]) == "shrunk(x0)"  # its l2 is not that of jaxdl.functional
    assert layer_formula(Layer(bent, None), ["x0"]) == "relu(x0) + log_softmax(x0)"


l2, clip_to = 0.1, jnp.clip
relu, log_softmax = F.relu, F.log_softmax


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


def test_network_formula_checks_its_arguments(unchecked):
    with pytest.raises(ValueError, match=r"arguments must hold one tuple for each of the 1 layers, got 2"):
        network_formula((layer(F.relu),), ((), ()))
    with pytest.raises(ValueError, match=r"network\[0\] must be a Layer or a Residual, got <function dense"):
        unchecked(network_formula)((F.dense,), ((1, 1),))


def test_guards_are_functions_that_exist():
    """A guard that is renamed in `functional` would show up in every formula."""
    modules = [importlib.import_module(info.name) for info in pkgutil.iter_modules(F.__path__, "jaxdl.functional.")]
    defined = {name for module in modules for name in vars(module)} | {*dir(jnp), *dir(jax.lax)}
    assert defined >= {*GUARDS, "one_or_nan", "over_root"}
