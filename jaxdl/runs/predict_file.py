"""Predict every example of a file, chunk by chunk: read, predict, write, and compare with known labels."""

import pathlib
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from jaxdl import data
from jaxdl.data.loading import part_folder
from jaxdl.data.preprocessing.columns import Categories, Dates, Numbers, missing_cells
from jaxdl.data.preprocessing.preparation import class_numbers, unlike_training
from jaxdl.data.readers.cells import NUMBER, texts_to_numbers
from jaxdl.data.readers.images import image_chunks, list_images
from jaxdl.data.readers.npz import has_labels, load_npz_inputs
from jaxdl.data.readers.tables import SUFFIXES, column_names, table_chunks
from jaxdl.runs.examples import table_format
from jaxdl.runs.load import Run
from jaxdl.runs.prediction import Prediction, predict
from jaxdl.system.storage import whole_file

ROWS = 1 << 13  # examples predicted and written at a time
IMAGES = 1 << 10  # images decoded at a time
LEVEL = 0.9  # of prediction intervals, unless another is given
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters of a formula
MAX_NAMED = 5  # unknown labels counted by name; all others are counted as "…"
WRITERS = {".csv": pa.csv.CSVWriter, ".parquet": pq.ParquetWriter}


class PredictionInput(NamedTuple):
    """The data to predict.

    Attributes:
        name: A path, or the name of a known data set.
        part: "train", "dev" or "test", of a set that comes in parts.
        keep: Columns of a table to copy into the output.
        unreadable: Called with the damaged images of each chunk.
        data_dir: Folder of sets that TFDS has prepared.
        manual_dir: Folder of original files fetched by hand.
    """

    name: str
    part: str = "test"
    keep: tuple[str, ...] = ()
    unreadable: Callable[[list[pathlib.Path]], None] = data.refuse_unreadable
    data_dir: pathlib.Path | None = None
    manual_dir: pathlib.Path | None = None


class Chunk(NamedTuple):
    """Some consecutive examples.

    Attributes:
        names: Columns that identify the examples: row number or file, and the columns to keep.
        inputs: Inputs as they are read.
        labels: Labels as they are read, if there are any.
        weights: Weights of the examples in the scores; None: 1 for each.
    """

    names: dict[str, Any]
    inputs: Any
    labels: np.ndarray | None
    weights: np.ndarray | None = None


class FilePredictions(NamedTuple):
    """Counts and sums over all examples of a file.

    Attributes:
        examples: Number of predictions.
        sums: Weighted sums that the scores are computed from, for the examples with known labels.
        unknown_labels: Counts of labels that are not a class of the run, by label; "…" counts all after the first few.
        unfamiliar: Counts of examples unlike any seen in training, by column (see `unlike_training`).
        covered: Weighted number of known labels within their prediction intervals.
    """

    examples: int
    sums: Any
    unknown_labels: Counter
    unfamiliar: Counter
    covered: float = 0


def predict_file(run: Run, source: PredictionInput, out: pathlib.Path, *, level: float = LEVEL) -> FilePredictions:
    """Predict every example and write one row each to a .csv or .parquet file.

    The prediction intervals of a regression have this level; it is part of the names of their columns.

    Raises ValueError if the data do not fit the run, hold no example, or a kept column would be overwritten.
    """
    check_output(out)
    writer = None
    examples, sums, unknown, unfamiliar, covered = 0, 0.0, Counter(), Counter(), 0
    with whole_file(out) as file:
        for chunk in chunks(run, source):
            predicted = predict(run, chunk.inputs, level=level)
            predictions = _columns(run.preparation.labels, predicted, level)
            twice = [name for name in chunk.names if name in predictions]
            if twice:
                raise ValueError(f"cannot keep column {twice[0]!r}: the predictions have a column of this name.")
            columns = {**chunk.names, **predictions}
            columns = pa.table(columns if out.suffix.lower() != ".csv" else _for_spreadsheets(columns, source.keep))
            writer = writer or WRITERS[out.suffix.lower()](file, columns.schema)
            writer.write_table(columns)
            examples += len(columns)
            counts = unlike_training(run.preparation, chunk.inputs)
            unfamiliar.update({name: rows.sum() for name, rows in counts.items()})
            if chunk.labels is not None:
                weights = np.ones(len(columns)) if chunk.weights is None else chunk.weights.astype(float)
                known, others = _known(run.preparation.labels, chunk.labels, weights > 0)
                sums = sums + _sums(run.preparation.labels, predicted.estimate, known, weights)
                covered += _covered(predicted, known, weights)
                unknown.update(label if label in unknown or len(unknown) < MAX_NAMED else "…" for label in others)
        if writer is None:
            raise ValueError(f"{source.name} holds no example to predict.")
        writer.close()
    return FilePredictions(examples, sums, unknown, unfamiliar, covered)


def _for_spreadsheets(columns, kept) -> dict[str, Any]:
    """Put an apostrophe before text that a spreadsheet would compute: headings, and cells that are not kept."""
    neutral = lambda text: f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text  # noqa: E731
    safe = {}
    for name, values in columns.items():
        is_text = name not in kept and isinstance(values[0], str)
        safe[neutral(name)] = list(map(neutral, values)) if is_text else values
    return safe


def check_output(out: pathlib.Path) -> None:
    """Raise ValueError for a suffix that cannot be written, and FileExistsError for a file that exists."""
    if out.suffix.lower() not in WRITERS:
        raise ValueError(f"--out must end with {' or '.join(WRITERS)}, got {out}.")
    if out.exists():
        raise FileExistsError(f"{out} already exists: choose another file with --out.")


def scores(labels: data.Classes | data.Standardization, sums: np.ndarray) -> dict[str, float]:
    """Return the weighted scores of the mean prediction over the examples with known labels, and their total weight."""
    if isinstance(labels, data.Classes):
        count, right = sums
        return {"count": count, "right": right, "accuracy": right / count}
    (count, *_), totals, squares, squared_errors, absolute_errors = sums
    variation, squared_error = (squares - totals**2 / count).sum(), squared_errors.sum()
    return {
        "count": count,
        "r_squared": 1 - squared_error / variation if variation else np.nan,
        "root_mean_squared_error": np.sqrt(squared_error / count),
        "mean_absolute_error": absolute_errors.sum() / count,
    }


def chunks(run: Run, source: PredictionInput) -> Generator[Chunk]:
    """Yield the examples in chunks, read as the run read its training data."""
    path = pathlib.Path(source.name)
    if source.keep and path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"--keep needs a table ({', '.join(SUFFIXES)}), but {path} is not a table.")
    if path.suffix.lower() in SUFFIXES:
        yield from _table_chunks(path, source, run)
    elif path.is_dir():
        yield from _folder_chunks(path, source, run)
    elif path.suffix.lower() == ".npz" and not has_labels(path, part=source.part):
        yield from _array_chunks(load_npz_inputs(path, part=source.part))
    else:
        whole = data.load(
            source.name,
            part=source.part,
            targets=data.as_classes if isinstance(run.preparation.labels, data.Classes) else data.as_targets,
            data_dir=source.data_dir,
            manual_dir=source.manual_dir,
        )
        exact = path.suffix.lower() == ".npz"  # the run decides about the dtype
        inputs = load_npz_inputs(path, part=source.part) if exact else whole.inputs
        yield from _array_chunks(inputs, np.asarray(whole.labels), np.asarray(whole.weights))


def _array_chunks(inputs, *labels_and_weights) -> Generator[Chunk]:
    for rows in _slices(len(inputs)):
        known = [array[rows] for array in labels_and_weights] or [None]
        yield Chunk({"row": np.arange(rows.start, rows.stop)}, np.asarray(inputs[rows]), *known)


def _table_chunks(path, source, run) -> Generator[Chunk]:
    """Read only the columns that are needed."""
    columns, label = run.preparation.inputs, run.settings.label
    if isinstance(columns, data.Standardization):
        raise ValueError(f"{path} is a table, but the run was trained on arrays or images: give data of that kind.")
    kinds = {
        kind: [column.name for column in columns if isinstance(column, kind)] for kind in (Numbers, Dates, Categories)
    }
    layout = table_format(run.settings)
    has_label = label in column_names(path, layout)
    if has_label:
        kinds[Categories].append(label)
    if "row" in source.keep:
        raise ValueError(f"cannot keep column 'row' of {path}: it would replace the row number; rename the column.")
    first, (numbers, dates, texts) = 0, (kinds[kind] for kind in (Numbers, Dates, Categories))
    tables = table_chunks(path, numbers=numbers, dates=dates, texts=texts, unchanged=source.keep, table_format=layout)
    for table, kept in tables:
        if run.settings.missing == "refuse":
            _refuse_missing(path, table, label)
        size = len(next(iter((*table.values(), *kept.values()))))
        for rows in _slices(size):
            chunk = {name: values[rows] for name, values in table.items()}
            numbered = {"row": first + np.arange(size)[rows]}
            names = numbered | {name: values[rows] for name, values in kept.items()}
            yield Chunk(names, chunk, chunk[label] if has_label else None)
        first += size


def _folder_chunks(path, source, run) -> Generator[Chunk]:
    """Read images, scaled like those of the run; a subfolder named like a class gives the label."""
    root = part_folder(path, source.part)
    paths, folders = list_images(root)
    classes = set(getattr(run.preparation.labels, "names", ()))
    known = np.array([folder if folder in classes else None for folder in folders], object)
    size, channels = run.settings.image_size, run.preparation.shape[-1]
    first = 0
    for images, readable in image_chunks(paths, size=size, channels=channels, chunk=IMAGES):
        rows = slice(first, first + len(readable))
        first = rows.stop
        source.unreadable(list(np.array(paths[rows], object)[~readable]))
        if len(images):
            names = [each.relative_to(root).as_posix() for each in np.array(paths[rows], object)[readable]]
            yield Chunk({"file": names}, images, known[rows][readable])


def _refuse_missing(path, table, label) -> None:
    names = [name for name, values in table.items() if name != label and missing_cells(values).any()]
    if names:
        raise ValueError(
            f"{path} has missing values in {', '.join(map(repr, names))}, and the run was trained with --missing "
            "refuse: fill them in, or train with --missing impute."
        )


def _slices(size) -> Generator[slice]:
    for first in range(0, size, ROWS):
        yield slice(first, min(first + ROWS, size))


def _columns(labels, predicted: Prediction, level: float) -> dict[str, Any]:
    """Return the predictions as columns: class and probability, or targets, with the limits of their intervals."""
    mean_limits = {"mean_low_95": predicted.mean_low, "mean_high_95": predicted.mean_high}
    if not isinstance(labels, data.Classes):
        targets = predicted.estimate.shape[1]
        suffixes = [""] if targets == 1 else [f"_{number}" for number in range(targets)]
        named: dict[str, Any] = {"prediction": predicted.estimate, **mean_limits}
        if predicted.prediction_low is not None:
            limits = {"low": predicted.prediction_low, "high": predicted.prediction_high}
            named |= {f"prediction_{end}_{100 * level:g}": values for end, values in limits.items()}
        return {f"{name}{end}": values[:, i] for name, values in named.items() for i, end in enumerate(suffixes)}
    named = {"probability": predicted.estimate, **mean_limits}
    named = {name: values.astype(np.float32) for name, values in named.items()}
    best = named["probability"].argmax(axis=1)
    of_best = {name: np.take_along_axis(values, best[:, None], axis=1)[:, 0] for name, values in named.items()}
    each = {f"probability of {name}": named["probability"][:, i] for i, name in enumerate(labels.names)}
    return {"label": np.asarray(labels.names)[best], **of_best, **each}


def _known(labels, given, counts) -> tuple[np.ndarray, list[str]]:
    """Return labels as class numbers (-1 if unknown) or targets (NaN if unknown), and the labels that are neither.

    Labels of examples that do not count are unknown.
    """
    if isinstance(labels, data.Classes):
        known = class_numbers(labels, given)
        missing = ~counts | (missing_cells(given) if given.dtype.kind in "OfM" else False)
        known = np.where(missing, -1, known)
        return known, list(map(str, given[(known < 0) & ~missing].tolist()))
    if given.dtype != object:
        return np.where(counts[:, None], given.reshape(len(given), -1), np.nan), []
    known, unknown = texts_to_numbers(given)
    return np.where(counts, known, np.nan)[:, None], given[unknown & counts].tolist()


def _covered(predicted, known, weights) -> float:
    """Return the weighted number of known targets within their prediction intervals; 0 for classes."""
    if predicted.prediction_low is None:
        return 0.0
    inside = (predicted.prediction_low <= known) & (known <= predicted.prediction_high)
    return float((inside * weights[:, None])[~np.isnan(known).any(axis=1)].sum())


def _sums(labels, estimate, known, weights) -> np.ndarray:
    """Return weighted sums over a chunk: of known labels and right predictions, or moments and errors of targets."""
    if isinstance(labels, data.Classes):
        return np.array([weights[known >= 0].sum(), weights[known == estimate.argmax(axis=1)].sum()])
    present = ~np.isnan(known).any(axis=1)
    error, offset = (estimate - known)[present], (known - labels.mean)[present]
    sums = (np.ones_like(error), offset, offset**2, error**2, np.abs(error))
    return np.stack([(weights[present, None] * values).sum(axis=0) for values in sums])
