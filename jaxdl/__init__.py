"""An introduction to deep learning as pure JAX functions, each gradient derived by hand and proven.

    import jaxdl.functional as F
    from jaxdl import data, models, optimizers, training

Importing jaxdl imports no jax and changes no configuration; its modules are imported where they are first named.
"""

import importlib
import types

__version__ = "0.1.0"

_MODULES = (
    "backpropagation",
    "data",
    "derivation",
    "experiment",
    "functional",
    "initializers",
    "metrics",
    "models",
    "optimizers",
    "reports",
    "runs",
    "schedules",
    "statistics",
    "training",
)

__all__ = [*_MODULES]


def __getattr__(name: str) -> types.ModuleType:
    if name in _MODULES:
        return importlib.import_module(f"jaxdl.{name}")
    raise AttributeError(f"module 'jaxdl' has no attribute {name!r}; it has {', '.join(_MODULES)}")


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
