"""An introduction to deep learning as pure JAX functions, with every gradient derived by hand and checked.

    import jaxdl.functional as F
    from jaxdl import data, models, optimizers, training

- Formulas and gradients: `functional`, `derivation` (the check of the gradients), `backpropagation`.
- Parts of a training: `data`, `initializers`, `models`, `optimizers`, `schedules`.
- Training and evaluation: `training`, `metrics`, `statistics`.
- Around it: `runs` (run directories, prediction), `experiment` (claims and verdicts), `reports` (HTML pages).

Importing jaxdl does not import jax and changes no configuration. Each module is imported when it is first used.
"""

import importlib
import types

__version__ = "0.2.0"

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
    return [*__all__]
