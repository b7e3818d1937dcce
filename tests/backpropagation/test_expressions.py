"""The chain rule on numbers, held against jax and against published figures."""

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
JAXS = {
    **{name: getattr(jnp, name) for name in FUNCTIONS if hasattr(jnp, name)},
    "relu": lambda u: jax.nn.relu(jnp.float64(u)),
    "sigmoid": lambda u: jax.nn.sigmoid(jnp.float64(u)),
}


def of_jax(text, values):
    """The last name assigned, and its gradient, by running the text as it stands."""

    def result(values):
        known = dict(values)
        exec(text, {**JAXS}, known)
        return known[list(known)[-1]]

    with jax.enable_x64(True):
        return jax.value_and_grad(result)({name: jnp.float64(value) for name, value in values.items()})


def test_the_published_value_and_derivatives():
    steps = {step.name: float(step.value) for step in trace_expression(MICROGRAD, {"a": -4.0, "b": 2.0})}
    published = {"g_2": 24.7041, "∂g_2/∂a": 138.8338, "∂g_2/∂b": 645.5773}
    assert {name: round(steps[name], 4) for name in published} == published


def test_all_of_it_is_told_in_order():
    told = [(step.name, step.formula) for step in trace_expression("y = x * x + 2 * exp(x); z = -y", {"x": 0.0})]
    assert told == [
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
def test_every_rule_is_jaxs_derivative(rule):
    signs = {"Add": "+", "Sub": "-", "Mult": "*", "Div": "/", "Pow": "**"}
    text = f"y = u {signs[rule]} v" if rule in signs else "y = -u" if rule == "USub" else f"y = {rule}(u)"
    for values in ({"u": 0.7, "v": 1.9}, {"u": 2.3, "v": -0.4}):
        steps = {step.name: step.value for step in trace_expression(text, values)}
        value, gradient = of_jax(text, values)
        np.testing.assert_allclose(steps["y"], value, rtol=1e-14)
        for name in values:
            np.testing.assert_allclose(steps[f"∂y/∂{name}"], gradient[name], rtol=1e-13)


@pytest.mark.parametrize(
    ("power", "told"),
    [
        ("3", "∂y/∂y * 3 * x**2"),
        ("2", "∂y/∂y * 2 * x"),
        ("1", "∂y/∂y"),
        ("0", "∂y/∂y * 0"),
        ("-1", None),
        ("0.5", None),
    ],
)
def test_powers_are_told_as_one_writes_them(power, told):
    steps = {step.name: step for step in trace_expression(f"y = x**{power}", {"x": 2.0})}
    assert steps["∂y/∂x"].value == pytest.approx(float(power) * 2.0 ** (float(power) - 1), rel=1e-14)
    assert told in (None, steps["∂y/∂x"].formula)


@strategies.composite
def program(draw):
    """Assignments of random operations on what is known so far."""
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
def test_it_is_jaxs_derivative(text, a, b):
    values = {"a": a + 0.01, "b": b - 0.01}
    steps = {step.name: float(step.value) for step in trace_expression(text, values)}
    value, gradient = of_jax(text, values)
    assert steps["z"] == pytest.approx(float(value), rel=1e-12, abs=1e-12)
    for name in values:
        assert steps[f"∂z/∂{name}"] == pytest.approx(float(gradient[name]), rel=1e-11, abs=1e-11)


def test_names_that_are_taken_are_left_alone():
    steps = {
        step.name: step.value for step in trace_expression("t1 = x * 2 + 1; t1 = t1 * t1 + x", {"x": 3.0, "t2": 9.0})
    }
    result = list(steps)[list(steps).index("∂t1_3/∂t1_3") - 1]
    assert (result, steps["t1_3"]) == ("t1_3", 52)
    assert steps["∂t1_3/∂x"] == 2 * 7 * 2 + 1
    assert steps["t2"] == 9
    assert steps["∂t1_3/∂t2"] == 0


def test_it_goes_on_where_a_number_is_infinite_or_none():
    steps = {step.name: step.value for step in trace_expression("y = 1 / x; z = log(-y)", {"x": 0.0})}
    assert steps["y"] == np.inf
    assert np.isnan(steps["z"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("y = x +", "an expression must be written as Python, but 'y = x \\+' is not"),
        ("", "an expression must compute something"),
        ("x + 1", "an expression must be assignments to names, but has 'x \\+ 1'"),
        ("y, z = x, x", "an expression must be assignments to names"),
        ("y = x % 2", r"an expression must be made of \+ - \* / \*\* and exp, .*, but has 'x % 2'"),
        ("y = __import__('os')", "an expression must be made of"),
        ("y = exp(x, x)", "an expression must be made of"),
        ("y = 2.0", "an expression must compute something"),
        ("y = 2 * w", "w must have a value before it is used"),
        ("exp = x + 1", "exp must keep its meaning: give the number another name"),
        ("y = x * True", "an expression must be made of"),
        ("y = x * 1e400", "an expression must be made of"),
        (f"y = x * 1{'0' * 400}", "an expression must be made of"),
        ("y = x * 'x'", "an expression must be made of"),
        ("y = x * 1j", "an expression must be made of"),
    ],
)
def test_anything_else_is_told(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        trace_expression(text, {"x": 1.0})


@pytest.mark.parametrize(
    ("text", "value", "slope"),
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
def test_numbers_of_any_sign_and_none(text, value, slope):
    if "7.0" in text:
        text = text.replace("7.0", "7.0 + 0 * x")
    steps = {step.name: step.value for step in trace_expression(text, {"x": 2.0})}
    (result,) = (name[1:].split("/")[0] for name in steps if name.endswith("/∂x"))
    np.testing.assert_allclose([steps[result], steps[f"∂{result}/∂x"]], [value, slope], rtol=1e-14)


def test_a_given_name_keeps_its_meaning_too(unchecked):
    with pytest.raises(ValueError, match="exp must keep its meaning"):
        trace_expression("y = 2 * exp", {"exp": 2.0})
    for value in ([1.0, 2.0], None, 1j, np.ones(2)):
        with pytest.raises(ValueError, match="x must be one number, but was"):
            unchecked(trace_expression)("y = 2 * x", {"x": value})
