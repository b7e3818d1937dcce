import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies

from jaxdl.backpropagation import trace_expression
from jaxdl.backpropagation.expressions import FUNCTIONS, RULES

MICROGRAD = """
c = a + b
d = a * b + b**3
c += c + 1
c += 1 + c + (-a)
d += d * 2 + relu(b + a)
d += 3 * d + relu(b - a)
e = c - d
f = e**2
g = f / 2.0
g += 10.0 / f
"""
JAX_FUNCTIONS = {
    **{name: getattr(jnp, name) for name in FUNCTIONS if hasattr(jnp, name)},
    "relu": lambda u: jax.nn.relu(jnp.float64(u)),
    "sigmoid": lambda u: jax.nn.sigmoid(jnp.float64(u)),
}


def by_jax(text, values):
    """Return the value of the last assigned name and its gradient, by executing the text with jax."""

    def result(values):
        known = dict(values)
        exec(text, {**JAX_FUNCTIONS}, known)
        return known[list(known)[-1]]

    with jax.enable_x64(True):
        return jax.value_and_grad(result)({name: jnp.float64(value) for name, value in values.items()})


def test_value_and_derivatives_equal_the_published_ones_of_micrograd():
    steps = {step.name: float(step.value) for step in trace_expression(MICROGRAD, {"a": -4.0, "b": 2.0})}
    published = {"g_2": 24.7041, "∂g_2/∂a": 138.8338, "∂g_2/∂b": 645.5773}
    assert {name: round(steps[name], 4) for name in published} == published


def test_every_step_has_a_name_and_a_formula():
    steps = [(step.name, step.formula) for step in trace_expression("y = x * x + 2 * exp(x); z = -y", {"x": 0.0})]
    assert steps == [
        ("x", ""),
        ("t1", "x * x"),
        ("t2", "exp(x)"),
        ("t3", "2 * t2"),
        ("y", "t1 + t3"),
        ("z", "-y"),
        ("∂z/∂z", "1"),
        ("∂z/∂y", "-∂z/∂z"),
        ("∂z/∂t3", "∂z/∂y"),
        ("∂z/∂t2", "∂z/∂t3 * 2"),
        ("∂z/∂t1", "∂z/∂y"),
        ("∂z/∂x", "∂z/∂t1 * x + ∂z/∂t1 * x + ∂z/∂t2 * exp(x)"),
    ]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_equals_jaxs_derivative(rule):
    signs = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "Pow": "**"}
    text = f"y = u {signs[rule]} v" if rule in signs else "y = -u" if rule == "USub" else f"y = {rule}(u)"
    for values in ({"u": 0.7, "v": 1.9}, {"u": 2.3, "v": -0.4}):
        steps = {step.name: step.value for step in trace_expression(text, values)}
        value, gradient = by_jax(text, values)
        np.testing.assert_allclose(steps["y"], value, rtol=1e-14)
        for name in values:
            np.testing.assert_allclose(steps[f"∂y/∂{name}"], gradient[name], rtol=1e-13)


@pytest.mark.parametrize(
    ("power", "formula"),
    [
        ("3", "∂y/∂y * 3 * x**2"),
        ("2", "∂y/∂y * 2 * x"),
        ("1", "∂y/∂y"),
        ("0", "∂y/∂y * 0"),
        ("-1", None),
        ("0.5", None),
    ],
)
def test_derivatives_of_powers_are_simplified(power, formula):
    steps = {step.name: step for step in trace_expression(f"y = x**{power}", {"x": 2.0})}
    assert steps["∂y/∂x"].value == pytest.approx(float(power) * 2.0 ** (float(power) - 1), rel=1e-14)
    assert formula in (None, steps["∂y/∂x"].formula)


@strategies.composite
def program(draw):
    """Draw assignments of random operations on earlier variables."""
    names, lines = ["a", "b"], []
    for number in range(draw(strategies.integers(1, 6))):
        one, two = (draw(strategies.sampled_from([*names, "0.5", "-1.5", "2"])) for _ in range(2))
        inner = draw(
            strategies.sampled_from([f"tanh({one})", f"sin({one} * {two})", f"relu({one})", f"sigmoid({one}) - {two}"])
        )
        name = draw(strategies.sampled_from(["p", "q", f"r{number}"]))
        lines.append(f"{name} = {inner} {draw(strategies.sampled_from('+-*'))} ({two} - cos({one}))")
        names.append(name)
    return "\n".join([*lines, f"z = {' + '.join(names)}"])


@settings(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate], database=None)
@given(program(), strategies.floats(-2, 2), strategies.floats(-2, 2))
def test_random_expressions_have_jaxs_derivatives(text, a, b):
    values = {"a": a + 0.01, "b": b - 0.01}
    steps = {step.name: float(step.value) for step in trace_expression(text, values)}
    value, gradient = by_jax(text, values)
    assert steps["z"] == pytest.approx(float(value), rel=1e-12, abs=1e-12)
    for name in values:
        assert steps[f"∂z/∂{name}"] == pytest.approx(float(gradient[name]), rel=1e-11, abs=1e-11)


def test_generated_names_avoid_existing_ones():
    steps = {
        step.name: step.value for step in trace_expression("t1 = x * 2 + 1; t1 = t1 * t1 + x", {"x": 3.0, "t2": 9.0})
    }
    result = list(steps)[list(steps).index("∂t1_3/∂t1_3") - 1]
    assert (result, steps["t1_3"]) == ("t1_3", 52)
    assert steps["∂t1_3/∂x"] == 2 * 7 * 2 + 1
    assert steps["t2"] == 9
    assert steps["∂t1_3/∂t2"] == 0


def test_infinite_and_nan_values_are_computed_without_an_error():
    steps = {step.name: step.value for step in trace_expression("y = 1 / x; z = log(-y)", {"x": 0.0})}
    assert steps["y"] == np.inf
    assert np.isnan(steps["z"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("y = x +", "an expression must be written in Python syntax, got 'y = x \\+'"),
        ("", "an expression must contain an operation, .*got ''"),
        ("x + 1", "an expression must be assignments to names, .*, got 'x \\+ 1'"),
        ("y, z = x, x", "an expression must be assignments to names"),
        ("y = x % 2", r"an expression may use \+ - \* / \*\* and exp, .*, got 'x % 2'"),
        ("y = __import__('os')", "an expression may use"),
        ("y = exp(x, x)", "an expression may use"),
        ("y = 2.0", "an expression must contain an operation"),
        ("y = 2 * w", "w has no value. Assign it before it is used"),
        ("exp = x + 1", "exp is the name of a function. Use another name"),
        ("y = x * True", "an expression may use"),
        ("y = x * 1e400", "an expression may use"),
        (f"y = x * 1{'0' * 400}", "an expression may use"),
        ("y = x * 'x'", "an expression may use"),
        ("y = x * 1j", "an expression may use"),
    ],
)
def test_unsupported_text_raises(text, message):
    with pytest.raises(ValueError, match=message):
        trace_expression(text, {"x": 1.0})


@pytest.mark.parametrize(
    ("text", "value", "derivative"),
    [
        ("y = x", 2.0, 1.0),
        ("w = x; y = w * 2; z = y", 4.0, 2.0),
        ("k = 3; y = k * x; z = y * y; w = y", 6.0, 3.0),
        ("y = (-2)**x", 4.0, np.nan),
        ("y = -2**x", -4.0, -4 * np.log(2)),
        ("y = x**-2", 0.25, -0.25),
        ("y = x - -3", 5.0, 1.0),
        ("y = -3 / x", -1.5, 0.75),
        ("y = (-2)**0.5 * x", np.nan, np.nan),
        ("y = 1 / 0 * x", np.inf, np.inf),
        ("y = relu(x - 2)", 0.0, 0.0),
        ("y = relu(log(x - 2)) + x", 2.0, np.nan),
        ("y = 7.0; y -= x", 5.0, -1.0),
    ],
)
def test_values_of_any_sign_and_nan(text, value, derivative):
    if "7.0" in text:
        text = text.replace("7.0", "7.0 + 0 * x")
    steps = {step.name: step.value for step in trace_expression(text, {"x": 2.0})}
    (result,) = (name[1:].split("/")[0] for name in steps if name.endswith("/∂x"))
    np.testing.assert_allclose([steps[result], steps[f"∂{result}/∂x"]], [value, derivative], rtol=1e-14)


def test_reserved_names_and_values_that_are_not_real_numbers_raise(unchecked):
    with pytest.raises(ValueError, match="exp is the name of a function"):
        trace_expression("y = 2 * exp", {"exp": 2.0})
    for value in ([1.0, 2.0], None, 1j, np.ones(2)):
        with pytest.raises(ValueError, match="x must be one real number, got"):
            unchecked(trace_expression)("y = 2 * x", {"x": value})
