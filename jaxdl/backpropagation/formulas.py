"""The formula of a layer, printed from its source: what is shown is what is computed."""

import ast
import inspect
import textwrap
from collections.abc import Callable

import jaxdl.functional
from jaxdl.backpropagation.network import Layer, name_of
from jaxdl.derivation import arguments_of

LONGEST = 72


def formula(layer: Layer, names: list[str]) -> str:
    """What a layer computes of arguments that are called so: `x0 @ weights1 + bias1`, or `mish(x3)` if long."""
    variables = dict(zip(arguments_of(layer.f), names, strict=False))
    expression = _returned(layer.f)
    expression = None if isinstance(expression, ast.Tuple) else expression
    called = f"{name_of(layer.f)}({', '.join((*names, *_told(layer.settings)))})"
    return _substituted(expression, _values(layer.f, layer.settings) | variables, called)


def formulas_of_gradient(layer: Layer, g: str, names: list[str], count: int) -> list[str]:
    """How each of the `count` cotangents that a layer pulls back comes from g and the arguments, called so."""
    variables = dict(zip(arguments_of(layer.f), names, strict=False)) | {"g": g}
    expression = _returned(layer.f_vjp)
    parts = expression.elts if isinstance(expression, ast.Tuple) else [None] * count
    called = f"{name_of(layer.f_vjp)}({', '.join((g, *names, *_told(layer.settings)))})"
    values = _values(layer.f, layer.settings) | variables
    return [
        _substituted(part, values, called if count == 1 else f"{called}[{place}]") for place, part in enumerate(parts)
    ]


def _told(settings):
    return (f"{name}={value!r}" for name, value in settings.items())


def _values(f, settings) -> dict[str, str]:
    """The settings of a layer, given or not, as they are written."""
    parameters = inspect.signature(f).parameters.values()
    defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    return {name: repr(value) for name, value in (defaults | settings).items()}


def _returned(f: Callable) -> ast.expr | None:
    """The expression that a function returns, where that is all it does; checks of its arguments do not count."""
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(f)))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    if not isinstance(definition, ast.FunctionDef):
        return None
    match [statement for statement in definition.body if not isinstance(statement, ast.Expr)]:
        case [ast.Return(value=value)]:
            return value
    return None


def _substituted(expression: ast.expr | None, variables: dict[str, str], called: str) -> str:
    """The expression in these variables; the call where there is none, where it is long, or needs anything private."""
    if expression is None:
        return called
    names = {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}
    if not all(name in variables or name == "jnp" or name in vars(jaxdl.functional) for name in names):
        return called
    written = ast.unparse(_Blackboard(variables).visit(ast.parse(ast.unparse(expression), mode="eval").body))
    return called if len(written) > LONGEST else written


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
        return node
