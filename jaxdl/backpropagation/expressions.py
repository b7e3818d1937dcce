r"""The chain rule on a scalar expression: every operation a step, every local derivative from a table of rules.

Here a number may be used more than once, and so its cotangent is a sum over its uses: where $y$ is computed of $u$,
$\partial L / \partial u$ gains $\partial L / \partial y \cdot \partial y / \partial u$.
"""

import ast
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxdl.backpropagation.tracing import Step

RULES: dict[str, tuple[str, ...]] = {
    "Add": ("{u} + {v}", "1", "1"),
    "Sub": ("{u} - {v}", "1", "-1"),
    "Mult": ("{u} * {v}", "{v}", "{u}"),
    "Div": ("{u} / {v}", "(1 / {v})", "(-{u} / {v}**2)"),
    "Pow": ("{u}**{v}", "{v} * {u}**({v} - 1)", "log({u}) * {u}**{v}"),
    "USub": ("-{u}", "-1"),
    "exp": ("exp({u})", "exp({u})"),
    "log": ("log({u})", "(1 / {u})"),
    "sin": ("sin({u})", "cos({u})"),
    "cos": ("cos({u})", "-sin({u})"),
    "tanh": ("tanh({u})", "(1 - tanh({u})**2)"),
    "relu": ("relu({u})", "({u} > 0)"),
    "sigmoid": ("sigmoid({u})", "sigmoid({u}) * (1 - sigmoid({u}))"),
}
"""Of every operation on u and v: the value, and its derivatives with respect to u and to v."""

FUNCTIONS = {
    **{name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tanh")},
    "relu": lambda u: np.where(u <= 0, 0, u),
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
}


def trace_expression(text: str, values: dict[str, float]) -> tuple[Step, ...]:
    """Every step of the chain rule through assignments such as "c = a * b; d = relu(c) + a**2", forward and backward.

    `values` are the numbers that are given; the name assigned last is what is differentiated. An operation inside
    another gets a name of its own, t1, t2, …, and a name that is assigned again a number: c, c_2. The operations are
    those of `RULES`; at 0 the derivative of relu is taken to be 0. Computed in float64. Raises ValueError for anything
    else, and for a name without a value.
    """
    lines, result = _Reader(values).read(text)
    known = {name: np.float64(value) for name, value in values.items()}
    steps = [Step(name, "input", "", value) for name, value in known.items()]
    with np.errstate(all="ignore"):
        for line in lines:
            known[line.name] = _number(line, 0, known)
            steps.append(Step(line.name, line.rule, _filled(line, 0), known[line.name]))
        return (*steps, *_back(lines, known, result))


class _Line(NamedTuple):
    """One operation: the name of its result, its rule, and its operands as they are written."""

    name: str
    rule: str
    operands: tuple[str, ...]


def _back(lines: list[_Line], known: dict[str, np.float64], result: str) -> Iterator[Step]:
    """The cotangents, from the result to what is given: of each number the sum over its uses."""
    cotangents: dict[str, np.float64] = {}
    rules = {line.name: line.rule for line in lines}
    for name in reversed(known):
        told, cotangent = ("1", np.float64(1)) if name == result else ("", np.float64(0))
        for line in lines:
            for place, operand in enumerate(line.operands, 1):
                if operand == name:
                    cotangent = cotangent + cotangents[line.name] * _number(line, place, known)
                    told += _term(f"∂{result}/∂{line.name}", _filled(line, place), first=not told)
        cotangents[name] = cotangent
        yield Step(f"∂{result}/∂{name}", rules.get(name, "input"), told or "0", cotangent)


def _term(cotangent, local, first):
    """A cotangent times a local derivative, as one writes it after other terms."""
    sign, local = ("-", local[1:]) if local.startswith("-") else ("+", local)
    written = cotangent if local == "1" else f"{cotangent} * {local}"
    return {"+": "", "-": "-"}[sign] + written if first else f" {sign} {written}"


def _template(line, place):
    """A formula of the line's rule: 0 the value, 1 and 2 the derivatives."""
    if line.rule == "Pow" and place == 1 and not line.operands[1].isidentifier():  # 3 * b**2, and not 3 * b**(3 - 1)
        less = ast.literal_eval(line.operands[1]) - 1
        return {-1: "0", 0: "1", 1: "2 * {u}"}.get(less, f"{{v}} * {{u}}**{_written(less)}")
    return RULES[line.rule][place]


def _filled(line, place):
    """The formula, as it is written."""
    return _template(line, place).format(**dict(zip("uv", line.operands, strict=False)))


def _number(line, place, known):
    """The formula, computed; the text that is evaluated is one of the templates above."""
    numbers = [known[name] if name in known else np.float64(ast.literal_eval(name)) for name in line.operands]
    formula = _template(line, place).format(u="u", v="v")
    return np.float64(eval(formula, {"__builtins__": {}, **FUNCTIONS}, dict(zip("uv", numbers, strict=False))))


def _written(number):
    return f"({number!r})" if number < 0 else repr(number)


def _is_finite(number):
    return type(number) in (int, float) and abs(number) <= sys.float_info.max


def _check_free(name):
    if name in FUNCTIONS:
        raise ValueError(f"{name} must keep its meaning: give the number another name.")


class _Reader:
    """Assignments as a list of operations, each on names and numbers alone."""

    def __init__(self, values):
        self.lines: list[_Line] = []
        self.inner = 0
        self.latest = {name: name for name in values}
        for name, value in values.items():
            _check_free(name)
            if np.ndim(value) or not np.isrealobj(value) or value is None:
                raise ValueError(f"{name} must be one number, but was {value!r}.")

    def read(self, text: str) -> tuple[list[_Line], str]:
        """All lines of a text, and the name of its result. Raises ValueError where it is not made of assignments."""
        name = ""
        try:
            statements = ast.parse(text).body
        except SyntaxError as error:
            raise ValueError(f"an expression must be written as Python, but {text!r} is not: {error.msg}.") from error
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assign(name, value)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    self._assign(name, ast.BinOp(ast.Name(name, ast.Load()), op, value))
                case _:
                    raise ValueError(f"an expression must be assignments to names, but has {ast.unparse(statement)!r}.")
        if not self.latest.get(name, "").isidentifier():
            raise ValueError("an expression must compute something, but has no operation.")
        return self.lines, self.latest[name]

    def _assign(self, name, value):
        _check_free(name)
        if isinstance(value, ast.Name | ast.Constant):  # another name for what is known
            self.latest[name] = self._operand(value)
            return
        rule, operands = self._operation(value)  # what is inside takes its names first
        written = self._free(name)
        self.lines.append(_Line(written, rule, operands))
        self.latest[name] = written

    def _free(self, name):
        """The name, or the first of name_2, name_3, … that is not taken."""
        taken, number, free = {*self.latest.values(), *(line.name for line in self.lines)}, 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        return free

    def _operation(self, node) -> tuple[str, tuple[str, ...]]:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op).__name__ in RULES:
                return type(op).__name__, (self._operand(left), self._operand(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return "USub", (self._operand(operand),)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in RULES:
                return name, (self._operand(argument),)
        raise ValueError(
            f"an expression must be made of + - * / ** and {', '.join(FUNCTIONS)}, but has {ast.unparse(node)!r}."
        )

    def _operand(self, node) -> str:
        """A name or a number; an operation gets a name first."""
        match node:
            case ast.Constant(value=number) if _is_finite(number):
                return _written(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=number)) if _is_finite(number):
                return _written(-number)
            case ast.Name(id=name):
                if name not in self.latest:
                    raise ValueError(f"{name} must have a value before it is used: give it, or assign it first.")
                return self.latest[name]
        rule, operands = self._operation(node)
        self.inner += 1
        name = self._free(f"t{self.inner}")
        self.lines.append(_Line(name, rule, operands))
        return name
