"""Write worked examples of backpropagation into a run directory, for its page."""

import pathlib
from typing import Any

import jax.numpy as jnp

from jaxdl._formatting import format_array, format_shape
from jaxdl.backpropagation import TraceStep, WorkedExample
from jaxdl.runs import files


def write_worked_examples(directory: pathlib.Path, pages: list[WorkedExample]) -> None:
    """Write worked examples as pages.json, with every value formatted as text."""
    content = [{**page._asdict(), "steps": list(map(_formatted, page.steps))} for page in pages]
    files.write_json(directory / "pages.json", content)


def _formatted(step: TraceStep) -> dict[str, Any]:
    shape = format_shape(jnp.shape(step.value), "one number")
    return {**step._asdict(), "shape": shape, "value": format_array(step.value)}
