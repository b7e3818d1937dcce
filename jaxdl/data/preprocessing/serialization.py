"""Conversion of a preparation to JSON and back, so that a run prepares new examples as it prepared its own."""

import math
from collections import Counter
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdl.data.preprocessing.columns import Categories, Column, Dates, Numbers, feature_names
from jaxdl.data.preprocessing.preparation import Classes, Preparation
from jaxdl.data.preprocessing.standardization import Standardization
from jaxdl.system.schema import POSITIVE, Integer, Many, Mapping, Number, Optional, Text, check_content

MAX_SIZE = 2**31 - 1  # numbers of one example
KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Numbers, Categories, Dates)}
NUMBERS = {
    "kind": "Numbers",
    "name": Text(),
    **{name: Number() for name in ("median", "mean")},
    "std": POSITIVE,
    "missing": bool,
}
CATEGORIES = {"kind": "Categories", "name": Text(), "categories": Many((None, Text())), "rest": bool}
DATES = {"kind": "Dates", "name": Text(), "days": NUMBERS, "cycles": Many(POSITIVE, most=100)}
STANDARDIZATION = {"mean": Many(Number()), "std": Many(POSITIVE)}
PREPARATION = {
    "inputs": (Many((NUMBERS, CATEGORIES, DATES), least=1), STANDARDIZATION),
    "labels": {
        "classes": Optional(Many((Text(), Integer()), least=1)),
        **{name: Optional(schema) for name, schema in STANDARDIZATION.items()},
    },
    "shape": Many(Integer(0, 10**9), most=10),
    "left_out": Mapping(Text()),
}
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
        check_content(content, PREPARATION, "preparation")
        inputs, labels = content["inputs"], content["labels"]
        preparation = Preparation(
            tuple(map(_read_column, inputs)) if isinstance(inputs, list) else _read_inputs(inputs),
            Classes(tuple(labels["classes"])) if "classes" in labels else _read_numbers(labels, np.float64),
            tuple(content["shape"]),
            dict(content["left_out"]),
        )
        _check_consistent(preparation)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise ValueError(f"the preparation is damaged or incomplete ({error}).") from error
    return preparation


def _check_consistent(preparation) -> None:
    """Raise ValueError if parts of a preparation contradict each other, as after damage or in a forged file."""
    inputs, labels, shape = preparation.inputs, preparation.labels, preparation.shape
    for part in (inputs, labels):
        if isinstance(part, Standardization):
            mean, std = map(np.asarray, part)
            if mean.shape != std.shape or not (np.isfinite([mean, std]).all() and (std > 0).all()):
                raise ValueError("means and standard deviations must be finite, and one of each for every feature")
    widths = inputs.mean.size if isinstance(inputs, Standardization) else sum(len(feature_names(c)) for c in inputs)
    if shape[-1:] != (widths,) or math.prod(shape) > MAX_SIZE:
        raise ValueError(f"the shape must end with {widths} and have at most {MAX_SIZE:,} numbers, got {shape}")
    names = [str(name) for name in labels.names] if isinstance(labels, Classes) else []
    if not isinstance(inputs, Standardization):
        _check_distinct("column", [column.name for column in inputs])
    _check_distinct("class", names)


def _check_distinct(kind, names) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"every {kind} must have its own name, got {twice[0]!r} twice")


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
