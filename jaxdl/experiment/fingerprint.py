"""What the numbers of an experiment depend on, read off its source: so that they are measured again when it changed."""

import ast
import functools
import hashlib
import importlib.metadata
import pathlib
import sys
import types
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax

from jaxdl.experiment.claim import Experiment

PACKAGE = pathlib.Path(__file__).parents[1]
MEASURED_WITH = (  # parts of jaxdl that training depends on
    *("functional", "derivation", "backpropagation", "initializers", "optimizers", "models", "data", "training"),
    *("metrics.py", "schedules.py", "experiment/conduct.py"),
)
ANYTHING = ""  # the name of statements that bind none, such as a loop
VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy")


class Content(NamedTuple):
    """The source that a measurement consists of, and the functions of jaxdl that it calls by name."""

    source: str
    functions: tuple[str, ...]


def fingerprint(experiment: Experiment, source: str, seed: int) -> str:
    """Of all that its numbers depend on: the source that measures, jaxdl, versions, platform, seeds; not its claims."""
    parts = (
        source,
        repr((experiment.columns(), experiment.seeds, seed)),
        _library(),
        *(f"{package} {importlib.metadata.version(package)}" for package in VERSIONS),
        *(str(getattr(jax.config, name)) for name in ("jax_default_prng_impl", "jax_threefry_partitionable")),
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
    sources += [path.read_text(encoding="utf-8") for path in _beside(module, functions, {module.__name__})]
    public = sorted(name.removeprefix("jaxdl.") for name in functions if name.startswith("jaxdl."))
    return Content("\n".join(sources), tuple(public))


def _beside(module: types.ModuleType, names: Iterable[str], seen: set[str]) -> Iterator[pathlib.Path]:
    """The files of all modules of the same package that these names are of, and of those that they import in turn."""
    package = module.__name__.split(".")[0]
    for name in sorted({part for full in names for part in (full, full.rpartition(".")[0])}):
        there = sys.modules.get(name)
        if (
            name.split(".")[0] == package
            and there is not None
            and name not in seen
            and getattr(there, "__file__", None)
        ):
            seen.add(name)
            path = pathlib.Path(str(there.__file__))
            yield path
            yield from _beside(module, dict(_imports(ast.parse(path.read_text(encoding="utf-8")))).values(), seen)


def _reached(module: types.ModuleType, *names: str) -> Iterator[tuple[ast.stmt, dict[str, str]]]:
    """All statements of a module that define what these names reach, with what imports call by which name."""
    tree = ast.parse(pathlib.Path(str(module.__file__)).read_text(encoding="utf-8"))
    imported, defined = dict(_imports(tree)), defaultdict(list)
    for node in tree.body:
        for each in _defines(node):
            defined[each].append(node)
    wanted, seen = [*names, ANYTHING] if names[0] in defined else [], set()
    while wanted:
        for node in defined[wanted.pop()]:
            if node not in seen:
                seen.add(node)
                yield node, imported
                wanted += sorted({inside.id for inside in ast.walk(node) if isinstance(inside, ast.Name)})


def _defines(node: ast.stmt) -> list[str]:
    """The names that a statement at the top of a module binds; of one that may do anything, that of all such."""
    if isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ):
        return []
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    if isinstance(node, ast.AnnAssign | ast.AugAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [ANYTHING]


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Names that a module has by importing them, with what they stand for in full."""
    for node in ast.walk(tree):
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
        for file in [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.npz")]):
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
