"""Run directories: train from settings, record results, load the networks again, predict with them, export them.

    from jaxdl import runs

    run = runs.load_run("runs/houses")  # what `jaxdl train --data houses.csv --label price` has written
    prediction = runs.predict(run, {"area": area, "rooms": rooms})

`load_run` returns a `Run`, and `predict` a `Prediction`; a script needs nothing else. The other modules serve the
command line: `settings` and `build` turn settings into a task, `examples` reads and splits the data, `trainer`
trains, `results` and `residuals` write tables, `directory` and `files` manage the files of a run. Importing this
package imports no jax, so that `jaxdl --help` is fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxdl.runs.load import Run as Run, load_run as load_run
    from jaxdl.runs.prediction import Prediction as Prediction, predict as predict

_MODULES = {"Run": "load", "load_run": "load", "Prediction": "prediction", "predict": "prediction"}

__all__ = ["Prediction", "Run", "load_run", "predict"]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"jaxdl.runs.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'jaxdl.runs' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return [*__all__]
