"""Describe a data set before training: sizes, classes, missing values, duplicates, and columns that are not used."""

import hashlib
import json
from collections.abc import Generator
from typing import Any

import jax
import numpy as np

from jaxdl import data
from jaxdl.data.preprocessing.preparation import missing_counts
from jaxdl.training.checkpoints.serialization import digest

MAX_NAMED = 5  # columns or classes named in one sentence; the rest are counted


def data_report(raw: data.Split, preparation: data.Preparation) -> dict[str, Any]:
    """Return sizes, class counts or target statistics, missing values, duplicates, unused columns, ready for JSON.

    The entry sha256 is the digest of all examples as they were read.
    """
    return {
        "examples": {name: part.size for name, part in raw._asdict().items()},
        "shape": list(preparation.shape),
        **_labels(raw),
        "missing": missing_counts(raw.train),
        "left_out": preparation.left_out,
        "leakage": data.leakage(raw)._asdict(),
        "sha256": _digest(raw),
    }


def _digest(raw) -> str:
    """Return the SHA-256 of all arrays of a split, with their places."""
    leaves = [(jax.tree_util.keystr(place), np.asarray(leaf)) for place, leaf in jax.tree.leaves_with_path(raw)]
    digests = [(place, _digest_of_names(leaf) if leaf.dtype == object else digest(leaf)) for place, leaf in leaves]
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _digest_of_names(names) -> str:
    return hashlib.sha256(json.dumps(names.tolist(), default=str).encode()).hexdigest()


def _labels(raw) -> dict[str, Any]:
    """Return the number of examples of each class in each part, or mean and standard deviation of the targets."""
    if raw.train.labels.ndim == 1:
        return {"classes": [{"class": name, **counts._asdict()} for name, counts in data.class_balance(raw).items()]}
    spread = {}
    for name, part in raw._asdict().items():
        targets = np.asarray(part.labels, np.float64)
        spread[name] = {"mean": targets.mean(0).tolist(), "std": targets.std(0).tolist()}
    return {"targets": spread}


def concerns(report: dict[str, Any]) -> Generator[str]:
    """Yield a sentence for each thing that may make a result less reliable than it looks."""
    for name, reason in list(report["left_out"].items())[:MAX_NAMED]:
        yield f"column {name!r} is not used: {reason}"
    if len(report["left_out"]) > MAX_NAMED:
        yield f"{len(report['left_out']) - MAX_NAMED} more columns are not used; preparation.json lists them"
    if report["missing"]:
        cells = ", ".join(f"{name!r} {count}" for name, count in list(report["missing"].items())[:MAX_NAMED])
        more = f" and {len(report['missing']) - MAX_NAMED} more columns" if len(report["missing"]) > MAX_NAMED else ""
        yield (
            f"missing values in the training part: {cells}{more}; numbers are imputed by the training median, "
            "text gets a category of its own"
        )
    for part in ("dev", "test"):
        absent = [str(row["class"]) for row in report.get("classes", ()) if not row[part]]
        if absent:
            named = _named(absent)
            yield f"{part} has no example of {len(absent)} classes, which have too few examples for every part: {named}"
        duplicates = report["leakage"][f"{part}_in_train"]
        if duplicates:
            percent = 100 * duplicates / max(1, report["examples"][part])
            yield f"{duplicates} examples of {part} ({percent:.1f} %) have exactly the inputs of an example of train"


def _named(names) -> str:
    """Join the first names by commas and count the rest."""
    return ", ".join(names[:MAX_NAMED]) + (f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else "")
