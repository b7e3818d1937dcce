"""Run directories: train from settings, record results, load the networks again, predict with them, export them.

    from jaxdl import runs

    run = runs.load_run("runs/houses")  # what `jaxdl train --data houses.csv --label price` has written
    interval = runs.predict(run, {"area": area, "rooms": rooms})

`load_run` and `predict` are all that a script needs. The other modules serve the command line: `settings` and `build` turn
settings into a task, `examples` reads and splits the data, `trainer` trains, `results` writes tables, `directory` and
`files` manage what lies on disk.
"""

from jaxdl.runs.load import Run as Run, load_run as load_run
from jaxdl.runs.predict import predict as predict

__all__ = ["Run", "load_run", "predict"]
