"""Loading of a data set by name or by path."""

import os
import pathlib
import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxdl._formatting import format_argument
from jaxdl.data._arguments import check_key
from jaxdl.data.catalog.digits import load_digits
from jaxdl.data.catalog.downloads import default_data_dir
from jaxdl.data.catalog.originals import ORIGINALS, load_original
from jaxdl.data.catalog.tfds import load_prepared
from jaxdl.data.dataset import Dataset
from jaxdl.data.preprocessing.columns import missing_cells
from jaxdl.data.readers.cells import misread_reason, texts_to_numbers
from jaxdl.data.readers.images import image_parts, list_images, load_images, refuse_unreadable
from jaxdl.data.readers.labels import as_classes, infer_labels
from jaxdl.data.readers.npz import array_parts, labels_of_parts, load_npz
from jaxdl.data.readers.tables import (
    PLAIN,
    SUFFIXES,
    TableFormat,
    column_names,
    headless_reason,
    read_table,
    saved_index,
)
from jaxdl.data.synthetic import linear_regression, moons, polynomial, rings, sparse_features, spirals, xor

SYNTHETIC = {
    "moons": moons,
    "rings": rings,
    "spirals": spirals,
    "linear_regression": linear_regression,
    "polynomial": polynomial,
    "sparse_features": sparse_features,
}
NAMES = ("digits", *ORIGINALS, "xor", *SYNTHETIC)
Place = str | os.PathLike


def load(
    name_or_path: Place,
    *,
    part: str = "train",
    label: str | None = None,
    ignore: Sequence[str] = (),
    categories: Sequence[str] = (),
    table_format: TableFormat = PLAIN,
    targets: Callable[[np.ndarray], np.ndarray] = infer_labels,
    image_size: tuple[int, int] | None = None,
    unreadable: Callable[[Sequence[Place]], None] = refuse_unreadable,
    data_dir: Place | None = None,
    manual_dir: Place | None = None,
    key: Key[Array, ""] | None = None,
) -> Dataset:
    r"""Load a data set by name, or from a file or folder of your own.

    Nothing is fitted or encoded: split the data set, then make it ready for training with `prepared`.

    * "digits" is included in the package.
    * "mnist", "fashion_mnist" and "cifar10" are read from `data_dir` if TFDS has prepared them there, else from their
      original files, which are downloaded if necessary. Any other name is a set that TFDS has prepared in `data_dir`.
    * "xor", "moons", "rings", "spirals", "linear_regression", "polynomial" and "sparse_features" are
      synthetic.
    * A table (.csv, .tsv, .parquet): see `jaxdl.data.readers.read_table`. Rows without a label are dropped with a
      warning, and so is the index of a table that pandas has saved as Parquet, unless `label` or `categories` names it.
    * A numpy archive (.npz): see `jaxdl.data.readers.load_npz`.
    * A folder of images, with a subfolder for each class: see `jaxdl.data.readers.load_images`. Subfolders named train,
      val (or dev, valid, validation) and test, with the folders of the classes in them, are parts.

    Args:
        name_or_path: Name of a known data set, or a path.
        part: "train", "dev" or "test", for data that comes in parts; see `parts_of`.
        label: Column of a table that holds the labels. All other columns are inputs.
        ignore: Columns of a table to leave out.
        categories: Columns of a table to read as text even if they hold numbers; may include the label.
        table_format: Separator, header and missing values of a table.
        targets: Function that interprets the labels: `infer_labels`, `as_classes` or `as_targets`.
        image_size: Height and width to scale the images of a folder to. Default: all must have the same size.
        unreadable: Function called with the list of unreadable images: `refuse_unreadable` or `skip_unreadable`.
        data_dir: Folder of TFDS. Default: tfds in the folder JAXDL_DATA, else TFDS_DATA_DIR or ~/tensorflow_datasets.
        manual_dir: Folder of original files fetched by hand. Default: `data_dir/downloads/manual`.
        key: Random key of a synthetic set. Default: `jax.random.key(0)`.

    Returns:
        The data set as it was read: inputs may be the columns of a table, and labels may be names.

    Raises:
        FileNotFoundError: If there is no such data set or file.
        ValueError: If the file cannot be read, or a setting does not fit this kind of data.
        TypeError: If labels that should be targets are not numbers.

    Example:
        >>> import pathlib, tempfile
        >>> from jaxdl import data
        >>> data.load("moons").inputs.shape
        (200, 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "homes.csv")
        ...     _ = path.write_text("rooms,city,rent\n3,Rome,900.5\n2,Oslo,1200\n")
        ...     homes = data.load(path, label="rent")
        >>> list(homes.inputs), homes.labels.tolist()
        (['rooms', 'city'], [[900.5], [1200.0]])
    """
    if not isinstance(name_or_path, Place):
        raise TypeError(
            f"name_or_path must be a name or a path, got {format_argument(name_or_path)}: make a data set of "
            "arrays with data.from_arrays."
        )
    if not callable(targets):
        raise TypeError(
            f"targets must be a function, got {format_argument(targets)}: pass data.as_classes, data.as_targets or "
            "data.infer_labels."
        )
    if key is not None:
        check_key(key)
    name, path = str(name_or_path), pathlib.Path(name_or_path).expanduser()
    if part not in ("train", "dev", "test"):
        raise ValueError(f"part must be 'train', 'dev' or 'test', got {part!r}.")
    for setting, value in {"ignore": ignore, "categories": categories}.items():
        if isinstance(value, str):
            raise TypeError(f"{setting} must be a list of columns, got {value!r}: write [{value!r}].")
    for setting, value in {"label": label, "ignore": ignore, "categories": categories}.items():
        if value and path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{setting} needs a table ({', '.join(SUFFIXES)}), but {name} is not a table.")
    if image_size and not path.is_dir():
        raise ValueError(f"image_size needs a folder of images, but {name} is not a folder.")
    if name == "digits":
        return load_digits()
    if name == "xor":
        return xor()
    if name in SYNTHETIC:
        return SYNTHETIC[name](jax.random.key(0) if key is None else key)
    if path.is_dir():
        data = load_images(part_folder(path, part), image_size=image_size, unreadable=unreadable)
    elif path.suffix.lower() in SUFFIXES:
        data = _load_table(path, label, ignore, categories, table_format)
        targets = as_classes if label in categories else targets
    elif path.suffix.lower() == ".npz":
        data = load_npz(path, part=part)
    else:
        return _load_named(name, part, data_dir, manual_dir)
    return data._replace(labels=_interpreted(targets, data.labels, _labels_of_others(path, part)))


def parts_of(name_or_path: Place) -> tuple[str, ...]:
    """Return the parts of data that comes in parts, of ("train", "dev", "test"), else ()."""
    path = pathlib.Path(name_or_path).expanduser()
    if path.is_dir():
        return tuple(image_parts(path))
    if path.suffix.lower() == ".npz":
        parts = array_parts(path)
        return parts if len(parts) > 1 else ()
    divided = str(name_or_path) not in ("digits", "xor", *SYNTHETIC) and path.suffix.lower() not in SUFFIXES
    return ("train", "test") if divided else ()


def part_folder(path: pathlib.Path, part: str) -> pathlib.Path:
    """Return the folder of a part of a folder of images, or the folder itself if it has no parts."""
    parts = image_parts(path)
    if parts and part not in parts:
        raise ValueError(f"{path} has no part {part!r}. Parts: {', '.join(parts)}.")
    return parts.get(part, path)


def _labels_of_others(path, part) -> list[np.ndarray]:
    """Return the labels of the other parts of a folder of images or an archive."""
    if path.is_dir():
        others = [folder for name, folder in image_parts(path).items() if name != part]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # list_images warns when the part itself is loaded
            return [np.array([label for label in list_images(folder).labels if label]) for folder in others]
    if path.suffix.lower() == ".npz" and parts_of(path):
        return [labels for name, labels in labels_of_parts(path).items() if name != part]
    return []


def _interpreted(targets, labels, others) -> np.ndarray:
    """Interpret the labels of a part by those of all parts, so that no part is read in another way."""
    whole = np.concatenate([np.asarray(labels), *others]) if others else np.asarray(labels)
    return targets(whole)[: len(labels)]


def _load_named(name, part, data_dir, manual_dir) -> Dataset:
    """Load a data set that TFDS knows, prepared or from its original files."""
    folder = pathlib.Path(data_dir).expanduser() if data_dir else prepared_folder()
    inside = not pathlib.PurePath(name).is_absolute() and ".." not in pathlib.PurePath(name).parts
    prepared = inside and (folder / name).is_dir()
    if name in ORIGINALS and not prepared:
        return load_original(name, part=part, data_dir=data_dir, manual_dir=manual_dir)
    if prepared or (inside and data_dir):
        return load_prepared(name, folder, part=part)
    if pathlib.Path(name).expanduser().is_file():
        raise ValueError(
            f"data must be a table ({', '.join(SUFFIXES)}), a numpy archive (.npz) or a folder of images, got {name}: "
            "convert the file, or read it with another library and make a data set with data.from_arrays."
        )
    raise FileNotFoundError(
        f"no data set or file {name!r}. Known sets: {', '.join(NAMES)}; also sets that TFDS has prepared in {folder}, "
        f"tables ({', '.join(SUFFIXES)}), numpy archives (.npz) and folders of images."
    )


def prepared_folder() -> pathlib.Path:
    """Return the folder of sets prepared by TFDS: tfds in JAXDL_DATA, else the folder of TFDS."""
    if "JAXDL_DATA" in os.environ:
        return pathlib.Path(os.environ["JAXDL_DATA"]).expanduser() / "tfds"
    return default_data_dir()


def _load_table(path, label, ignore, categories, table_format) -> Dataset:
    """Read the columns of a table, and the labels; drop rows without a label."""
    known = column_names(path, table_format)
    doubt = headless_reason(path, known) if table_format.header else None
    if doubt:
        warnings.warn(f"{path} {doubt}", stacklevel=3)
    if label is None:
        raise ValueError(f"name the column of {path} to use as label (label, --label). Columns: {', '.join(known)}.")
    if label not in known:
        raise ValueError(f"{path} has no column {label!r} to use as label. Columns: {', '.join(known)}.")
    if label in ignore:
        raise ValueError(f"column {label!r} is the label and cannot be ignored: remove it from ignore.")
    index = [name for name in saved_index(path) if name not in (label, *ignore, *categories)]
    if index:
        named = ", ".join(map(repr, index))
        warnings.warn(f"{named}: pandas saved this index; it is not an input unless it is in categories", stacklevel=3)
    columns = read_table(path, ignore=(*ignore, *index), categories=(*categories, label), table_format=table_format)
    labels = columns.pop(label)
    numbers, invalid = texts_to_numbers(labels)
    missing = missing_cells(labels) if invalid.any() or label in categories else np.isnan(numbers)
    if missing.all():
        raise ValueError(f"column {label!r} of {path} holds no label: it is empty.")
    if missing.any():
        reason = "empty cells, NA, None, nan and the like are missing values; --missing-values names others"
        warnings.warn(f"{missing.sum()} of {len(labels)} rows have no {label} and are dropped: {reason}", stacklevel=3)
    reason = misread_reason(labels) if invalid.any() and label not in categories else None
    if reason:
        warnings.warn(f"column {label!r} {reason}", stacklevel=3)
    kept = {name: values[~missing] for name, values in columns.items()} if missing.any() else columns
    labels = labels[~missing]
    return Dataset(kept, labels, np.ones(len(labels), np.float32))
