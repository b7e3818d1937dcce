"""The public names of jaxdl, found in the import tree: what the packages and modules list in `__all__`."""

import functools
import importlib
import inspect
import pkgutil
from typing import Any, NamedTuple

import jaxdl

PRIVATE = ("cli", "system", "course")  # the program and its experiments, not the library


class Symbol(NamedTuple):
    """A public name of the library.

    Attributes:
        package: The package or module that exports it, such as "jaxdl.functional".
        name: Its name there.
        group: The file that defines it, as a title, such as "Per example normalization".
        kind: "function", "class", "exception" or "data".
        thing: The object.
    """

    package: str
    name: str
    group: str
    kind: str
    thing: Any

    @property
    def path(self) -> str:
        """Full name, such as "jaxdl.functional.relu"."""
        return f"{self.package}.{self.name}"


@functools.cache
def packages() -> tuple[str, ...]:
    """Return the packages and modules with public names, parents first."""
    names = ["jaxdl", *(info.name for info in pkgutil.walk_packages(jaxdl.__path__, "jaxdl."))]
    parts = {name: name.split(".")[1:] for name in names}
    found = [name for name, part in parts.items() if not {*PRIVATE} & {*part} and "__main__" not in part]
    return tuple(name for name in found if getattr(importlib.import_module(name), "__all__", ()))


@functools.cache
def symbols() -> tuple[Symbol, ...]:
    """Return all public functions, classes and constants; one that two packages export belongs to the outer one."""
    found, seen = [], set()
    for package in packages():
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.ismodule(thing) or (id(thing), name) in seen:
                continue
            seen.add((id(thing), name))
            found.append(Symbol(package, name, _group(package, name, thing), _kind(thing), thing))
    return tuple(found)


@functools.cache
def paths() -> dict[str, str]:
    """Return the full name of every public name: also with the alias F, and without "jaxdl." at the beginning."""
    found = {}
    for package in packages():
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            full = next((each.path for each in symbols() if each.name == name and each.thing is thing), None)
            if full is None:
                full = f"{package}.{name}"
                if full not in packages():
                    continue
            found[f"{package}.{name}"] = found[f"{package}.{name}".removeprefix("jaxdl.")] = full
            if package == "jaxdl.functional":
                found[f"F.{name}"] = full
    return found


def _kind(thing) -> str:
    if inspect.isclass(thing):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if inspect.isfunction(inspect.unwrap(thing)) else "data"


def _group(package, name, thing) -> str:
    """Return the title of the file that defines the object, or "" if the package has no files of its own."""
    where = getattr(inspect.unwrap(thing) if callable(thing) else thing, "__module__", None) or ""
    file = where.removeprefix(f"{package}.") if where.startswith(f"{package}.") else ""
    return file.replace(".", ": ").replace("_", " ").strip().capitalize()
