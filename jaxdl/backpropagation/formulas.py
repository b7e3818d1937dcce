"""The formula of a layer, printed from its source: what is shown is what is computed."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable

import jax.numpy as jnp

import jaxdl.functional
from jaxdl.backpropagation.network import Layer, Network, Residual, check_own, name_of, outputs_of, place_of_signal
from jaxdl.derivation import arguments_of

LONGEST = 100
GUARDS = {"in_range", "widened", "stop_gradient", "asarray", "_counted", "_tempered"}
SIGNAL, POINT = "ʘ", "ǃ"  # stand in an expression for a signal, and for the point in weights2.1


def formula(layer: Layer, names: list[str]) -> str:
    """What a layer computes of arguments that are called so: `x0 @ weights1 + bias1`, or `mish(x3)` if long."""
    variables = dict(zip(arguments_of(layer.f), names, strict=False))
    expression = _returned(layer.f, layer.settings)
    expression = None if isinstance(expression, ast.Tuple) else expression
    return _substituted(expression, layer.f, layer, variables) or _called(layer, names)


def formulas_of_gradient(layer: Layer, g: str, names: list[str], count: int) -> list[str]:
    """How each of the `count` cotangents that a layer pulls back comes from g and the arguments, called so.

    The cotangents of other outputs than the first are zero.
    """
    variables = dict(zip(arguments_of(layer.f_vjp), (g, *names), strict=False))
    expression = _returned(layer.f_vjp, layer.settings)
    parts = expression.elts if isinstance(expression, ast.Tuple) else [None] * count
    others = outputs_of(layer.f) - 1
    g = f"({', '.join((g, *['0'] * others))})" if others else g
    called = f"{name_of(layer.f_vjp)}({', '.join((g, *names, *_told(layer.settings)))})"
    told = (_substituted(part, layer.f_vjp, layer, variables) for part in parts)
    return [written or f"{called}[{place}]" for place, written in enumerate(told)]


def formula_of(network: Network, own: tuple) -> str:
    """The whole network in one line: what it computes of x0 and of each layer's own arguments, numbered by layer.

    A Residual is written as a function, (x ↦ x + F(x)). Raises ValueError where `own` does not fit the network.
    """
    residuals: list[str] = []
    written = ast.unparse(_formula_of(network, own, "x0", "", residuals))
    for number in reversed(range(len(residuals))):  # an inner one was written before the one around it
        written = written.replace(f"{SIGNAL}{number}_", f"(x ↦ x + {residuals[number]})")
    return written.replace(POINT, ".")


def _formula_of(network, own, signal, prefix, residuals):
    check_own(network, own)
    expression: ast.expr = ast.Name(signal)
    for number, (part, arguments) in enumerate(zip(network, own, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            inside = _formula_of(part.layers, arguments, "x", f"{label}.", residuals)
            written = f"{SIGNAL}{len(residuals)}_({SIGNAL})"
            residuals.append(ast.unparse(inside))
        else:
            names = names_of_arguments(part, label.replace(".", POINT), SIGNAL, len(arguments) + 1)
            written = formula(part, names)
            if written.count(SIGNAL) != 1:  # max(x, 0) and the like: a signal that is long is written once
                written = _called(part, names)
        expression = _Replaced({SIGNAL: expression}).visit(_parsed(written))
    return expression


def names_of_arguments(layer: Layer, label: str, signal: str, count: int) -> list[str]:
    """What the first `count` arguments of a layer are called: weights1, bias1, and the signal by its own name.

    Where that could be taken for another variable, a line stands between: w1 of layer 1 is w1_1, and x is x_1.
    """
    place = place_of_signal(layer.f)
    apart = {name: "_" * (name == "x" or name[-1].isdigit()) for name in arguments_of(layer.f)}
    named = [signal if i == place else f"{name}{line}{label}" for i, (name, line) in enumerate(apart.items())]
    return named[:count]


def _called(layer, names):
    called = f"{name_of(layer.f)}({', '.join((*names, *_told(layer.settings)))})"
    return f"{called}[0]" if outputs_of(layer.f) > 1 else called


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
    plain = inspect.unwrap(f) if _is_ours(f) else f
    if not inspect.isfunction(plain) or (plain is f and hasattr(f, "__wrapped__")) or not _is_in_its_module(f):
        return None
    parts = {name: _parsed(_spelled(value)) for name, value in (_defaults(f) | settings).items()}
    return _last_expression(plain, parts)


def _is_ours(f):
    return getattr(f, "__module__", "").startswith("jaxdl.")


def _is_in_its_module(f):
    """Is it the function that its module calls so? A function made from it bears its name too."""
    return getattr(sys.modules.get(f.__module__), name_of(f), None) is f


def _last_expression(f, parts: dict[str, ast.expr]) -> ast.expr | None:
    """What a function returns, the parts that it names written out; None where it does anything else."""
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(f))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    for statement in getattr(definition, "body", ()):
        match statement:
            case ast.Expr():  # a docstring, or a check of the arguments
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                parts[name] = _Replaced(parts).visit(value)
            case ast.Return(value=ast.expr() as value):
                return _copied(_Replaced(parts).visit(value))
            case _:
                return None
    return None


def _substituted(expression: ast.expr | None, f: Callable, layer: Layer, variables: dict[str, str]) -> str:
    """What f returns, in these variables; empty where it needs anything private, or is long.

    Public are jax.numpy, the functional API, and the layer's own function.
    """
    if expression is None:
        return ""
    expression = _Unguarded().visit(_copied(expression)) if _is_ours(f) else _copied(expression)
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} - set(variables)
    of_f = {"jnp": jnp} | inspect.unwrap(f).__globals__ if _is_ours(f) else getattr(f, "__globals__", {})
    public = {**vars(jaxdl.functional), "jnp": jnp, name_of(layer.f): layer.f}
    if not all(name in public and of_f.get(name) is public[name] for name in names):
        return ""
    written = ast.unparse(_Blackboard(variables).visit(expression))
    return "" if len(written) > LONGEST else written


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
        node.value = _apart(node.value)
        return ast.Name(f"{node.value.id}ᵀ") if node.attr == "T" and isinstance(node.value, ast.Name) else node

    def visit_Subscript(self, node):
        self.generic_visit(node)
        node.value = _apart(node.value)
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            node.left = _apart(node.left)
        if isinstance(node.op, ast.Pow | ast.Div):
            node.right = _apart(node.right)
        return node

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "mean"):
            node = ast.Call(ast.Name(node.func.attr, ast.Load()), [node.func.value, *node.args], node.keywords)
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in vars(jaxdl.functional):
            usual = {name: repr(value) for name, value in _defaults(vars(jaxdl.functional)[node.func.id]).items()}
            node.keywords = [given for given in node.keywords if ast.unparse(given.value) != usual.get(given.arg)]
        return node


def _apart(node):
    """∂L/∂x in parentheses, before what would bind closer than its stroke."""
    return ast.Name(f"({node.id})") if isinstance(node, ast.Name) and "/" in node.id else node
