"""Find the values of the names that code looks up, and of the modules that it imports when it runs."""

import builtins
import importlib
import importlib.util
import os
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from jaxdl.experiment.bytecode import Import, Lookup
from jaxdl.experiment.origins import is_own

CODE_BY_NAME = frozenset(  # functions that find code or values by a text, which is known only when they run
    (
        *("exec", "eval", "__import__", "globals", "locals", "vars", "importlib.import_module", "sys.modules"),
        *("runpy.run_path", "runpy.run_module", "gc.get_objects", "sys._getframe", "inspect.currentframe"),
    )
)
ATTRIBUTES_BY_NAME = frozenset(("__subclasses__", "__globals__", "__builtins__"))


class Found(NamedTuple):
    """A value that code looks up.

    Attributes:
        path: The name with its attributes, such as "np.linalg.norm".
        value: The value.
        package: The installed module that it is in, or None.
    """

    path: str
    value: Any
    package: str | None = None


def found_by(function: types.FunctionType, lookup: Lookup | Import) -> Iterator[Found]:
    """Yield the value of a global name, or of the attribute of a module, or what an import binds."""
    yield from _imported(function, lookup) if isinstance(lookup, Import) else [_looked_up(function, lookup)]


def looks_by_name(code: types.CodeType) -> bool:
    """Return whether code, or a function inside it, uses an attribute that leads to code of any name."""
    inner = (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
    return not ATTRIBUTES_BY_NAME.isdisjoint(code.co_names) or any(map(looks_by_name, inner))


def environment_of(code: types.CodeType) -> dict[str, str | None]:
    """Return the environment variables that code may read: those that its texts name, or all if it has no text."""
    names = sorted({constant for constant in code.co_consts if isinstance(constant, str)})
    return {name: os.environ.get(name) for name in names} if names else dict(os.environ)


def _looked_up(function, lookup) -> Found:
    path, names = lookup.name, function.__globals__
    if path not in names:  # a builtin, or a name that is not defined yet
        return Found(path, getattr(builtins, path, None))
    value, package = names[path], None
    for attribute in (None, *lookup.attributes):
        if attribute is not None:
            if not isinstance(value, types.ModuleType) or not hasattr(value, attribute):
                break
            path, value = f"{path}.{attribute}", getattr(value, attribute)
        if package is None and isinstance(value, types.ModuleType) and not is_own(value):
            package = value.__name__
    return Found(path, value, package)


def _imported(function, lookup) -> Iterator[Found]:
    package = function.__globals__.get("__package__") or function.__globals__.get("__name__", "").rpartition(".")[0]
    try:
        name = importlib.util.resolve_name("." * lookup.level + lookup.module, package)
        module = importlib.import_module(name)
        installed = None if is_own(module) else name
        for part in lookup.names:
            value = getattr(module, part, None)
            value = importlib.import_module(f"{name}.{part}") if value is None else value
            yield Found(f"{name}.{part}", value, installed)
        if not lookup.names:
            yield Found(name, module, installed)
    except ImportError:  # the function handles it, or fails
        yield Found(lookup.module, None)
