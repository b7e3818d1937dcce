"""The command `jaxdl predict`: a file of predictions, written as the examples are read, a piece at a time."""

import pathlib
from collections import Counter
from collections.abc import Generator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape

from jaxdl import data, trained
from jaxdl.quality import told
from jaxdl.recipe import UNREADABLE
from jaxdl.settings import Predict
from jaxdl.statistics import Interval
from jaxdl.storage import whole_file

ROWS = 1 << 13  # examples that are predicted and written at a time
MOST = 5  # so many labels that training had not are named
IMAGES = 1 << 10  # images that are decoded at a time
WRITERS = {".csv": pa.csv.CSVWriter, ".parquet": pq.ParquetWriter}


class Piece(NamedTuple):
    """Some examples: what they are called, their inputs as they are read, and their labels where these are known."""

    names: dict[str, Any]
    inputs: Any
    labels: np.ndarray | None


class Found(NamedTuple):
    """How many examples were predicted, sums that judge them, and how many labels and inputs training had not.

    Of the labels the first are counted by what they are, all others as "…".
    """

    examples: int
    sums: Any
    strange: Counter
    unlike: Counter


def predict_command(settings: Predict, console: Console) -> int:
    """Predict every example of the data, and tell how good that was where labels are known; the exit status."""
    if settings.out.suffix.lower() not in WRITERS:
        raise ValueError(f"out must end with {' or '.join(WRITERS)}, but was {settings.out}.")
    if settings.out.exists():
        raise FileExistsError(f"out must be a new file, but {settings.out} is there already: name another.")
    with told(console):
        run = trained.load(settings.run)
        found = _write(settings, run)
    written = f"{found.examples} predictions of {run.members} networks: {settings.out}"
    console.print(written, markup=False, highlight=False, soft_wrap=True)
    for sentence in _doubts(found):
        console.print(f"[yellow]{escape(sentence)}[/yellow]", highlight=False, soft_wrap=True)
    if np.max(found.sums) > 0:
        console.print(_judged(run.preparation.labels, found.sums), highlight=False, soft_wrap=True)
    return 0


def _write(settings, run) -> Found:
    """Predict, write, and count."""
    writer, path = None, settings.out
    examples, sums, strange, unlike = 0, 0.0, Counter(), Counter()
    with whole_file(path) as file:
        for piece in pieces(settings, run):
            predicted = trained.predict(run, piece.inputs)
            told = _columns(run.preparation.labels, predicted)
            twice = [name for name in piece.names if name in told]
            if twice:
                raise ValueError(f"keep must not be a column of the predictions, but {twice[0]!r} is one.")
            columns = pa.table({**piece.names, **told})
            writer = writer or WRITERS[path.suffix.lower()](file, columns.schema)
            writer.write_table(columns)
            examples += len(columns)
            unlike.update({name: of.sum() for name, of in data.unlike_training(run.preparation, piece.inputs).items()})
            if piece.labels is not None:
                known, others = _known(run.preparation.labels, piece.labels)
                sums = sums + _sums(run.preparation.labels, predicted.estimate, known)
                strange.update(label if label in strange or len(strange) < MOST else "…" for label in others)
        if writer is None:
            raise ValueError(f"data must hold at least one example, but {settings.data} holds none.")
        writer.close()
    return Found(examples, sums, strange, unlike)


def _doubts(found: Found) -> Generator[str]:
    """What the labels and inputs have that training had not."""
    if found.strange:
        count, named = found.strange.total(), ", ".join(found.strange)
        yield f"{count} of {found.examples} labels are none that training had ({named}), and are not judged"
    for name, count in found.unlike.items():
        if count:
            where = "inputs" if name == "inputs" else f"column {name!r}"
            yield (
                f"{where}: {count} of {found.examples} examples are unlike any in training, where no such name was, "
                f"nothing was missing, or numbers lay within {data.FAR:g} deviations: their predictions are guesses"
            )


def pieces(settings: Predict, run: trained.Trained) -> Generator[Piece]:
    """The examples that the settings name, some at a time, read as those of the run were."""
    path = pathlib.Path(settings.data)
    if settings.keep and path.suffix.lower() not in data.SUFFIXES:
        raise ValueError(f"keep must be used with a table ({', '.join(data.SUFFIXES)}), but {path} is none.")
    if path.suffix.lower() in data.SUFFIXES:
        yield from _of_table(path, settings, run)
    elif path.is_dir():
        yield from _of_folder(path, settings, run)
    elif path.suffix.lower() == ".npz" and not data.has_labels(path, part=settings.part):
        yield from _of_arrays(data.load_npz_inputs(path, part=settings.part), None)
    else:
        whole = data.load(
            settings.data,
            part=settings.part,
            targets=data.as_classes if isinstance(run.preparation.labels, data.Classes) else data.as_targets,
            data_dir=settings.data_dir,
            manual_dir=settings.manual_dir,
        )
        yield from _of_arrays(whole.inputs, np.asarray(whole.labels))


def _of_arrays(inputs, labels) -> Generator[Piece]:
    for rows in _slices(len(inputs)):
        known = None if labels is None else labels[rows]
        yield Piece({"row": np.arange(rows.start, rows.stop)}, np.asarray(inputs[rows]), known)


def _of_table(path, settings, run) -> Generator[Piece]:
    """A table, of which only the columns that are needed are read."""
    columns, label = run.preparation.inputs, run.settings.label
    if isinstance(columns, data.Standardization):
        raise ValueError(f"data must be arrays or images, as those of the run, but {path} is a table.")
    kinds = {
        kind: [column.name for column in columns if isinstance(column, kind)]
        for kind in (data.Numbers, data.Dates, data.Categories)
    }
    known = label in data.column_names(path)
    if known:
        kinds[data.Categories].append(label)
    read = [name for named in kinds.values() for name in named]
    kinds[data.Categories] += [name for name in settings.keep if name not in read]
    first = 0
    chunks = data.table_chunks(path, numbers=kinds[data.Numbers], dates=kinds[data.Dates], texts=kinds[data.Categories])
    for chunk in chunks:
        if run.settings.missing == "refuse":
            _refuse_missing(path, chunk, label)
        size = len(next(iter(chunk.values())))
        for rows in _slices(size):
            piece = {name: values[rows] for name, values in chunk.items()}
            kept = {name: _as_column(piece[name]) for name in settings.keep}
            names = {"row": first + np.arange(size)[rows], **kept}
            yield Piece(names, piece, piece[label] if known else None)
        first += size


def _as_column(values) -> pa.Array:
    """Values as Arrow holds them, text also where all of it is missing."""
    return pa.array(values, pa.string() if values.dtype == object else None)


def _of_folder(path, settings, run) -> Generator[Piece]:
    """Images, scaled as those of the run were; a folder that is called like a class says which class they are."""
    root = path / settings.part if data.parts_of(path) else path
    files, labels = data.list_images(root)
    classes = set(getattr(run.preparation.labels, "names", ()))
    known = np.array([label if label in classes else None for label in labels], object)
    size, channels = run.settings.image_size, run.preparation.shape[-1]
    first = 0
    for images, readable in data.image_chunks(files, size=size, channels=channels, chunk=IMAGES):
        rows = slice(first, first + len(readable))
        first = rows.stop
        UNREADABLE[settings.unreadable](list(np.array(files[rows], object)[~readable]))
        if len(images):
            names = [file.relative_to(root).as_posix() for file in np.array(files[rows], object)[readable]]
            yield Piece({"file": names}, images, known[rows][readable])


def _refuse_missing(path, chunk, label) -> None:
    holes = [name for name, values in chunk.items() if name != label and data.missing_cells(values).any()]
    if holes:
        raise ValueError(
            f"no value must be missing, as in training (missing refuse), but columns {', '.join(map(repr, holes))} of "
            f"{path} have such: fill them in, or train with --missing impute."
        )


def _slices(size) -> Generator[slice]:
    for first in range(0, size, ROWS):
        yield slice(first, min(first + ROWS, size))


def _columns(labels, found: Interval) -> dict[str, Any]:
    """Predictions as columns: the class and its probability, or the targets, with their limits."""
    if not isinstance(labels, data.Classes):
        suffixes = [""] if found.estimate.shape[1] == 1 else [f"_{number}" for number in range(found.estimate.shape[1])]
        told = {"prediction": found.estimate, "low": found.low, "high": found.high}
        return {f"{name}{end}": of[:, place] for name, of in told.items() for place, end in enumerate(suffixes)}
    found = Interval(*(limit.astype(np.float32) for limit in found))
    best = found.estimate.argmax(axis=1)
    told = {"probability": found.estimate, "low": found.low, "high": found.high}
    of_best = {name: np.take_along_axis(of, best[:, None], axis=1)[:, 0] for name, of in told.items()}
    each = {f"probability of {name}": found.estimate[:, place] for place, name in enumerate(labels.names)}
    return {"label": np.asarray(labels.names)[best], **of_best, **each}


def _known(labels, given) -> tuple[np.ndarray, list[str]]:
    """Labels as class numbers, -1 where not known, or as targets, NaN where not known; and those that are neither."""
    if isinstance(labels, data.Classes):
        known = data.class_numbers(labels, given)
        missing = data.missing_cells(given) if given.dtype.kind in "OfM" else np.zeros(len(given), bool)
        known = np.where(missing, -1, known)
        return known, list(map(str, given[(known < 0) & ~missing].tolist()))
    if given.dtype != object:
        return given.reshape(len(given), -1), []
    known, strange = data.numbers_in(given)
    return known[:, None], given[strange].tolist()


def _sums(labels, estimate, known) -> np.ndarray:
    """What can be added up over pieces: how many labels are known, and how many are met, or how far they are."""
    if isinstance(labels, data.Classes):
        return np.array([(known >= 0).sum(), (known == estimate.argmax(axis=1)).sum()], float)
    there = ~np.isnan(known).any(axis=1)
    error, offset = (estimate - known)[there], (known - labels.mean)[there]
    sums = (np.ones_like(error), offset, offset**2, error**2, np.abs(error))
    return np.stack([values.sum(axis=0) for values in sums])


def _judged(labels, sums) -> str:
    """One line about how good the predictions were."""
    if isinstance(labels, data.Classes):
        count, right = sums.astype(int)
        return f"accuracy of the mean probabilities: {right / count:.4f} ({right} of {count})"
    (count, *_), totals, squares, missed, distances = sums
    spread, missed = (squares - totals**2 / count).sum(), missed.sum()
    explained = 1 - missed / spread if spread else np.nan
    return (
        f"of the mean predictions for {int(count)} known labels: R² {explained:.4f}, root mean squared error "
        f"{np.sqrt(missed / count):.4g}, mean absolute error {distances.sum() / count:.4g}"
    )
