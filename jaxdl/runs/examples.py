"""The examples of a run: read the data that the settings name, split it, and prepare it for training."""

import pathlib
import warnings
from typing import NamedTuple

import jax

from jaxdl import data
from jaxdl.data.dataset import counted
from jaxdl.data.loading import parts_of
from jaxdl.data.preprocessing.columns import missing_cells
from jaxdl.data.preprocessing.preparation import missing_counts
from jaxdl.data.readers.cells import MISSING
from jaxdl.data.readers.tables import SUFFIXES, TableFormat, column_names
from jaxdl.runs.build import ON_UNREADABLE, READ_LABELS
from jaxdl.runs.settings import Train


class Examples(NamedTuple):
    """A split data set as it was read and as it is trained on.

    Attributes:
        raw: The parts as they were read.
        ready: The parts encoded and standardized.
        preparation: The encodings and the standardization, fitted to the training part.
    """

    raw: data.Split
    ready: data.Split
    preparation: data.Preparation


def load_examples(settings: Train) -> Examples:
    """Read, split and prepare the data that the settings name; examples of weight 0 are left out with a warning.

    Raises ValueError for unusable data, and for missing values if the settings refuse them.
    """
    raw = _split(settings)
    if not isinstance(raw.train.inputs, dict):
        raw = jax.device_get(raw)  # only the prepared data needs room on the device
    if settings.missing == "refuse":
        refuse_missing(raw)
    ready, preparation = data.prepared(raw, keep_pixels=True)
    return Examples(raw, ready, preparation)


def table_format(settings: Train) -> data.readers.TableFormat:
    """Return separator, header and missing values of the tables that the settings describe."""
    return TableFormat(settings.separator, settings.header == "yes", settings.missing_values or MISSING)


def _split(settings) -> data.Split:
    """Split into train, dev and test; of a set with parts, a sixth of train becomes the part that it lacks."""
    key = jax.random.key(settings.split_seed)
    _check_group(settings)
    own = {part: _read(settings, part) for part in parts_of(settings.data) if part != "train"}
    whole = _read(settings, "train")
    by_class = whole.labels.ndim == 1
    if len(own) == 2:
        return data.Split(train=whole, **own)
    if own:
        divide = data.stratified_parts if by_class else data.random_parts
        train, rest = divide(key, whole, shares=(5 / 6, 1 / 6))
        return data.Split(**{"train": train, "dev": rest, "test": rest} | own)
    if settings.group is None:
        return (data.stratified_split if by_class else data.random_split)(key, whole)
    groups = whole.inputs.pop(settings.group)  # text, so that long numbers keep all of their digits
    known = ~missing_cells(groups)
    groups[known] = data.as_classes(groups[known])  # 7 and 7.0 are the same group
    return data.grouped_split(key, whole, groups)


def _check_group(settings) -> None:
    """Raise ValueError unless the data are a table with the column to group by."""
    if settings.group is None:
        return
    path = pathlib.Path(settings.data).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"--group {settings.group} needs a table with this column, but {settings.data} is not a table."
        )
    columns = [
        name for name in column_names(path, table_format(settings)) if name not in (settings.label, *settings.ignore)
    ]
    if settings.group not in columns:
        raise ValueError(
            f"{settings.data} has no column {settings.group!r} to group by. Columns: {', '.join(columns)}."
        )


def _read(settings, part) -> data.Dataset:
    whole = data.load(
        settings.data,
        part=part,
        label=settings.label,
        ignore=settings.ignore,
        categories=settings.categories if settings.group is None else (*settings.categories, settings.group),
        table_format=table_format(settings),
        targets=READ_LABELS[settings.problem],
        image_size=settings.image_size,
        unreadable=ON_UNREADABLE[settings.unreadable],
        data_dir=settings.data_dir,
        manual_dir=settings.manual_dir,
    )
    kept = counted(whole)
    if kept.size < whole.size:
        warnings.warn(f"{whole.size - kept.size} of {whole.size} examples have weight 0 and are left out", stacklevel=2)
    return kept


def refuse_missing(split: data.Split) -> None:
    """Raise ValueError, with columns and counts, if a table has missing values."""
    for name, part in split._asdict().items():
        counts = missing_counts(part)
        if counts:
            columns = ", ".join(
                f"{column!r} ({count} of {part.size} rows of {name})" for column, count in counts.items()
            )
            raise ValueError(
                f"missing values found with --missing refuse: {columns}. Fill them in, drop the columns with --ignore, "
                "or use --missing impute."
            )
