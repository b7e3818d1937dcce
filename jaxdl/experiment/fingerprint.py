"""Fingerprint of a measurement: a hash of everything its numbers depend on. If it changes, jaxdl measures again."""

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
MEASURED_WITH = (  # parts of jaxdl that a measurement may depend on, as paths inside the package
    *("functional", "derivation", "backpropagation", "initializers", "optimizers", "models", "data", "training"),
    *("metrics.py", "schedules.py", "system", "experiment/conduct.py"),
)
UNNAMED = ""  # name of statements that bind no name, such as a loop
VERSIONS = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy")


class Source(NamedTuple):
    """Source code that a measurement consists of.

    Attributes:
        text: The code, without docstrings.
        functions: Names of the jaxdl functions that it calls, such as "functional.relu".
    """

    text: str
    functions: tuple[str, ...]


def fingerprint(experiment: Experiment, source: str, seed: int) -> str:
    """Return a hash of all that the numbers depend on: source, jaxdl, package versions, device, arms and seeds.

    Claims and rules are not part of it, because they do not change the numbers.
    """
    parts = (
        source,
        repr((experiment.columns(), experiment.seeds, seed)),
        _library_digest(),
        *(f"{package} {importlib.metadata.version(package)}" for package in VERSIONS),
        *(str(getattr(jax.config, name)) for name in ("jax_default_prng_impl", "jax_threefry_partitionable")),
        f"{sys.version_info[:2]} {jax.default_backend()} {jax.devices()[0].device_kind}",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def source_of(measure: Callable) -> Source:
    """Return the source of a measuring function: the statements of its module that it uses, and imported siblings.

    A function without a source file, such as one typed at a prompt, gets a unique text, so it is always measured again.
    """
    function: Any = measure.func if isinstance(measure, functools.partial) else measure
    module: Any = sys.modules.get(function.__module__)
    if not getattr(module, "__file__", None):
        return Source(f"no source file, {uuid.uuid4()}", ())
    arguments = _bound_arguments(measure)
    texts, used = [settings_of(measure)], {_qualified_name(value) for value in arguments if callable(value)}
    names = (function.__name__, *(getattr(value, "__name__", "") for value in arguments))
    for statement, imported in _reachable_statements(module, *names):
        texts.append(ast.unparse(_without_docstrings(statement)))
        used |= set(_imported_objects(statement, imported))
    if len(texts) == 1:  # the function is not defined at the top of its module: take the whole module
        texts.append(_read(pathlib.Path(str(module.__file__))))
    texts += [_read(path) for path in _sibling_files(module, used, {module.__name__})]
    public = sorted(name.removeprefix("jaxdl.") for name in used if name.startswith("jaxdl."))
    return Source("\n".join(texts), tuple(public))


def settings_of(measure: Any) -> str:
    """Return the arguments of a partial application as text, such as "images digits, epochs 40"; else ""."""
    if not isinstance(measure, functools.partial):
        return ""
    values = [getattr(value, "__name__", value) for value in _bound_arguments(measure)]
    names = [*[""] * len(measure.args), *(f"{name} " for name in measure.keywords)]
    return ", ".join(f"{name}{value}" for name, value in zip(names, values, strict=True))


def _sibling_files(module: types.ModuleType, names: Iterable[str], seen: set[str]) -> Iterator[pathlib.Path]:
    """Yield the files of the modules of the same package that define these names, and of what those files import."""
    package = module.__name__.split(".")[0]
    for name in sorted({part for full in names for part in (full, full.rpartition(".")[0])}):
        sibling = sys.modules.get(name)
        if (
            name.split(".")[0] == package
            and sibling is not None
            and name not in seen
            and getattr(sibling, "__file__", None)
        ):
            seen.add(name)
            path = pathlib.Path(str(sibling.__file__))
            yield path
            yield from _sibling_files(module, dict(_imports(ast.parse(_read(path)))).values(), seen)


def _reachable_statements(module: types.ModuleType, *names: str) -> Iterator[tuple[ast.stmt, dict[str, str]]]:
    """Yield the top-level statements that define what these names use, each with the imports of the module."""
    tree = ast.parse(_read(pathlib.Path(str(module.__file__))))
    imported, definitions = dict(_imports(tree)), defaultdict(list)
    for statement in tree.body:
        for name in _bound_names(statement):
            definitions[name].append(statement)
    wanted, seen = [*names, UNNAMED] if names[0] in definitions else [], set()
    while wanted:
        for statement in definitions[wanted.pop()]:
            if statement not in seen:
                seen.add(statement)
                yield statement, imported
                wanted += sorted({node.id for node in ast.walk(statement) if isinstance(node, ast.Name)})


def _bound_names(statement: ast.stmt) -> list[str]:
    """Return the names that a top-level statement binds; UNNAMED if it may do anything else."""
    if isinstance(statement, ast.Import | ast.ImportFrom) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    ):
        return []
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Assign):
        return [name.id for target in statement.targets for name in ast.walk(target) if isinstance(name, ast.Name)]
    if isinstance(statement, ast.AnnAssign | ast.AugAssign) and isinstance(statement.target, ast.Name):
        return [statement.target.id]
    return [UNNAMED]


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each imported name of a module with its full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.asname or alias.name, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _imported_objects(statement: ast.stmt, imported: dict[str, str]) -> Iterator[str]:
    """Yield the full name of every imported object that a statement uses."""
    with_attribute = {id(node.value) for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            yield f"{imported[node.value.id]}.{node.attr}"
        elif isinstance(node, ast.Name) and node.id in imported and id(node) not in with_attribute:
            yield imported[node.id]


def _without_docstrings(statement: ast.stmt) -> ast.stmt:
    """Remove docstrings, which change no number."""
    for node in ast.walk(statement):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return statement


@functools.cache
def _library_digest() -> str:
    """Return a hash of the source files of all parts of jaxdl that a measurement may depend on.

    Raises FileNotFoundError if a part does not exist: skipping it would leave changes in it unnoticed.
    """
    digest = hashlib.sha256()
    for part in MEASURED_WITH:
        path = PACKAGE / part
        if not path.exists():
            raise FileNotFoundError(f"MEASURED_WITH in {__name__} lists {part}, but {path} does not exist. Correct it.")
        for file in [path] if path.is_file() else sorted([*path.rglob("*.py"), *path.rglob("*.npz")]):
            digest.update(f"{file.relative_to(PACKAGE)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _bound_arguments(measure: Any) -> list[Any]:
    """Return the arguments of a partial application; an empty list for any other function."""
    return [*measure.args, *measure.keywords.values()] if isinstance(measure, functools.partial) else []


def _qualified_name(function: Any) -> str:
    """Return the name of a function with its module."""
    return f"{function.__module__}.{getattr(function, '__name__', '')}"


def _read(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8")
