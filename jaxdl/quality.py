"""What there is to know of a data set before a result is believed: its classes, duplicates, what is left out."""

import contextlib
import warnings
from collections.abc import Generator
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape

from jaxdl import data

MOST = 5  # so many columns or classes are named, the others counted


def quality_of(raw: data.Split, preparation: data.Preparation) -> dict[str, Any]:
    """The sizes of the parts, classes or targets, missing cells, duplicates, and columns that are left out."""
    return {
        "examples": {name: part.size for name, part in raw._asdict().items()},
        "shape": list(preparation.shape),
        **_labels(raw),
        "missing": data.incomplete(raw.train),
        "left_out": preparation.left_out,
        "leakage": data.leakage(raw)._asdict(),
    }


def _labels(raw) -> dict[str, Any]:
    """How many examples of each class a part has, or how targets are spread."""
    if raw.train.labels.ndim == 1:
        return {"classes": [{"class": name, **of._asdict()} for name, of in data.class_balance(raw).items()]}
    spread = {}
    for name, part in raw._asdict().items():
        targets = np.asarray(part.labels, np.float64)
        spread[name] = {"mean": targets.mean(0).tolist(), "deviation": targets.std(0).tolist()}
    return {"targets": spread}


def tell_quality(quality: dict[str, Any], console: Console) -> None:
    """One line about what there is, and one about each thing that a reader should know before believing a result."""
    parts = ", ".join(f"{count} {name}" for name, count in quality["examples"].items())
    learned = f"{len(quality['classes'])} classes" if "classes" in quality else "a regression"
    shape = "×".join(map(str, quality["shape"]))
    console.print(f"{parts} examples; {shape} inputs, {learned}", highlight=False)
    for doubt in doubts(quality):
        console.print(f"[yellow]{escape(doubt)}[/yellow]", highlight=False, soft_wrap=True)


@contextlib.contextmanager
def told(console: Console) -> Generator[None]:
    """What is warned of inside is printed, each sentence once."""
    sentences: set[str] = set()

    def tell(message: Warning | str, *place: Any, **more: Any) -> None:  # noqa: ARG001
        if str(message) not in sentences:
            sentences.add(str(message))
            console.print(f"[yellow]{escape(str(message))}[/yellow]", highlight=False, soft_wrap=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = tell  # ty: ignore[invalid-assignment]  as the documentation of warnings has it
        yield


def doubts(quality: dict[str, Any]) -> Generator[str]:
    """What may make a result worth less than it looks, a sentence each."""
    for name, reason in list(quality["left_out"].items())[:MOST]:
        yield f"column {name!r} is left out: {reason}"
    if len(quality["left_out"]) > MOST:
        yield f"{len(quality['left_out']) - MOST} more columns are left out, as preparation.json says"
    if quality["missing"]:
        cells = ", ".join(f"{name!r} {count}" for name, count in list(quality["missing"].items())[:MOST])
        more = f" and {len(quality['missing']) - MOST} more columns" if len(quality["missing"]) > MOST else ""
        yield f"cells that are missing in training: {cells}{more}; medians, or a class of their own, stand for them"
    for part in ("dev", "test"):
        classes = quality.get("classes", ())
        absent = [str(of["class"]) for of in classes if not of[part]]
        if absent:
            named = ", ".join(absent[:MOST]) + (f" and {len(absent) - MOST} more" if len(absent) > MOST else "")
            yield f"no example in {part} of {len(absent)} classes that are too small for all parts: {named}"
        shared = quality["leakage"][f"{part}_in_train"]
        if shared:
            share = 100 * shared / quality["examples"][part]
            yield f"{shared} examples of {part} ({share:.1f} %) have exactly the inputs of one in train"
