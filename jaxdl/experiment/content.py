"""What the numbers of an experiment depend on, read off its source: so that they are measured again when it changed."""

import ast
import functools
import hashlib
import importlib.metadata
import pathlib
import sys
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax

from jaxdl.experiment.claim import Experiment

PACKAGE = pathlib.Path(__file__).parents[1]
MEASURED_WITH = (  # parts of jaxdl that training depends on
    *("functional", "derivation", "backpropagation", "initializers", "optimizers", "models", "data", "training"),
    *("metrics.py", "schedules.py"),
)
VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy")


class Content(NamedTuple):
    """The source that a measurement consists of, and the functions of jaxdl that it calls by name."""

    source: str
    functions: tuple[str, ...]


def fingerprint(experiment: Experiment, measure: Callable, seed: int) -> str:
    """Of all that its numbers depend on: their source, that of jaxdl, versions, the platform, seeds; not its claims."""
    parts = (
        content(measure).source,
        repr((experiment.columns(), experiment.seeds, seed)),
        _library(),
        *(f"{package} {importlib.metadata.version(package)}" for package in VERSIONS),
        f"{sys.version_info[:2]} {jax.default_backend()} {jax.devices()[0].device_kind}",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def content(measure: Callable) -> Content:
    """Of the function that measures: everything in its module that it reaches by name, and modules beside it.

    What was typed where there is no file cannot be read again, and is never the same.
    """
    of: Any = measure.func if isinstance(measure, functools.partial) else measure
    module: Any = sys.modules.get(of.__module__)
    if not getattr(module, "__file__", None):
        return Content(f"typed, {uuid.uuid4()}", ())
    sources, functions = [settings_of(measure)], {_full(value) for value in _given(measure) if callable(value)}
    for node, imported in _reached(module, of.__name__, *(getattr(value, "__name__", "") for value in _given(measure))):
        sources.append(ast.unparse(_without_words(node)))
        functions |= set(_functions(node, imported))
    if len(sources) == 1:  # it has no name at the top of its module: all of that counts
        sources.append(pathlib.Path(str(module.__file__)).read_text(encoding="utf-8"))
    beside = sorted({name for name in functions if name.split(".")[0] == module.__name__.split(".")[0]})
    for name in dict.fromkeys(name.rsplit(".", 1)[0] for name in beside):
        if name in sys.modules and name != module.__name__:
            sources.append(pathlib.Path(str(sys.modules[name].__file__)).read_text(encoding="utf-8"))
    public = sorted(name.removeprefix("jaxdl.") for name in functions if name.startswith("jaxdl."))
    return Content("\n".join(sources), tuple(public))


def _reached(module: types.ModuleType, *names: str) -> Iterator[tuple[ast.stmt, dict[str, str]]]:
    """All statements of a module that define what these names reach, with what imports call by which name."""
    tree = ast.parse(pathlib.Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported, defined = dict(_imports(tree)), {}
    for node in tree.body:
        for each in _defines(node):
            defined[each] = node
    wanted, seen = list(names), set()
    while wanted:
        node = defined.get(wanted.pop())
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node, imported
        wanted += sorted({inside.id for inside in ast.walk(node) if isinstance(inside, ast.Name)})


def _defines(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module binds."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    return [node.target.id] if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) else []


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a module has by importing them, with what they stand for in full."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _functions(node: ast.stmt, imported: dict[str, str]) -> Iterator[str]:
    """Everything imported that a statement names, in full: an attribute of a module, or what was taken from it."""
    within = {id(inside.value) for inside in ast.walk(node) if isinstance(inside, ast.Attribute)}
    for inside in ast.walk(node):
        if isinstance(inside, ast.Attribute) and isinstance(inside.value, ast.Name) and inside.value.id in imported:
            yield f"{imported[inside.value.id]}.{inside.attr}"
        elif isinstance(inside, ast.Name) and inside.id in imported and id(inside) not in within:
            yield imported[inside.id]


def _without_words(node: ast.stmt) -> ast.stmt:
    """Without docstrings, which change no number."""
    for inside in ast.walk(node):
        if isinstance(inside, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inside) is not None:
            inside.body = inside.body[1:] or [ast.Pass()]
    return node


@functools.cache
def _library() -> str:
    """A digest of the sources of all parts of jaxdl that a measurement may depend on."""
    digest = hashlib.sha256()
    for part in MEASURED_WITH:
        path = PACKAGE / part
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def settings_of(measure: Any) -> str:
    """What a measurement was given, in words; empty where it was given nothing."""
    if not isinstance(measure, functools.partial):
        return ""
    named = [getattr(value, "__name__", value) for value in _given(measure)]
    names = [*[""] * len(measure.args), *(f"{name} " for name in measure.keywords)]
    return ", ".join(f"{name}{value}" for name, value in zip(names, named, strict=True))


def _given(measure: Any) -> list[Any]:
    """The arguments that a partial application has."""
    return [*measure.args, *measure.keywords.values()] if isinstance(measure, functools.partial) else []


def _full(function: Any) -> str:
    """A function's name with its module."""
    return f"{function.__module__}.{getattr(function, '__name__', '')}"
