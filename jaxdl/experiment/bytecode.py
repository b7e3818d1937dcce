"""The code of functions and modules: a digest of its bytecode, and the names that it looks up.

Comments, docstrings, formatting and line numbers are not part of bytecode, so they do not change a digest.
"""

import ast
import dis
import functools
import hashlib
import inspect
import pathlib
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple


class Lookup(NamedTuple):
    """A global name that code looks up, with the attributes that it takes from it: `np.linalg.norm`.

    Attributes:
        name: The global name.
        attributes: The attributes, from left to right.
    """

    name: str
    attributes: tuple[str, ...]


class Import(NamedTuple):
    """A module that a function imports when it runs.

    Attributes:
        module: Name of the module, relative to the package of the function if `level` is not 0.
        names: The names that the function imports from it; some may be modules.
        level: Number of leading dots.
    """

    module: str
    names: tuple[str, ...]
    level: int


def digest_of_code(code: types.CodeType) -> str:
    """Return a SHA-256 of what the code computes. The bytecode is that of one version of Python."""
    return hashlib.sha256(repr(_content(code)).encode()).hexdigest()


def digest_of_source(path: pathlib.Path) -> str:
    """Return a SHA-256 of the code of a Python file. Raises OSError or SyntaxError if it has none."""
    return _digest_of_text(path.read_bytes())


def lookups(code: types.CodeType) -> Iterator[Lookup | Import]:
    """Yield the global names that the code looks up, and the modules that it imports, also inside inner functions."""
    found: Lookup | None = None
    before: tuple[Any, Any] = (None, None)  # operands of the last two instructions
    for instruction in dis.get_instructions(code):
        if found and instruction.opname in ("LOAD_ATTR", "LOAD_METHOD"):
            found = found._replace(attributes=(*found.attributes, instruction.argval))
            continue
        if found:
            yield found
        is_lookup = instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        found = Lookup(instruction.argval, ()) if is_lookup else None
        if instruction.opname == "IMPORT_NAME":
            level, names = before
            yield Import(instruction.argval, tuple(names or ()), level)
        before = before[1], instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from lookups(constant)


def names_bound(module: types.ModuleType) -> set[str]:
    """Return the names that the source of a module binds, among them the modules that it imports."""
    if not str(getattr(module, "__file__", "")).endswith(".py"):
        return set(vars(module))
    instructions = dis.get_instructions(_compiled(pathlib.Path(str(module.__file__)).read_bytes()))
    return {instruction.argval for instruction in instructions if instruction.opname == "STORE_NAME"}


@functools.lru_cache(maxsize=4096)
def _digest_of_text(text: bytes) -> str:
    return digest_of_code(_compiled(text))


def _compiled(text: bytes) -> types.CodeType:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), node.body[0])]
    return compile(tree, "", "exec", dont_inherit=True)


def _content(code) -> tuple:
    """Return what the code computes, as a tree of tuples."""
    return (
        code.co_qualname,
        code.co_code,
        code.co_names,
        (code.co_varnames, code.co_freevars, code.co_cellvars),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & ~_HAS_DOCSTRING),
        code.co_exceptiontable,
        tuple(map(_constant, code.co_consts[_has_docstring(code) :])),
    )


_HAS_DOCSTRING = getattr(inspect, "CO_HAS_DOCSTRING", 0)  # since Python 3.13


def _has_docstring(code) -> bool:
    """Return whether the first constant is the docstring, or None in its place."""
    if sys.version_info >= (3, 13):
        return bool(code.co_flags & _HAS_DOCSTRING)
    is_function = bool(code.co_flags & inspect.CO_NEWLOCALS) and bool(code.co_flags & inspect.CO_OPTIMIZED)
    return is_function and not code.co_name.startswith("<") and type(code.co_consts[0]) in (str, type(None))


def _constant(constant) -> Any:
    """Return a constant in a form whose `repr` distinguishes types and does not depend on the run."""
    if isinstance(constant, types.CodeType):
        return _content(constant)
    if isinstance(constant, tuple):
        return tuple(map(_constant, constant))
    if isinstance(constant, frozenset):
        return ("frozenset", *sorted(map(repr, constant)))
    return constant
