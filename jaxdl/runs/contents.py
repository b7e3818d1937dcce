"""The content of the files of a run: schemas of its JSON files and tables, checked whenever a file is read back.

The SHA-256 of the manifest detects damage. These schemas are for directories from elsewhere, whose author can write any
manifest: nothing is allocated, drawn or compiled from a number or a text that a run cannot have written.
"""

import pathlib
from typing import Any

from jaxdl.runs import files
from jaxdl.runs.settings import MAX_LAYERS, MAX_UNITS
from jaxdl.system.schema import Integer, Many, Mapping, Number, Optional, Text

COUNT, SIZES, OPTIONAL_TEXT = Integer(low=0), Many(Integer(1, MAX_UNITS), most=MAX_LAYERS), (None, Text(1000))
CLASS = (Text(), Integer())
INTERVAL = {name: (None, Number()) for name in ("estimate", "low", "high")}

SETTINGS = {
    "data": Text(1000),
    "label": OPTIONAL_TEXT,
    "categories": Many(Text()),
    "missing": ("impute", "refuse"),
    "separator": Optional((None, Text(10))),
    "header": Optional(("yes", "no")),
    "missing_values": Optional(Many(Text())),
    "layout": Optional(("auto", "measured")),
    "image_size": (None, [Integer(1, 10**5)] * 2),
    "model": ("mlp", "convnet"),
    "hidden": SIZES,
    "filters": SIZES,
    "dropout_rate": Number(0, 1),
    "ignore": Optional(Many(Text())),
    "augment": Optional(Many(Text())),
    **{name: Optional((None, Integer(1))) for name in ("epochs", "batch_size", "patience", "seeds", "microbatches")},
    "split_seed": Optional(COUNT),
    **{name: Optional(Number()) for name in ("mixup", "label_noise")},
    **{
        name: Optional(OPTIONAL_TEXT)
        for name in ("unreadable", "group", "problem", "loss", "precision", "schedule", "rule")
    },
    "optimizer": Optional(Mapping(Number())),
}
TRAINING = SETTINGS | {  # what the page of a training needs
    "epochs": Integer(1),
    "seeds": Integer(1),
    "split_seed": COUNT,
    "rule": Text(),
    "optimizer": {"learning_rate": Number()},
}
RESUMED = {  # what is compared before a run is resumed; experiments have other settings
    name: schema if isinstance(schema, Optional) else Optional(schema) for name, schema in SETTINGS.items()
}
PARTS = dict.fromkeys(("train", "dev", "test"), COUNT)
JSON_FILES: dict[str, Any] = {
    "settings.json": TRAINING,
    "environment.json": {
        "date": Text(),
        "jaxdl": Text(),
        "cores": Optional((None, Integer())),
        **{
            name: Optional(Text())
            for name in ("command", "device", "machine", "python", "jax", "jaxlib", "flax", "optax", "numpy")
        },
    },
    "quality.json": {
        "examples": PARTS,
        "shape": Many(COUNT),
        "classes": Optional(Many({"class": CLASS, **PARTS})),
        "missing": Mapping(COUNT),
        "left_out": Mapping(Text()),
        "leakage": {"dev_in_train": COUNT, "test_in_train": COUNT},
        "sha256": Optional(Text()),
    },
    "cost.json": {
        "compile": Number(0),
        "run": Number(0),
        "epochs": COUNT,
        "score": ("accuracy", "r_squared"),
        "layout": Optional(Mapping(Integer(1))),
        "total": Optional(Number(0)),
    },
    "proofs.json": Many(
        {
            "name": Text(),
            "shapes": Many(Many(Many(COUNT))),
            **dict.fromkeys(("float64", "float32", "float32_of_jax"), float),
            "fault": (None, Text()),
        }
    ),
    "splits.json": Many({"split_seed": COUNT, "test": Number()}),
    "pages.json": Many(
        {
            **{name: Text() for name in ("title", "formula", "by_hand", "notation")},
            "steps": Many({"name": Text(), "formula": (None, Text()), "shape": Text(), "value": Many(Many(Text()))}),
        }
    ),
}
COMPARISON = {
    **{name: Text() for name in ("arm", "scale", "estimand", "outcome")},
    "reference": (None, Text()),
    **{name: (None, Number()) for name in ("estimate", "low", "high")},
    **{name: Number() for name in ("confidence", "margin")},
    "needed": (None, Integer()),
    "failed": Integer(),
    "two_sided": bool,
    "part": Text(),
    "differences": Many((None, Number())),
}
RESULT = {  # of an experiment, NAME.json
    **{name: Text() for name in ("name", "chapter", "sentence", "settings", "date")},
    "item": (None, Integer()),
    "claims": Many(
        {
            **{name: Text() for name in ("says", "reading", "rule", "finding")},
            "verdict": ("supported", "refuted", "conditional", "inconclusive", "draft"),
            "plan": Optional(Text()),
            "power": Optional((None, Number())),
            "comparisons": Many(COMPARISON),
        }
    ),
    "panels": Many(
        {
            "metric": Text(),
            "arms": Mapping(Text()),
            "over": (None, [Text(), Many(Number())]),
            "thresholds": Many(Number()),
            "larger_is_better": Optional((None, bool)),
            "step": Optional((None, Number())),
            "means": Many({"arm": Text(), "at": (None, Number()), **INTERVAL, "failed": Optional(Integer())}),
        },
    ),
    "published": Optional(
        Many(
            {
                **{name: Text() for name in ("arm", "label", "source", "kept", "changed")},
                **{name: Number() for name in ("value", "tolerance")},
                **{name: (None, Number()) for name in ("at", "low", "high", "measured")},
                "agrees": bool,
            }
        )
    ),
    "seeds": Integer(1),
    "seed": Optional(Integer()),
    "level": Optional((None, Number())),
    "draft": Optional(bool),
    "replication": Optional(Integer(1)),
    "registration": Optional(Text()),
    "limits": Optional(Text()),
    "registrations": Optional(Integer()),
    "full": bool,
    "functions": Many(Text()),
    "seconds": Number(0),
    "versions": Optional(Mapping(Text())),
    "inputs": Optional(Many({"path": Text(), "sha256": Text()})),
    "unknown": Optional(Many(Text())),
    **{name: Optional(Text()) for name in ("sha256", "numbers_sha256")},
}
TABLES: dict[str, dict[str | tuple[str, ...], str]] = {  # columns, or alternatives of one, and their kind
    "metrics.parquet": {
        **dict.fromkeys(("member", "epoch"), "integer"),
        **dict.fromkeys(("train_loss", "dev_loss", ("dev_accuracy", "dev_r_squared")), "number"),
    },
    "members.parquet": {"member": "integer", "train": "number", "dev": "number", "test": "number"},
    "confusion.parquet": {"label": "class", "predicted": "class", "count": "number"},  # of weighted examples
    "mistakes.parquet": {
        "example": "integer",
        "label": "class",
        "predicted": "class or null",
        "members_wrong": "integer",
    },
    "predicted.parquet": dict.fromkeys(
        ("example", "label", "predicted", ("mean_low_95", "low"), ("mean_high_95", "high")), "number"
    ),
}
OTHER_COLUMNS = {"image": "image"}  # all others are numbers
MAY_BE_EMPTY = ("mistakes.parquet",)


def read_content(path: pathlib.Path) -> Any:
    """Read a JSON file of a run. Raises ValueError, which names the file, unless it has the schema of its name."""
    return files.read_json(path, JSON_FILES[path.name])


def read_columns(path: pathlib.Path) -> dict[str, list]:
    """Read a table of a run. Raises ValueError, which names the file, unless it has the columns of its name."""
    columns = files.read_table(path, TABLES[path.name], others=OTHER_COLUMNS)
    if path.name not in MAY_BE_EMPTY and not next(iter(columns.values())):
        raise ValueError(f"{path} is damaged: it must have a row, got none.")
    return columns


def read_history(path: pathlib.Path) -> dict[str, list]:
    """Read the learning curves of an unfinished run. Raises ValueError, which names the file, if a line is damaged."""
    columns = files.read_lines(path)
    named = all(
        any(name in columns for name in ([names] if isinstance(names, str) else names))
        for names in TABLES["metrics.parquet"]
    )
    if not (named and all(type(epoch) is int for epoch in columns["epoch"])):
        raise ValueError(
            f"{path} is damaged: its lines must be those that a training writes, got {', '.join(columns) or 'none'}."
        )
    return columns
