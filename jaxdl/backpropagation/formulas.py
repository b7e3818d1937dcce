"""The formula of a layer, printed from its source: what is shown is what is computed."""

import ast
import inspect
import textwrap
from collections.abc import Callable

import jaxdl.functional
from jaxdl.backpropagation.network import Layer, Network, Residual, name_of, place_of_signal
from jaxdl.derivation import arguments_of

LONGEST = 100
GUARDS = {"in_range", "widened", "stop_gradient", "asarray", "_counted", "_tempered"}


def formula(layer: Layer, names: list[str]) -> str:
    """What a layer computes of arguments that are called so: `x0 @ weights1 + bias1`, or `mish(x3)` if long."""
    variables = dict(zip(arguments_of(layer.f), names, strict=False))
    expression = _returned(layer.f, layer.settings)
    expression = None if isinstance(expression, ast.Tuple) else expression
    return _substituted(expression, variables, _called(layer, names), name_of(layer.f))


def formulas_of_gradient(layer: Layer, g: str, names: list[str], count: int) -> list[str]:
    """How each of the `count` cotangents that a layer pulls back comes from g and the arguments, called so."""
    variables = dict(zip(arguments_of(layer.f), names, strict=False)) | {"g": g}
    expression = _returned(layer.f_vjp, layer.settings)
    parts = expression.elts if isinstance(expression, ast.Tuple) else [None] * count
    called = f"{name_of(layer.f_vjp)}({', '.join((g, *names, *_told(layer.settings)))})"
    return [
        _substituted(part, variables, called if count == 1 else f"{called}[{place}]", name_of(layer.f))
        for place, part in enumerate(parts)
    ]


def formula_of(network: Network, own: tuple) -> str:
    """The whole network in one line: what it computes of x0 and of each layer's own arguments, numbered by layer.

    A Residual is written as a function, (x ↦ x + F(x)).
    """
    residuals: list[str] = []
    written = ast.unparse(_formula_of(network, own, "x0", "", residuals))
    for number in reversed(range(len(residuals))):  # an inner one was written before the one around it
        written = written.replace(f"RESIDUAL{number}_", f"(x ↦ x + {residuals[number]})")
    return written.replace("DOT", ".")


def _formula_of(network, own, signal, prefix, residuals):
    expression: ast.expr = ast.Name(signal)
    for number, (part, arguments) in enumerate(zip(network, own, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            inside = _formula_of(part.layers, arguments, "x", f"{label}.", residuals)
            written = f"RESIDUAL{len(residuals)}_(SIGNAL)"
            residuals.append(ast.unparse(inside))
        else:
            names = names_of_arguments(part, label.replace(".", "DOT"), "SIGNAL", len(arguments) + 1)
            written = formula(part, names)
            if written.count("SIGNAL") != 1:  # max(x, 0) and the like: a signal that is long is written once
                written = _called(part, names)
        expression = _Replaced({"SIGNAL": expression}).visit(_parsed(written))
    return expression


def names_of_arguments(layer: Layer, label: str, signal: str, count: int) -> list[str]:
    """What the first `count` arguments of a layer are called: weights1, bias1, and the signal by its own name."""
    place = place_of_signal(layer.f)
    named = [signal if i == place else f"{name}{label}" for i, name in enumerate(arguments_of(layer.f))]
    return named[:count]


def _called(layer, names):
    return f"{name_of(layer.f)}({', '.join((*names, *_told(layer.settings)))})"


def _told(settings):
    return (f"{name}={_spelled(value)}" for name, value in settings.items())


def _spelled(value) -> str:
    """A setting as Python would write it; what cannot be written, by what it is."""
    try:
        _parsed(repr(value))
    except SyntaxError:
        return name_of(value)
    return repr(value)


def _returned(f: Callable, settings: dict) -> ast.expr | None:
    """What a function returns, in its arguments alone; None where it does more than name parts of that."""
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(f)))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    parts = {name: _parsed(_spelled(value)) for name, value in (_defaults(f) | settings).items()}
    for statement in getattr(definition, "body", ()):
        match statement:
            case ast.Expr():  # a docstring, or a check of the arguments
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                parts[name] = _Replaced(parts).visit(value)
            case ast.Return(value=ast.expr() as value):
                return _Replaced(parts).visit(value)
            case _:
                return None
    return None


def _substituted(expression: ast.expr | None, variables: dict[str, str], called: str, own: str) -> str:
    """The expression in these variables; the call where there is none, where it is long, or needs anything private.

    Public is what the functional API has, and the layer's `own` function.
    """
    if expression is None:
        return called
    expression = _Unguarded().visit(_copied(expression))
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    if not names <= {*variables, *vars(jaxdl.functional), "jnp", own}:
        return called
    written = ast.unparse(_Blackboard(variables).visit(expression))
    return called if len(written) > LONGEST else written


def _defaults(f: Callable) -> dict:
    """The settings of a function where none are given."""
    parameters = inspect.signature(f).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _copied(expression: ast.expr) -> ast.expr:
    return _parsed(ast.unparse(expression))


def _parsed(written: str) -> ast.expr:
    return ast.parse(written, mode="eval").body


class _Replaced(ast.NodeTransformer):
    """Each name of a part replaced by that part."""

    def __init__(self, parts):
        self.parts = parts

    def visit_Name(self, node):
        return _copied(self.parts[node.id]) if node.id in self.parts else node


class _Unguarded(ast.NodeTransformer):
    """Without what only guards: against overflow, other dtypes, and settings out of their range."""

    def visit_Call(self, node):
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr="astype")):
                return value
            case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[first, *_]) if name in GUARDS:
                return first
            case ast.Call(func=ast.Name(id="one_or_nan")):
                return ast.Constant(1)
            case ast.Call(func=ast.Name(id="over_root"), args=[square, epsilon]):
                return _parsed(f"1 / jnp.sqrt({ast.unparse(square)} + {ast.unparse(epsilon)})")
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Mult(), right=same):
                return same
            case ast.BinOp(left=same, op=ast.Div(), right=ast.Constant(value=1)):
                return same
        return node


class _Blackboard(ast.NodeTransformer):
    """As one would write it: variables by their names, Wᵀ for W.T, sum(x) for x.sum(), exp for jnp.exp."""

    def __init__(self, variables):
        self.variables = variables

    def visit_Name(self, node):
        return ast.Name(self.variables.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == "jnp":
            return ast.Name(node.attr, node.ctx)
        self.generic_visit(node)
        if node.attr == "T" and isinstance(node.value, ast.Name):
            return ast.Name(f"({node.value.id})ᵀ" if "/" in node.value.id else f"{node.value.id}ᵀ", node.ctx)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "mean"):
            return ast.Call(ast.Name(node.func.attr, ast.Load()), [node.func.value, *node.args], node.keywords)
        if isinstance(node.func, ast.Name) and node.func.id in vars(jaxdl.functional):
            usual = {name: repr(value) for name, value in _defaults(vars(jaxdl.functional)[node.func.id]).items()}
            node.keywords = [given for given in node.keywords if ast.unparse(given.value) != usual.get(given.arg)]
        return node
