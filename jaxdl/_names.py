"""Names of a module: `dir` lists the public ones, and an unknown name raises with the nearest of them."""

import difflib
import sys
from typing import NoReturn


def offer_public_names(module_name: str) -> None:
    """Let `dir` of a module list its `__all__` alone, and an unknown attribute raise AttributeError with the nearest.

    Call it after the definition of `__all__`. The functions are set at run time, because type checkers accept any
    attribute of a module that defines `__getattr__`.
    """
    module = sys.modules[module_name]
    lower = {name.lower(): name for name in module.__all__}

    def unknown(name: str) -> NoReturn:
        near = difflib.get_close_matches(name.lower(), lower, n=1)
        advice = f"did you mean {lower[near[0]]}?" if near else f"help({module_name}) lists what it has."
        raise AttributeError(f"module {module_name!r} has no attribute {name!r}: {advice}", name=name)

    vars(module).update(__getattr__=unknown, __dir__=lambda: [*module.__all__])
    vars(module).pop("offer_public_names", None)  # the caller has imported it, and it is not one of the module's names
