"""Everything in memory that a measurement depends on: the code that it can reach, and the values that the code uses.

A cache of numbers may miss, but it must not return numbers of other code or data. From the measuring function the walk
follows global names, closures, default values, bound arguments and the states of objects. It reads the bytecode of each
function, the digest of each module that it comes through, and the bytes of each array. Of an object that it cannot
read, such as a lock or a generator, nothing is known, and the numbers count as outdated.

Installed packages are known by their versions, and of their functions only closures and default values are read. The
values of globals are read with the experiment's own modules; jaxdl's own modules are known by their code.
"""

import copyreg
import dataclasses
import functools
import hashlib
import os
import pathlib
import random
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxdl.experiment.bytecode import digest_of_code, digest_of_source, lookups, names_bound
from jaxdl.experiment.origins import checks_types, full_name, is_by_name, is_jaxdl, is_own, module_of, public_names
from jaxdl.experiment.resolution import CODE_BY_NAME, environment_of, found_by, looks_by_name
from jaxdl.runs.manifest import digest_of_file

PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes, range, slice, type(...)))
CACHE = functools._lru_cache_wrapper
WRAPPERS: tuple[type, ...] = (staticmethod, classmethod, CACHE, type(jax.jit(abs)))
OPEN_UNSEEN = frozenset(  # packages that open files without Python
    ("pyarrow", "h5py", "polars", "duckdb", "sqlite3", "tables", "netCDF4", "zarr", "tensorflow", "tensorflow_datasets")
)


class Reached(NamedTuple):
    """The digest of everything that a measurement depends on, and facts about it.

    Attributes:
        digest: SHA-256 of all code and values.
        functions: Names of the jaxdl functions that the experiment's own code uses, such as "functional.relu".
        packages: The installed packages that it uses, such as "optax".
        unknown: What cannot be read, and where.
        has_cache: Whether a function of the experiment keeps earlier results, and perhaps the content of a file.
    """

    digest: str
    functions: tuple[str, ...]
    packages: tuple[str, ...]
    unknown: tuple[str, ...]
    has_cache: bool


def reached_by(measure: Callable) -> Reached:
    """Return what a measuring function depends on."""
    walk = _Walk()
    walk.add("measure", measure)
    walk.finish()
    names = (tuple(sorted(names)) for names in (walk.functions, walk.packages))
    return Reached(walk.hash.hexdigest(), *names, tuple(dict.fromkeys(walk.unknown)), walk.has_cache)


class _Walk:
    """A walk over code and values, which adds what it finds to a hash in the order in which it finds it.

    `where` names the place of a value in `unknown`; it is None where a value that cannot be read does not matter.
    """

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.home: Any = None  # module of the first function, of which only what is reached counts
        self.functions: set[str] = set()
        self.packages: set[str] = set()
        self.unknown: list[str] = []
        self.has_cache = False
        self._seen: dict[int, tuple[int, Any]] = {}  # with the object, whose id must not be used again
        self._sources: set[str] = set()
        self._is_in_experiment = True  # the code that refers to the present value is neither jaxdl nor installed
        self._waiting: deque[tuple[Callable, Any]] = deque()  # code refers to code too deeply for recursion

    def finish(self) -> None:
        """Walk through everything that waits."""
        while self._waiting:
            step, value = self._waiting.popleft()
            module = value if isinstance(value, types.ModuleType) else module_of(value)
            self._is_in_experiment = is_own(module) and not is_jaxdl(full_name(value))
            step(value)

    def add(self, where: str | None, value: Any) -> None:
        """Add a value."""
        if self._is_in_experiment:
            self.functions.update(public_names(value))
        if _is_plain(value):
            self._text(type(value).__name__, repr(value))
        elif id(value) in self._seen:
            self._text("seen", str(self._seen[id(value)][0]))
        else:
            self._seen[id(value)] = len(self._seen), value
            self._add_new(where, value)

    def _add_new(self, where, value) -> None:
        if isinstance(value, type | types.FunctionType | types.ModuleType):
            self._text(full_name(value))
            is_module, is_class = isinstance(value, types.ModuleType), isinstance(value, type)
            self._waiting.append((self._module if is_module else self._class if is_class else self._function, value))
        elif isinstance(value, jax.Array | np.ndarray | np.generic):
            self._array(where, value)
        elif isinstance(value, Mapping | list | tuple | Set) and type(value) is not types.MappingProxyType:
            self._container(where, value)
        else:
            self._object(where, value)

    def _text(self, *parts: str) -> None:
        for part in parts:
            self.hash.update(part.encode(errors="surrogateescape") + b"\0")

    def _array(self, where, value) -> None:
        self._text(type(value).__name__, str(value.dtype), str(value.shape), str(getattr(value, "weak_type", "")))
        if jax.dtypes.issubdtype(value.dtype, jax.dtypes.prng_key):
            value = jax.random.key_data(jax.random.clone(value))
        self._items(where, (getattr(value, "__dict__", None), *_masks_of(value)))
        array = np.asarray(value)
        if array.dtype == object:
            self._items(where, array.ravel().tolist())
        else:
            self.hash.update(array.tobytes())

    def _container(self, where, value) -> None:
        self._text(str(len(value)))
        self._items(where, (type(value), getattr(value, "__dict__", None), getattr(value, "default_factory", None)))
        if isinstance(value, Mapping):
            self._items(where, [part for pair in value.items() for part in pair])
        else:
            self._items(where, sorted(value, key=_sort_key) if isinstance(value, Set) else value)

    def _items(self, where, values) -> None:
        for value in values:
            self.add(where, value)

    def _object(self, where, value) -> None:
        """Add any other object: by what it wraps, by its name in an installed package, or by its state."""
        self.add(where, type(value))
        if isinstance(value, functools.partial):
            self._items(where, (value.func, value.args, value.keywords))
        elif is_by_name(value):
            self._package(full_name(value))
        elif isinstance(value, np.ufunc):
            self.unknown.append(f"{where} is or contains a function that np.frompyfunc has made")
        elif isinstance(value, types.MethodType | types.BuiltinFunctionType):
            self._items(where, (value.__name__, value.__self__, getattr(value, "__func__", None)))
        elif isinstance(value, WRAPPERS):
            self.has_cache |= self._is_in_experiment and isinstance(value, CACHE) and value.cache_info().currsize > 0
            self.add(where, value.__wrapped__)
        elif isinstance(value, property | functools.cached_property):
            self._items(where, [getattr(value, name, None) for name in ("fget", "fset", "func")])
        elif _is_flax_module(value):
            self._items(where, [(name, getattr(value, name)) for name in _fields_of(value)])
        else:
            self._items(where, self._state(where, value))

    def _state(self, where, value) -> Iterator[Any]:
        """Yield the state of an object, as for a copy of it."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            reduced: Any = reduce(value) if reduce else value.__reduce_ex__(4)
        except Exception:  # it cannot be copied
            reduced = ()
            if where is not None:
                self.unknown.append(f"{where} is or contains a {type(value).__name__}, whose state cannot be read")
        for part in (reduced,) if isinstance(reduced, str) else reduced:
            if isinstance(part, dict):
                yield {name: entry for name, entry in part.items() if name != "__doc__"}
            else:
                yield part if _is_plain(part) or callable(part) or isinstance(part, tuple) else list(part)

    def _function(self, function) -> None:
        if checks_types(function):
            self.add(None, function.__wrapped__)
            return
        module, name = module_of(function), f"{function.__globals__.get('__name__')}.{function.__qualname__}"
        own = is_own(module)
        if self.home is None and own:
            self.home = module
        if own:
            self._source(module)
            self._text(digest_of_code(function.__code__))
        elif is_by_name(function):
            self._package(full_name(function))
            return
        attributes = {key: value for key, value in vars(function).items() if key == "__wrapped__" or key[:2] != "__"}
        self._items(name, (function.__defaults__, function.__kwdefaults__, attributes))
        for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            self.add(f"{variable} of {name}", _content_of(cell))
        if own:
            gradient = f"{function.__name__}_vjp"  # which jaxdl finds by its name
            self.add(None, function.__globals__.get(gradient))
            if looks_by_name(function.__code__) and not is_jaxdl(name):
                self.unknown.append(f"{name} looks up code or values by their names")
            for lookup in lookups(function.__code__):
                for found in found_by(function, lookup):
                    self._look_up(function, name, found)

    def _look_up(self, function, name, found) -> None:
        """Add what code looks up in its module, or imports."""
        path, value, package = found
        self._text(path)
        if path in CODE_BY_NAME and not is_jaxdl(name):
            self.unknown.append(f"{name} uses {path}, which finds code or values by their names")
        elif path.startswith(("os.environ", "os.getenv")) or value is os.environ or value is os.getenv:
            self.add(None, environment_of(function.__code__))
        elif package is not None:
            self._package(package)
            self._add_changes(path, value)
        elif not is_jaxdl(name):
            self.add(f"{name.rpartition('.')[0]}.{path}", value)
        elif _is_constant(path, value):
            self.add(None, value)

    def _add_changes(self, path, value) -> None:
        """Add what differs from the installed package: a replaced function, generators of random numbers, arguments."""
        generator = getattr(value, "__self__", None)
        if isinstance(generator, np.random.RandomState | random.Random):
            self.add(path, generator)
        elif path == "sys.argv" or (isinstance(value, types.FunctionType | type) and is_own(module_of(value))):
            self.add(path, value)

    def _class(self, kind) -> None:
        module = module_of(kind)
        if not is_own(module):
            self._package(kind.__module__)
            if kind.__module__ != "types":  # that of classes which dataclasses.make_dataclass makes
                return
        self._source(module)
        self._items(None, (*kind.__bases__, type(kind)))
        for name, value in sorted(vars(kind).items()):
            if not name.startswith("__") or isinstance(value, types.FunctionType | classmethod | staticmethod):
                self.add(None if is_jaxdl(kind.__module__) else f"{full_name(kind)}.{name}", value)

    def _module(self, module) -> None:
        """Add all values of a module, which code may look up by any name."""
        if not is_own(module):
            self._package(module.__name__)
            return
        self._source(module)
        bound = names_bound(module)
        for name, value in sorted(vars(module).items()):
            is_part = not isinstance(value, types.ModuleType) or name in bound  # import adds other modules to a package
            if name.startswith("__") or not is_part:
                continue
            if not is_jaxdl(module.__name__):
                self.add(f"{module.__name__}.{name}", value)
            elif _is_constant(name, value):
                self.add(None, value)

    def _source(self, module) -> None:
        """Add the code of a module, but not of the module of the measuring function, which also holds the rules."""
        file = getattr(module, "__file__", None)
        if module is self.home or file is None or file in self._sources:
            return
        self._sources.add(file)
        digest = digest_of_source if file.endswith(".py") else digest_of_file
        try:
            self._text(module.__name__, digest(pathlib.Path(file)))
        except (OSError, SyntaxError, ValueError):
            self.unknown.append(f"the source of {module.__name__} cannot be read")

    def _package(self, name) -> None:
        self._text(name)
        package = name.partition(".")[0]
        self.packages.add(package)
        if self._is_in_experiment and package in OPEN_UNSEEN:
            self.unknown.append(f"it uses {package}, which may read files that Python does not see")


def _is_plain(value) -> bool:
    """Return whether the `repr` of a value says all of it; an instance of a subclass may have a state of its own."""
    return type(value) in PLAIN or isinstance(value, pathlib.PurePath | np.dtype)


def _masks_of(value) -> tuple:
    return (np.ma.getmaskarray(value), value.fill_value) if isinstance(value, np.ma.MaskedArray) else ()


def _is_constant(path, value) -> bool:
    """Return whether a global of jaxdl is code or has the name of a constant; others are caches."""
    return callable(value) or isinstance(value, types.ModuleType) or path.rpartition(".")[2].isupper()


def _is_flax_module(value) -> bool:
    return any((kind.__module__, kind.__name__) == ("flax.linen.module", "Module") for kind in type(value).__mro__)


def _fields_of(module) -> list[str]:
    """Return the settings of a Flax module; its place in another module is not one."""
    return [field.name for field in dataclasses.fields(module) if field.name != "parent"]


def _content_of(cell) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _sort_key(value) -> str:
    """Return a text by which members of a set can be sorted in the same order in every run."""
    return repr(value) if _is_plain(value) or isinstance(value, tuple) else full_name(value)
