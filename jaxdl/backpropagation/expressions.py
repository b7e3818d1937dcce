r"""Chain rule on scalar expressions: every operation is one step, with its local derivatives from a table of rules.

A variable may be used several times, so its cotangent is a sum over its uses: if $y$ is computed from $u$,
$\partial L / \partial u$ gains the term $\partial L / \partial y \cdot \partial y / \partial u$.
"""

import ast
import sys
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxdl.backpropagation.tracing import Trace, TraceStep

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
"""For every operation on u and v: its value, and its derivatives with respect to u and v."""

FUNCTIONS = {
    **{name: getattr(np, name) for name in ("exp", "log", "sin", "cos", "tanh")},
    "relu": lambda u: np.where(u <= 0, 0, u),
    "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
}


def trace_expression(text: str, values: dict[str, float]) -> Trace:
    """Apply the chain rule to assignments such as "c = a * b; d = relu(c) + a**2", and return every step.

    The last assigned name is differentiated. An operation inside another one gets a name of its own: t1, t2, … A name
    that is assigned again gets a number: c, c_2. The operations are those of `RULES`. The derivative of relu at 0 is
    taken to be 0. All values are float64.

    Args:
        text: Python assignments, separated by semicolons or newlines.
        values: Numbers for the names that `text` uses without assigning them.

    Returns:
        The steps in the order of computation, forward and then backward, displayed as a table.

    Raises:
        ValueError: If the text is not made of assignments and the operations of `RULES`, uses a name without a value,
            or has no operation; if a value is not a real number.

    Example:
        >>> from jaxdl.backpropagation import trace_expression
        >>> for step in trace_expression("y = x * x + 3 * x", {"x": 2.0}):
        ...     print(step.name, "=", step.formula or "given", "=", step.value)
        x = given = 2.0
        t1 = x * x = 4.0
        t2 = 3 * x = 6.0
        y = t1 + t2 = 10.0
        ∂y/∂y = 1 = 1.0
        ∂y/∂t2 = ∂y/∂y = 1.0
        ∂y/∂t1 = ∂y/∂y = 1.0
        ∂y/∂x = ∂y/∂t1 * x + ∂y/∂t1 * x + ∂y/∂t2 * 3 = 7.0
    """
    operations, result = _Parser(values).parse(text)
    known = {name: np.float64(value) for name, value in values.items()}
    steps = [TraceStep(name, "input", "", value) for name, value in known.items()]
    with np.errstate(all="ignore"):
        for operation in operations:
            known[operation.name] = _evaluate(operation, 0, known)
            steps.append(TraceStep(operation.name, operation.rule, _formula(operation, 0), known[operation.name]))
        return Trace((*steps, *_reverse_steps(operations, known, result)))


class _Operation(NamedTuple):
    """One operation: the name of its result, its rule, and its operands as names or numbers."""

    name: str
    rule: str
    operands: tuple[str, ...]


def _reverse_steps(operations: list[_Operation], known: dict[str, np.float64], result: str) -> Iterator[TraceStep]:
    """Yield the cotangents from the result to the inputs: for each variable the sum over its uses."""
    cotangents: dict[str, np.float64] = {}
    rules = {operation.name: operation.rule for operation in operations}
    for name in reversed(known):
        formula, cotangent = ("1", np.float64(1)) if name == result else ("", np.float64(0))
        for operation in operations:
            for position, operand in enumerate(operation.operands, 1):
                if operand == name:
                    cotangent = cotangent + cotangents[operation.name] * _evaluate(operation, position, known)
                    factor = f"∂{result}/∂{operation.name}"
                    formula += _term(factor, _formula(operation, position), first=not formula)
        cotangents[name] = cotangent
        yield TraceStep(f"∂{result}/∂{name}", rules.get(name, "input"), formula or "0", cotangent)


def _term(cotangent, local, first):
    """Write a cotangent times a local derivative, with the sign that it has after other terms."""
    sign, local = ("-", local[1:]) if local.startswith("-") else ("+", local)
    product = cotangent if local == "1" else f"{cotangent} * {local}"
    return {"+": "", "-": "-"}[sign] + product if first else f" {sign} {product}"


def _template(operation, position):
    """Return a formula of the operation's rule: the value at position 0, the derivatives at 1 and 2."""
    if operation.rule == "Pow" and position == 1 and not operation.operands[1].isidentifier():  # b**2, not b**(3 - 1)
        power = ast.literal_eval(operation.operands[1]) - 1
        return {-1: "0", 0: "1", 1: "2 * {u}"}.get(power, f"{{v}} * {{u}}**{_literal(power)}")
    return RULES[operation.rule][position]


def _formula(operation, position):
    """Return the formula with the names of the operands."""
    return _template(operation, position).format(**dict(zip("uv", operation.operands, strict=False)))


def _evaluate(operation, position, known):
    """Compute the formula. The evaluated text is one of the templates above, never the user's."""
    numbers = [known[name] if name in known else np.float64(ast.literal_eval(name)) for name in operation.operands]
    formula = _template(operation, position).format(u="u", v="v")
    return np.float64(eval(formula, {"__builtins__": {}, **FUNCTIONS}, dict(zip("uv", numbers, strict=False))))


def _literal(number):
    return f"({number!r})" if number < 0 else repr(number)


def _is_finite(number):
    return type(number) in (int, float) and abs(number) <= sys.float_info.max


def _check_not_reserved(name):
    if name in FUNCTIONS:
        raise ValueError(f"{name} is the name of a function. Use another name for the number.")


class _Parser:
    """Translate assignments into a list of operations, each on names and numbers only."""

    def __init__(self, values):
        self.operations: list[_Operation] = []
        self.inner = 0
        self.latest = {name: name for name in values}
        for name, value in values.items():
            _check_not_reserved(name)
            if np.ndim(value) or not np.isrealobj(value) or value is None:
                raise ValueError(f"{name} must be one real number, got {value!r}.")

    def parse(self, text: str) -> tuple[list[_Operation], str]:
        """Return the operations of a text and the name of its result. Raise ValueError if it is not assignments."""
        name = ""
        try:
            statements = ast.parse(text).body
        except SyntaxError as error:
            raise ValueError(f"an expression must be written in Python syntax, got {text!r}: {error.msg}.") from error
        for statement in statements:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    self._assign(name, value)
                case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                    self._assign(name, ast.BinOp(ast.Name(name, ast.Load()), op, value))
                case _:
                    source = ast.unparse(statement)
                    raise ValueError(f"an expression must be assignments to names, such as y = x + 1, got {source!r}.")
        if not self.latest.get(name, "").isidentifier():
            raise ValueError(f"an expression must contain an operation, such as y = x + 1, got {text!r}.")
        return self.operations, self.latest[name]

    def _assign(self, name, value):
        _check_not_reserved(name)
        if isinstance(value, ast.Name | ast.Constant):  # an alias of a known name or number
            self.latest[name] = self._operand(value)
            return
        rule, operands = self._operation(value)  # inner operations get their names first
        unused = self._unused_name(name)
        self.operations.append(_Operation(unused, rule, operands))
        self.latest[name] = unused

    def _unused_name(self, name):
        """Return the name, or the first of name_2, name_3, … that is unused."""
        used, number, unused = {*self.latest.values(), *(operation.name for operation in self.operations)}, 1, name
        while unused in used:
            number += 1
            unused = f"{name}_{number}"
        return unused

    def _operation(self, node) -> tuple[str, tuple[str, ...]]:
        match node:
            case ast.BinOp(left=left, op=op, right=right) if type(op).__name__ in RULES:
                return type(op).__name__, (self._operand(left), self._operand(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return "USub", (self._operand(operand),)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in RULES:
                return name, (self._operand(argument),)
        raise ValueError(
            f"an expression may use + - * / ** and {', '.join(FUNCTIONS)} on finite numbers, got {ast.unparse(node)!r}."
        )

    def _operand(self, node) -> str:
        """Return a name or a number; an operation gets a name first."""
        match node:
            case ast.Constant(value=number) if _is_finite(number):
                return _literal(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=number)) if _is_finite(number):
                return _literal(-number)
            case ast.Name(id=name):
                if name not in self.latest:
                    raise ValueError(f"{name} has no value. Assign it before it is used, or give its value.")
                return self.latest[name]
        rule, operands = self._operation(node)
        self.inner += 1
        name = self._unused_name(f"t{self.inner}")
        self.operations.append(_Operation(name, rule, operands))
        return name
