"""Unknown names of a module or a class raise AttributeError with the nearest, and `dir` of a module lists its own."""

import difflib
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

Class = TypeVar("Class", bound=type)


def offer_public_names(module_name: str, hints: Mapping[str, str] = MappingProxyType({})) -> None:
    """Let `dir` of a module list its `__all__` alone, and an unknown attribute raise AttributeError with the nearest.

    Initials such as bce are near to the names that they abbreviate. `hints` gives advice on other names that users are
    likely to try, by name.

    Call it after the definition of `__all__`. The functions are set at run time, because type checkers accept any
    attribute of a module that defines `__getattr__`.
    """
    module = sys.modules[module_name]
    lower = {name.lower(): name for name in module.__all__}
    initials: dict[str, list[str]] = {}
    for name in sorted(lower):
        initials.setdefault("".join(word[:1] for word in name.split("_")), []).append(lower[name])

    def unknown(name: str) -> NoReturn:
        near = [lower[match] for match in difflib.get_close_matches(name.lower(), lower, n=1)]
        near = initials.get(name.lower(), near) if len(name) > 1 else near
        advice = f"did you mean {' or '.join(near)}?" if near else f"help({module_name}) lists what it has."
        advice = hints.get(name.lower(), advice)
        raise AttributeError(f"module {module_name!r} has no attribute {name!r}: {advice}", name=name)

    vars(module).update(__getattr__=unknown, __dir__=lambda: [*module.__all__])
    vars(module).pop("offer_public_names", None)  # the caller has imported it, and it is not one of the module's names


def suggest_attributes(hints: Mapping[str, str], otherwise: str = "") -> Callable[[Class], Class]:
    """Return a decorator of a class whose unknown attributes raise AttributeError with advice.

    The advice is that of `hints`, else the nearest attribute, else `otherwise`, else all attributes. `__getattr__` is
    set at run time, because type checkers accept any attribute of a class that defines it.

    Args:
        hints: Advice for names that users are likely to try, by name.
        otherwise: Advice for all other names; `{name}` stands for the name.
    """

    def decorate(cls: Class) -> Class:
        public = [name for name in dir(cls) if not name.startswith("_") and not hasattr(tuple, name)]
        joined = ", ".join(public)

        def unknown(self: Any, name: str) -> Any:
            if hasattr(cls, name):  # a property that raised AttributeError
                return object.__getattribute__(self, name)
            message = f"{cls.__name__} has no attribute {name!r}"
            if not name.startswith("_"):  # jax, numpy and pickle look for names that start with an underscore
                near = difflib.get_close_matches(name.lower(), public, n=1, cutoff=0.75)
                nearest = f"did you mean {near[0]}?" if near else otherwise.format(name=name)
                message += f": {hints.get(name) or nearest or f'it has {joined}.'}"
            raise AttributeError(message, name=name)

        type.__setattr__(cls, "__getattr__", unknown)
        return cls

    return decorate
