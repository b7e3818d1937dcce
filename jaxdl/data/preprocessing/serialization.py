"""Conversion of a preparation to JSON and back, so that a run prepares new examples as it prepared its own."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.data.preprocessing.columns import Categories, Column, Dates, Numbers
from jaxdl.data.preprocessing.preparation import Classes, Preparation
from jaxdl.data.preprocessing.standardization import Standardization

KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Numbers, Categories, Dates)}
RENAMED = {"deviation": "std", "levels": "categories"}  # names in the files of older runs


def to_json(preparation: Preparation) -> dict[str, Any]:
    """Convert a preparation to dicts, lists, numbers and strings.

    Args:
        preparation: The preparation.

    Returns:
        Content for `json.dumps`, without loss of precision.

    Example:
        >>> from jaxdl import data
        >>> from jaxdl.data.preprocessing import to_json
        >>> to_json(data.fit_preparation(data.xor()))["labels"]
        {'classes': [0, 1]}
    """
    inputs, labels = preparation.inputs, preparation.labels
    return {
        "inputs": _inputs(inputs) if isinstance(inputs, Standardization) else [_column(column) for column in inputs],
        "labels": {"classes": list(labels.names)} if isinstance(labels, Classes) else _numbers(labels),
        "shape": list(preparation.shape),
        "left_out": preparation.left_out,
    }


def from_json(content: dict[str, Any]) -> Preparation:
    """Restore the preparation that `to_json` has converted.

    Args:
        content: Dicts, lists, numbers and strings as returned by `to_json`, also by older versions of jaxdl.

    Returns:
        The preparation.

    Raises:
        ValueError: If the content is not that of a preparation.

    Example:
        >>> from jaxdl import data
        >>> from jaxdl.data.preprocessing import from_json, to_json
        >>> from_json(to_json(data.fit_preparation(data.xor()))).inputs.mean.tolist()
        [0.5, 0.5]
    """
    try:
        content = _current_names(content)
        inputs, labels = content["inputs"], content["labels"]
        return Preparation(
            tuple(map(_read_column, inputs)) if isinstance(inputs, list) else _read_inputs(inputs),
            Classes(tuple(labels["classes"])) if "classes" in labels else _read_numbers(labels, np.float64),
            tuple(content["shape"]),
            dict(content["left_out"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"the preparation is damaged or incomplete ({error!r}).") from error


def _current_names(content) -> dict[str, Any]:
    """Replace the field names of older versions in inputs and labels."""
    rename = lambda fields: {  # noqa: E731
        RENAMED.get(name, name): rename(value) if isinstance(value, dict) else value for name, value in fields.items()
    }
    inputs, labels = content["inputs"], content["labels"]
    renamed = [rename(column) for column in inputs] if isinstance(inputs, list) else rename(inputs)
    return {**content, "inputs": renamed, "labels": rename(labels)}


def _inputs(standardization) -> dict[str, Any]:
    """Return a standardization; its dtype is that in which inputs are standardized."""
    dtype = np.asarray(standardization.mean).dtype
    return {**_numbers(standardization), **({"dtype": "float64"} if dtype == np.float64 else {})}


def _read_inputs(content) -> Standardization:
    return _read_numbers(content, np.float64 if content.get("dtype") == "float64" else jnp.float32)


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
