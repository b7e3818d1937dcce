"""The code and the values that decide the verdicts of an experiment, as text.

Of a module only the statements count from which the experiment is built, without sentences, captions and findings.
Their text does not depend on the version of Python. Values count where code alone does not show them: arguments of
partial applications, defaults, closures, attributes of bound objects, and the data in globals that are used.
"""

import ast
import functools
import hashlib
import importlib.util
import pathlib
import types
from collections.abc import Iterator, Mapping, Set
from typing import Any

import jax
import numpy as np

from jaxdl.experiment.bytecode import digest_of_code, lookups
from jaxdl.experiment.claim import Experiment
from jaxdl.experiment.columns import Column
from jaxdl.experiment.combined_rules import parts_of
from jaxdl.experiment.origins import checks_types, is_jaxdl, is_own, module_of, name_in_repository

PLAIN = (type(None), bool, int, float, complex, str, bytes, np.number, np.bool_)
PLACES = {"__file__", "__name__", "__package__", "__path__", "__cached__"}  # say where code is, not what it decides
PLANNING = ("effect", "expected_sd")  # of a rule: they change its stated power, not its outcome
LEFT_OUT = {  # arguments that are read by people or that plan the power, by position and by name
    "Claim": ((0, 2), ("says", "reading")),
    "Exact": ((0, 2, 4), ("condition", "finding", "control")),
    "ForEverySeed": ((0, 2), ("condition", "finding")),
    "Experiment": ((0, 2, 4), ("name", "sentence", "panels", "published", "limits")),
    "Column": ((0,), ("label",)),
    "Greater": ((4, 5), PLANNING),
    "AtLeast": ((3, 4), PLANNING),
    "NonInferior": ((5, 6), PLANNING),
    "Equivalent": ((6,), PLANNING),
    "Near": ((6,), PLANNING),
    "ask": ((0,), ("question", "metric", "out")),
}


def deciding_code(experiment: Experiment, measure: Any) -> str:
    """Return what decides in the experiment's own modules, from which `measure` and the rules are built.

    The code of a notebook has no file; its bytecode counts.
    """
    walk = _Values()
    walk.add(measure)
    for claim in experiment.claims:
        for value in _functions_in(claim.rule):
            walk.add(value)
    texts, files = [], set()
    for function in walk.functions:
        module = module_of(function)
        file = getattr(module, "__file__", None)
        if (module is not None and is_jaxdl(module.__name__)) or not is_own(module):
            continue
        if not file or not file.endswith(".py"):
            texts += _bytecode(function, set(), walk)
        elif file not in files:
            files.add(file)
            tree = _tree_of(module)
            names = [name for name, value in vars(module).items() if value is experiment]
            found = _reached(tree.body, names) if names else _by_line(tree, walk.functions, file)
            texts += map(_text, found)
            names = {node.id for each in found for node in ast.walk(each) if isinstance(node, ast.Name)}
            for name in sorted(names - PLACES):
                walk.add_data(name, vars(module).get(name))
    return "\n".join([*texts, *walk.texts])


class _Values:
    """The functions that a value calls or holds, and its other values as texts."""

    def __init__(self) -> None:
        self.functions: list[Any] = []
        self.texts: list[str] = []
        self._seen: dict[int, Any] = {}  # with the object, whose id must not be used again

    def add(self, value: Any) -> None:
        """Add a value; of an object of a class of one's own, its attributes."""
        if isinstance(value, PLAIN):
            self.texts.append(repr(value.item() if isinstance(value, np.generic) else value))
        elif id(value) not in self._seen:
            self._seen[id(value)] = value
            for part in self._parts_of(value):
                self.add(part)

    def add_data(self, name: str, value: Any) -> None:
        """Add a global, if it is data: code is known by its text."""
        if _is_data(value):
            self.texts.append(name)
            self.add(value)

    def _parts_of(self, value) -> Iterator[Any]:
        if isinstance(value, functools.partial):
            yield from (value.func, value.args, value.keywords)
        elif isinstance(value, types.MethodType):
            yield from (value.__func__, value.__self__)
        elif hasattr(value, "__code__") and checks_types(value):
            yield value.__wrapped__
        elif hasattr(value, "__code__"):
            self.functions.append(value)
            yield from (value.__defaults__, value.__kwdefaults__)
            yield from (cell.cell_contents for cell in value.__closure__ or ())
        elif hasattr(value, "__wrapped__"):
            yield value.__wrapped__
        elif isinstance(value, Mapping):
            yield from (part for pair in value.items() for part in pair)
        elif isinstance(value, tuple | list):
            yield from value
        elif isinstance(value, Set):
            yield from sorted(value, key=repr)
        elif isinstance(value, jax.Array | np.ndarray):
            yield _digest(value)
        elif is_own(module_of(type(value))) and not isinstance(value, type):
            yield type(value).__qualname__
            yield from (vars(value) if hasattr(value, "__dict__") else (), getattr(type(value), "__call__", None))  # noqa: B004


def _digest(array) -> str:
    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(jax.random.clone(array))
    array = np.asarray(array)
    content = repr(array.tolist()).encode() if array.dtype == object else array.tobytes()
    return f"{array.dtype} {array.shape} {hashlib.sha256(content).hexdigest()}"


def _is_data(value) -> bool:
    """Return whether a value holds numbers and texts alone."""
    if isinstance(value, Mapping):
        return all(map(_is_data, value.values()))
    if isinstance(value, tuple | list | Set):
        return not hasattr(value, "_fields") and all(map(_is_data, value))
    return isinstance(value, (*PLAIN, np.ndarray, jax.Array))


def _functions_in(rule) -> Iterator[Any]:
    """Yield the functions that decide in a rule: of exact rules, and of columns."""
    for part in parts_of(rule):
        yield from _functions_in(part)
    for name in ("holds", "control_holds", "arm", "reference"):
        value = getattr(rule, name, None)
        if isinstance(value, Column):
            yield from (value.compute, *(arm.compute for arm in value.arms if isinstance(arm, Column)))
        elif callable(value):
            yield value
    if not hasattr(rule, "_fields"):  # a rule of another class
        yield getattr(rule, "judge", None)


def _by_line(tree, functions, file) -> list[ast.AST]:
    """Return the functions of a file by their lines, and the statements that bind what they use."""
    codes = [function.__code__ for function in functions]
    lines = {code.co_firstlineno for code in codes if code.co_filename == file}
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds) and _first_line(node) in lines]
    used = {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}
    return [*nodes, *_reached(tree.body, sorted(used))]


def _first_line(node) -> int:
    """Return the line where a function begins, with its decorators, as its code counts it."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", ()))])


def _reached(statements: list[ast.stmt], names: list[str]) -> list[ast.stmt]:
    """Return the statements of a module that bind these names, and those that bind what they use, in their order."""
    found: set[int] = set()
    waiting, seen = list(names), set(names)
    while waiting:
        name = waiting.pop()
        for number, statement in enumerate(statements):
            if number not in found and name in _bound(statement):
                found.add(number)
                used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - seen
                seen |= used
                waiting += used
    return [statements[number] for number in sorted(found)]


def _bound(statement) -> set[str]:
    """Return the names that a statement of a module binds or changes."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).partition(".")[0] for alias in statement.names}
    nodes = list(ast.walk(statement))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    changed = {
        node.value.id
        for node in nodes
        if isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return bound | (changed if not isinstance(statement, ast.Assign | ast.AnnAssign) or not bound else set())


def _tree_of(module) -> ast.Module:
    """Return the syntax tree of a module without texts, with relative imports as if they were absolute.

    They get the name that the package has in a clone, and stand where absolute ones are sorted to: before the first
    `from` import of jaxdl. So a wheel, which carries the experiments under another name, has the same seeds.
    """
    package = name_in_repository(getattr(module, "__package__", None) or module.__name__.rpartition(".")[0])
    tree = ast.parse(pathlib.Path(module.__file__).read_bytes())
    relative = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    others = [node for node in tree.body if node not in relative]
    for node in relative:
        node.module = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
        node.level = 0
    place = next((number for number, node in enumerate(others) if _is_from_jaxdl(node)), 0)
    tree.body = [*others[:place], *relative, *others[place:]]
    return _WithoutTexts().visit(tree)


def _is_from_jaxdl(node) -> bool:
    return isinstance(node, ast.ImportFrom) and is_jaxdl(node.module or "")


class _WithoutTexts(ast.NodeTransformer):
    """Remove docstrings, panels, annotations, and what is read by people only."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "Panel":
            return ast.Constant(None)
        positions, keywords = LEFT_OUT.get(name, ((), ()))
        if keywords and not any(isinstance(value, ast.Starred) for value in node.args):
            kept = [ast.Constant(None) if number in positions else value for number, value in enumerate(node.args)]
            node = ast.Call(node.func, kept, [word for word in node.keywords if word.arg not in keywords])
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.arg(node.arg, None)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(_without_docstring(node))

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self.generic_visit(_without_docstring(node))


def _without_docstring(node) -> Any:
    if ast.get_docstring(node) is not None:
        node.body = node.body[1:] or [ast.Pass()]
    return node


def _text(node) -> str:
    """Return a syntax tree as text, without what later versions of Python add to it."""
    if isinstance(node, ast.AST):
        fields = [(name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind", "type_comment")]
        texts = [f"{name}={_text(value)}" for name, value in fields if value is not None and value != []]
        return f"{type(node).__name__}({', '.join(texts)})"
    return f"[{', '.join(map(_text, node))}]" if isinstance(node, list) else repr(node)


def _bytecode(function, seen: set[int], walk: _Values) -> Iterator[str]:
    """Yield digests of a function without a source file, and of what it uses of its module."""
    if not hasattr(function, "__code__") or id(function.__code__) in seen:
        return
    seen.add(id(function.__code__))
    yield digest_of_code(function.__code__)
    for lookup in lookups(function.__code__):
        name = getattr(lookup, "name", "")
        used = function.__globals__.get(name)
        walk.add_data(name, used)
        if getattr(used, "__module__", None) == function.__module__:
            walk.add(used)
            yield from _bytecode(used, seen, walk)
