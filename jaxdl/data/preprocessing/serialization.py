"""A preparation as JSON can hold it, and back: what a run keeps so that new examples are prepared as its own were."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.data.preprocessing.columns import Categories, Column, Dates, Numbers
from jaxdl.data.preprocessing.preparation import Classes, Preparation
from jaxdl.data.preprocessing.standardization import Standardization

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Numbers, Categories, Dates)}


def to_json(preparation: Preparation) -> dict[str, Any]:
    """Dicts, lists, numbers and text that say all of it."""
    inputs, labels = preparation.inputs, preparation.labels
    return {
        "inputs": _numbers(inputs) if isinstance(inputs, Standardization) else [_column(column) for column in inputs],
        "labels": {"classes": list(labels.names)} if isinstance(labels, Classes) else _numbers(labels),
        "shape": list(preparation.shape),
        "left_out": preparation.left_out,
    }


def from_json(content: dict[str, Any]) -> Preparation:
    """The preparation that `to_json` has said. Raises ValueError for anything else."""
    try:
        inputs, labels = content["inputs"], content["labels"]
        return Preparation(
            tuple(map(_read_column, inputs)) if isinstance(inputs, list) else _read_numbers(inputs, jnp.float32),
            Classes(tuple(labels["classes"])) if "classes" in labels else _read_numbers(labels, np.float64),
            tuple(content["shape"]),
            dict(content["left_out"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"a preparation must be as a run has written it, but is damaged: {error!r}.") from error


def _numbers(standardization) -> dict[str, list]:
    return {name: np.asarray(array, np.float64).tolist() for name, array in standardization._asdict().items()}


def _read_numbers(content, dtype) -> Standardization:
    array = jnp.asarray if dtype == jnp.float32 else np.asarray
    return Standardization(*(array(content[name], dtype) for name in Standardization._fields))


def _column(column: Column) -> dict[str, Any]:
    fields = {name: _column(value) if isinstance(value, Numbers) else value for name, value in column._asdict().items()}
    return {"kind": type(column).__name__, **fields}


def _read_column(content) -> Column:
    fields = {
        name: _read_column(value) if isinstance(value, dict) else tuple(value) if isinstance(value, list) else value
        for name, value in content.items()
        if name != "kind"
    }
    return KINDS[content["kind"]](**fields)
