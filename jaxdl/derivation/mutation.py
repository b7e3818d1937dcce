"""Mutate hand-derived VJPs, to test whether the comparison detects every mistake (mutation testing)."""

import ast
import inspect
import pickle
import textwrap
import types
from collections.abc import Iterator

import jax

from jaxdl._formatting import format_argument


def mutants(f_vjp: types.FunctionType) -> Iterator[tuple[str, types.FunctionType]]:
    """Make wrong versions of a VJP, each by one change of its source.

    The changes are: multiply a returned cotangent by 1.001; drop a term or a factor; flip a sign; remove a `.T`, `.sum`
    or `.mean`; include or exclude the boundary of a comparison.

    Args:
        f_vjp: A function whose source can be read.

    Returns:
        Iterator of pairs of the change, as "before  →  after", and the changed function.

    Raises:
        ValueError: If the source cannot be read, or is not a definition with `def`.

    Example:
        >>> from jaxdl import derivation
        >>> for change, wrong in derivation.mutants(F.log_sigmoid_vjp):
        ...     print(change)
        return (g * sigmoid(-z),)  →  return (_slightly_more(g * sigmoid(-z)),)
        g * sigmoid(-z)  →  g
        g * sigmoid(-z)  →  sigmoid(-z)
        -z  →  z
    """
    plain = inspect.unwrap(f_vjp)
    tree, function = _parse(plain)
    for node in [node for statement in function.body for node in ast.walk(statement)]:
        for wrong in _wrong_versions(node):
            mutated, copied_node = pickle.loads(pickle.dumps((tree, node)))  # a fast deep copy
            _Replace(copied_node, wrong).visit(mutated)
            namespace = {**plain.__globals__, "_slightly_more": lambda c: jax.tree.map(lambda leaf: 1.001 * leaf, c)}
            exec(compile(ast.fix_missing_locations(mutated), f"<mutant of {plain.__name__}>", "exec"), namespace)
            yield f"{ast.unparse(node)}  →  {ast.unparse(wrong)}", namespace[plain.__name__]


def _parse(f_vjp) -> tuple[ast.Module, ast.FunctionDef]:
    """Return the syntax tree of a function and its definition. Raises ValueError if there is none."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(f_vjp)))
        definitions = [statement for statement in tree.body if isinstance(statement, ast.FunctionDef)]
        return tree, next(definition for definition in definitions if definition.name == f_vjp.__name__)
    except (OSError, TypeError, SyntaxError, StopIteration):
        raise ValueError(
            f"mutants need the source of a function that is defined with def, got {format_argument(f_vjp)}: define it "
            "in a file or a notebook."
        ) from None


class _Replace(ast.NodeTransformer):
    """Replace one node of a syntax tree."""

    def __init__(self, target, replacement):
        self.target, self.replacement = target, replacement

    def visit(self, node):
        return self.replacement if node is self.target else self.generic_visit(node)


def _wrong_versions(node) -> list[ast.AST]:
    """Return all replacements of one node."""
    other_side = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq}
    match node:
        case ast.Return(ast.Tuple(cotangents)):
            scaled = [ast.Call(ast.Name("_slightly_more", ast.Load()), [c], []) for c in cotangents]
            return [
                ast.Return(ast.Tuple([*cotangents[:i], scaled[i], *cotangents[i + 1 :]], ast.Load()))
                for i in range(len(cotangents))
            ]
        case ast.BinOp(left, ast.Add(), right):
            return [left, right, ast.BinOp(left, ast.Sub(), right)]
        case ast.BinOp(left, ast.Sub(), right):
            return [left, ast.UnaryOp(ast.USub(), right), ast.BinOp(left, ast.Add(), right)]
        case ast.BinOp(left, ast.Mult(), right):
            return [left, right]
        case ast.BinOp(left, ast.Div(), _):
            return [left]
        case ast.UnaryOp(ast.USub(), operand) if not isinstance(operand, ast.Constant):
            return [operand]
        case ast.Attribute(value, "T"):
            return [value]
        case ast.Call(ast.Attribute(value, "sum" | "mean")):
            return [value]
        case ast.Compare(left, [operator], [right]) if type(operator) in other_side:
            return [ast.Compare(left, [other_side[type(operator)]()], [right])]
    return []
