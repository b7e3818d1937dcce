"""A realistic table, commands as a user types them, and runs without training."""

import datetime
import pathlib

import jax
import numpy as np
import pyarrow as pa

from jaxdl.__main__ import main
from jaxdl.cli import report
from jaxdl.runs import files
from jaxdl.runs.build import build_model
from jaxdl.runs.data_report import data_report
from jaxdl.runs.examples import Examples, load_examples
from jaxdl.runs.manifest import complete_run
from jaxdl.runs.settings import Train
from jaxdl.runs.trainer import start_run

PRINT_PAGE = report.print_page  # the original, before a test replaces it


def people(rows: int, seed: int = 0) -> pa.Table:
    """Return a table with an index, missing values, dates, several alphabets, a constant, and a class of two rows."""
    random = np.random.default_rng(seed)
    age, score = random.normal(40, 12, rows), random.normal(size=rows)
    city = np.array(["Köln", "São Paulo", "東京"], object)[random.integers(0, 3, rows)]
    days = random.integers(0, 700, rows)
    likes = 2 * score + (city == "東京") - (age - 40) / 12 > 0
    label = np.where(likes, "ja ✓", "nein").astype(object)
    label[:2] = "selten"
    return pa.table(
        {
            "id": np.arange(rows),
            "age": pa.array(age, mask=random.random(rows) < 0.1),
            "city": pa.array(city.tolist(), mask=random.random(rows) < 0.05),
            "joined": [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(day)) for day in days],
            "constant": ["x"] * rows,
            "name": [f"person {row}" for row in range(rows)],
            "score": score,
            "wealth": 50_000 + 1_000 * (score - (city == "Köln")) + random.normal(0, 100, rows),
            "label": label.tolist(),
        }
    )


DIGITS = ["--epochs", "4", "--seeds", "3", "--hidden", "16"]
FAST = ["adam", "--learning-rate", "0.01"]
SMALL = ["--seeds", "3", "--hidden", "8", "--epochs", "20", "--batch-size", "16"]


def run(*arguments: str | pathlib.Path) -> int:
    """Run one command and return its exit status."""
    return main([str(argument) for argument in arguments])


def untrained_run(directory: pathlib.Path, settings: Train) -> Examples:
    """Write what `jaxdl predict` needs of a run, with random networks: how data are read does not depend on them."""
    examples = load_examples(settings)
    directory.mkdir()
    start_run(directory, settings, examples, data_report(examples.raw, examples.preparation))
    example = jax.ShapeDtypeStruct((1, *examples.preparation.shape), np.float32)
    random, model = np.random.default_rng(0), build_model(settings, examples.preparation)
    shapes = dict(zip(("params", "stats"), jax.eval_shape(model.init, jax.random.key(0), example), strict=True))
    networks = jax.tree.map(lambda leaf: random.normal(size=(2, *leaf.shape)).astype(leaf.dtype), shapes)
    files.write_arrays(directory / "params.npz", networks)
    complete_run(directory, {})
    return examples
