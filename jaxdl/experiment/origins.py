"""Sort code by its origin: jaxdl, Python or an installed package, or the modules of an experiment."""

import pathlib
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

COURSE = "jaxdl.course.experiments"  # the name of the repository's `experiments` in a wheel
INSTALLED = [
    pathlib.Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
]  # folders of Python and of installed packages


def module_of(code) -> Any:
    """Return the module of a class or function; the `__module__` of a function may be that of one that it wraps."""
    if isinstance(code, type):
        return sys.modules.get(code.__module__)
    module = sys.modules.get(code.__globals__.get("__name__"))
    return module if module is not None and vars(module) is code.__globals__ else None


def is_own(module: Any) -> bool:
    """Return whether code is neither of Python nor of an installed package, so that it may change."""
    if module is None or module.__name__.partition(".")[0] == "jaxdl":
        return True
    package = sys.modules.get(module.__name__.partition(".")[0], module)
    file = getattr(package, "__file__", None) or getattr(module, "__file__", None)
    if file is None:  # a notebook, a module made by hand, or part of Python or Cython
        return getattr(package, "__spec__", None) is None and not package.__name__.startswith("_cython_")
    return not any(folder in pathlib.Path(file).parents for folder in INSTALLED)


def is_jaxdl(name: str) -> bool:
    """Return whether a full name is one of jaxdl, but not of the experiments that a wheel carries."""
    return name.partition(".")[0] == "jaxdl" and not f"{name}.".startswith(f"{COURSE}.")


def name_in_repository(name: str) -> str:
    """Return the full name that code has in a clone: "experiments.xor" for "jaxdl.course.experiments.xor"."""
    return name.removeprefix("jaxdl.course.") if f"{name}.".startswith(f"{COURSE}.") else name


def is_by_name(value) -> bool:
    """Return whether a value is found by its name in Python or in an installed package."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or is_own(module):
        return False
    for name in getattr(value, "__qualname__", getattr(value, "__name__", "")).split("."):
        module = getattr(module, name, None)
    return module is value


def checks_types(function) -> bool:
    """Return whether a function only checks the types of another at run time, which changes no number."""
    is_check = function.__globals__.get("__name__") == "jaxtyping._decorator"
    return (is_check or function.__code__.co_filename.startswith("<@beartype")) and hasattr(function, "__wrapped__")


def full_name(value) -> str:
    """Return the name of a value with its module; of a module, its name."""
    if isinstance(value, types.ModuleType):
        return value.__name__
    return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"


def public_names(value) -> Iterator[str]:
    """Yield the public name of a jaxdl function, such as "functional.relu" of jaxdl.functional.rectifiers.relu."""
    package, _, rest = str(getattr(value, "__module__", "")).partition(".")
    part, name = rest.partition(".")[0], getattr(value, "__name__", "")
    if package == "jaxdl" and getattr(sys.modules.get(f"jaxdl.{part}"), name, None) is value:
        yield f"{part}.{name}"
