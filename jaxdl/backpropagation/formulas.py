"""Formulas of layers and their VJPs, printed from the source code, so that the formula shown is the one computed."""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable

import jax.numpy as jnp

import jaxdl.functional
from jaxdl.backpropagation.network import (
    Layer,
    LayerArguments,
    Network,
    Residual,
    check_arguments,
    count_outputs,
    function_name,
    input_position,
)
from jaxdl.derivation import arguments_of

LONGEST = 100
GUARDS = {"in_range", "widened", "stop_gradient", "asarray", "_zero_masked", "_positive_or_nan"}
INPUT, DOT = "ʘ", "ǃ"  # placeholders in Python source: for the input of a layer, and for the dot in weights2.1


def layer_formula(layer: Layer, names: list[str]) -> str:
    """Return the formula of a layer for arguments with these names, such as `x0 @ weights1 + bias1`.

    A formula that is long, or that needs private functions, is written as a call, such as `mish(x3)`.
    """
    variables = dict(zip(arguments_of(layer.f), names, strict=False))
    expression = _returned_expression(layer.f, layer.settings)
    expression = None if isinstance(expression, ast.Tuple) else expression
    return _written(expression, layer.f, layer, variables) or _call(layer, names)


def gradient_formulas(layer: Layer, g: str, names: list[str], count: int) -> list[str]:
    """Return the formulas of the `count` cotangents of a layer, for a cotangent and arguments with these names.

    Outputs of the layer's function other than the first have the cotangent zero.
    """
    variables = dict(zip(arguments_of(layer.f_vjp), (g, *names), strict=False))
    expression = _returned_expression(layer.f_vjp, layer.settings)
    parts = expression.elts if isinstance(expression, ast.Tuple) else [None] * count
    zeros = count_outputs(layer.f) - 1
    g = f"({', '.join((g, *['0'] * zeros))})" if zeros else g
    call = f"{function_name(layer.f_vjp)}({', '.join((g, *names, *_keywords(layer.settings)))})"
    formulas = (_written(part, layer.f_vjp, layer, variables) for part in parts)
    return [formula or f"{call}[{position}]" for position, formula in enumerate(formulas)]


def network_formula(network: Network, arguments: LayerArguments) -> str:
    """Return the formula of a whole network in one line, with the variable names of `trace`.

    The input is x0, and the arguments of a layer end in its number. A `Residual` is written as a function,
    (x ↦ x + F(x)).

    Args:
        network: Layers and residual sums.
        arguments: For each layer, the tuple of its arguments other than its input. Only their number matters.

    Returns:
        The formula.

    Raises:
        ValueError: If the arguments do not fit the network.

    Example:
        >>> from jaxdl.backpropagation import Residual, layer, network_formula
        >>> network = (layer(F.dense), layer(F.relu), Residual((layer(F.dense),)))
        >>> network_formula(network, ((0, 0), (), ((0, 0),)))
        '(x ↦ x + x @ weights3.1 + bias3.1)(relu(x0 @ weights1 + bias1))'
    """
    residuals: list[str] = []
    formula = ast.unparse(_network_expression(network, arguments, "x0", "", residuals))
    for number in reversed(range(len(residuals))):  # an inner residual has a smaller number than the one around it
        formula = formula.replace(f"{INPUT}{number}_", f"(x ↦ x + {residuals[number]})")
    return formula.replace(DOT, ".")


def _network_expression(network, arguments, input_name, prefix, residuals):
    check_arguments(network, arguments)
    expression: ast.expr = ast.Name(input_name)
    for number, (part, others) in enumerate(zip(network, arguments, strict=True), 1):
        label = f"{prefix}{number}"
        if isinstance(part, Residual):
            inside = _network_expression(part.layers, others, "x", f"{label}.", residuals)
            formula = f"{INPUT}{len(residuals)}_({INPUT})"
            residuals.append(ast.unparse(inside))
        else:
            names = argument_names(part, label.replace(".", DOT), INPUT, len(others) + 1)
            formula = layer_formula(part, names)
            if formula.count(INPUT) != 1:  # where(x <= 0, 0, x): a call writes a long input only once
                formula = _call(part, names)
        expression = _Substitution({INPUT: expression}).visit(_parsed(formula))
    return expression


def argument_names(layer: Layer, label: str, input_name: str, count: int) -> list[str]:
    """Return the variable names of the first `count` arguments of a layer: weights1, bias1, and that of its input.

    An underscore separates the number where the name could be mistaken for another variable: the argument w1 of layer
    1 is w1_1, and the argument x is x_1.
    """
    position = input_position(layer.f)
    separators = {name: "_" * (name == "x" or name[-1].isdigit()) for name in arguments_of(layer.f)}
    names = [
        input_name if place == position else f"{name}{separator}{label}"
        for place, (name, separator) in enumerate(separators.items())
    ]
    return names[:count]


def _call(layer, names):
    call = f"{function_name(layer.f)}({', '.join((*names, *_keywords(layer.settings)))})"
    return f"{call}[0]" if count_outputs(layer.f) > 1 else call


def _keywords(settings):
    return (f"{name}={_literal(value)}" for name, value in settings.items())


def _literal(value) -> str:
    """Return the Python literal of a setting, or the name of a value without one, such as a function."""
    try:
        _parsed(repr(value))
    except SyntaxError:
        return function_name(value)
    return repr(value)


def _returned_expression(f: Callable, settings: dict) -> ast.expr | None:
    """Return the expression that a function returns, in terms of its arguments.

    None if the function is not the one in its module's source, or if its body is more than assignments and a return.
    """
    plain = inspect.unwrap(f) if _is_from_jaxdl(f) else f
    if not inspect.isfunction(plain) or (plain is f and hasattr(f, "__wrapped__")) or not _is_defined_in_module(f):
        return None
    definitions = {name: _parsed(_literal(value)) for name, value in (_defaults(f) | settings).items()}
    return _last_expression(plain, definitions)


def _is_from_jaxdl(f):
    return (getattr(f, "__module__", None) or "").startswith("jaxdl.")


def _is_defined_in_module(f):
    """Return whether the module of `f` has `f` under this name; a wrapper of another function may bear its name too."""
    return getattr(sys.modules.get(f.__module__), function_name(f), None) is f


def _last_expression(f, definitions: dict[str, ast.expr]) -> ast.expr | None:
    """Return the expression that a function returns, with local variables replaced by their definitions.

    None if the source is unavailable or the body contains anything but assignments to names and a return.
    """
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(f))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    for statement in getattr(definition, "body", ()):
        match statement:
            case ast.Expr():  # a docstring, or a check of the arguments
                continue
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                definitions[name] = _Substitution(definitions).visit(value)
            case ast.Return(value=ast.expr() as value):
                return _copied(_Substitution(definitions).visit(value))
            case _:
                return None
    return None


def _written(expression: ast.expr | None, f: Callable, layer: Layer, variables: dict[str, str]) -> str:
    """Return the returned expression of `f` in these variables; empty if it is long or needs a private function.

    Public functions are those of jax.numpy and of jaxdl.functional, and the layer's own function.
    """
    if expression is None:
        return ""
    expression = _WithoutGuards().visit(_copied(expression)) if _is_from_jaxdl(f) else _copied(expression)
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)} - set(variables)
    scope = {"jnp": jnp} | inspect.unwrap(f).__globals__ if _is_from_jaxdl(f) else getattr(f, "__globals__", {})
    public = {**vars(jaxdl.functional), "jnp": jnp, function_name(layer.f): layer.f}
    if not all(name in public and scope.get(name) is public[name] for name in names):
        return ""
    formula = ast.unparse(_MathNotation(variables).visit(expression))
    return "" if len(formula) > LONGEST else formula


def _defaults(f: Callable) -> dict:
    """Return the default values of the keyword-only arguments of a function."""
    parameters = inspect.signature(f).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def _copied(expression: ast.expr) -> ast.expr:
    return _parsed(ast.unparse(expression))


def _parsed(source: str) -> ast.expr:
    return ast.parse(source, mode="eval").body


class _Substitution(ast.NodeTransformer):
    """Replace names by expressions."""

    def __init__(self, definitions):
        self.definitions = definitions

    def visit_Name(self, node):
        return _copied(self.definitions[node.id]) if node.id in self.definitions else node


class _WithoutGuards(ast.NodeTransformer):
    """Remove calls that only guard against overflow, other dtypes, or settings outside their range."""

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
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Mult(), right=factor):
                return factor
            case ast.BinOp(left=dividend, op=ast.Div(), right=ast.Constant(value=1)):
                return dividend
        return node


class _MathNotation(ast.NodeTransformer):
    """Write mathematical notation: variables by their names, Wᵀ for W.T, sum(x) for x.sum(), exp for jnp.exp."""

    def __init__(self, variables):
        self.variables = variables

    def visit_Name(self, node):
        return ast.Name(self.variables.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node):
        if isinstance(node.value, ast.Name) and node.value.id == "jnp":
            return ast.Name(node.attr, node.ctx)
        self.generic_visit(node)
        node.value = _parenthesized(node.value)
        return ast.Name(f"{node.value.id}ᵀ") if node.attr == "T" and isinstance(node.value, ast.Name) else node

    def visit_Subscript(self, node):
        self.generic_visit(node)
        node.value = _parenthesized(node.value)
        return node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            node.left = _parenthesized(node.left)
        if isinstance(node.op, ast.Pow | ast.Div):
            node.right = _parenthesized(node.right)
        return node

    def visit_Call(self, node):
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "mean"):
            node = ast.Call(ast.Name(node.func.attr, ast.Load()), [node.func.value, *node.args], node.keywords)
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in vars(jaxdl.functional):
            usual = {name: repr(value) for name, value in _defaults(vars(jaxdl.functional)[node.func.id]).items()}
            node.keywords = [given for given in node.keywords if ast.unparse(given.value) != usual.get(given.arg)]
        return node


def _parenthesized(node):
    """Put ∂L/∂x in parentheses where a neighboring operator binds more tightly than its slash."""
    return ast.Name(f"({node.id})") if isinstance(node, ast.Name) and "/" in node.id else node
