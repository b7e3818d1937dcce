"""One way in: a data set by its name, or a file or folder of the user's own."""

import os
import pathlib
import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Array, Key

from jaxdl.data import synthetic
from jaxdl.data.catalog.digits import load_digits
from jaxdl.data.catalog.downloads import default_data_dir
from jaxdl.data.catalog.originals import ORIGINALS, load_original
from jaxdl.data.catalog.tfds import load_prepared
from jaxdl.data.dataset import Dataset
from jaxdl.data.preprocessing.columns import missing_cells
from jaxdl.data.readers.cells import nearly, numbers_in
from jaxdl.data.readers.images import load_images, refuse_unreadable
from jaxdl.data.readers.labels import as_classes, as_they_look
from jaxdl.data.readers.npz import array_parts, load_npz
from jaxdl.data.readers.tables import SUFFIXES, column_names, read_table

DRAWN = {
    "moons": synthetic.moons,
    "rings": synthetic.rings,
    "spirals": synthetic.spirals,
    "linear_regression": synthetic.linear_regression,
    "polynomial": synthetic.polynomial,
    "sparse_features": synthetic.sparse_features,
}
NAMES = ("digits", *ORIGINALS, "xor", *DRAWN)
Place = str | os.PathLike


def load(
    name_or_path: Place,
    *,
    part: str = "train",
    label: str | None = None,
    ignore: Sequence[str] = (),
    categories: Sequence[str] = (),
    targets: Callable[[np.ndarray], np.ndarray] = as_they_look,
    image_size: tuple[int, int] | None = None,
    unreadable: Callable[[Sequence[Place]], None] = refuse_unreadable,
    data_dir: Place | None = None,
    manual_dir: Place | None = None,
    key: Key[Array, ""] | None = None,
) -> Dataset:
    """A data set as it is, before anything is fitted to it: divide it, and let `prepared` make it ready to train on.

    * "digits" is shipped with the package.
    * "mnist", "fashion_mnist" and "cifar10" are read from `data_dir` where TFDS has prepared them there, else from
      their original files (`load_original`); any other name is a set that TFDS has prepared below `data_dir`.
    * "xor", and sets drawn from `key` (without one, from 0): "moons", "rings", "spirals", "linear_regression",
      "polynomial", "sparse_features".
    * A table (.csv, .tsv, .parquet): its column `label` holds the labels, the others but those to `ignore` the inputs;
      numbers in the columns of `categories`, which the label may be among, are names (`read_table`). Rows without a
      label are left out, which a warning tells.
    * An archive of numpy (.npz), as `load_npz` reads it.
    * A folder of images, in a folder for each class, scaled to `image_size` (height, width) where that is given;
      `unreadable` is told which are damaged, `refuse_unreadable` or `skip_unreadable`.

    `part`, "train" or "test", is for what has both. `targets` says what labels are: `as_they_look`, `as_classes` or
    `as_targets`. Raises ValueError, TypeError or FileNotFoundError, in one sentence, for what is none of these.
    """
    name, path = str(name_or_path), pathlib.Path(name_or_path)
    if part not in ("train", "test"):
        raise ValueError(f"part must be 'train' or 'test', but was {part!r}.")
    for setting, given in {"label": label, "ignore": ignore, "categories": categories}.items():
        if given and path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{setting} must be given for a table ({', '.join(SUFFIXES)}) only, but {name} is none.")
    if image_size and not path.is_dir():
        raise ValueError(f"image_size must be given for a folder of images only, but {name} is none.")
    if name == "digits":
        return load_digits()
    if name == "xor":
        return synthetic.xor()
    if name in DRAWN:
        return DRAWN[name](jax.random.key(0) if key is None else key)
    if path.is_dir():
        data = load_images(path / part if parts_of(path) else path, image_size=image_size, unreadable=unreadable)
    elif path.suffix.lower() in SUFFIXES:
        data = _load_table(path, label, ignore, categories)
        targets = as_classes if label in categories else targets
    elif path.suffix.lower() == ".npz":
        data = load_npz(path, part=part)
    else:
        return _load_named(name, part, data_dir, manual_dir)
    return data._replace(labels=targets(data.labels))


def parts_of(name_or_path: Place) -> tuple[str, ...]:
    """("train", "test") for what comes divided, so that `part` says which; nothing where all is one."""
    path = pathlib.Path(name_or_path)
    if path.is_dir():
        divided = all((path / part).is_dir() for part in ("train", "test"))
    elif path.suffix.lower() == ".npz":
        divided = len(array_parts(path)) > 1
    else:
        divided = str(name_or_path) not in ("digits", "xor", *DRAWN) and path.suffix.lower() not in SUFFIXES
    return ("train", "test") if divided else ()


def _load_named(name, part, data_dir, manual_dir) -> Dataset:
    """A set that TFDS knows, prepared or from its original files."""
    folder = pathlib.Path(data_dir) if data_dir else prepared_folder()
    inside = not pathlib.PurePath(name).is_absolute() and ".." not in pathlib.PurePath(name).parts
    prepared = inside and (folder / name).is_dir()
    if name in ORIGINALS and not prepared:
        return load_original(name, part=part, data_dir=data_dir, manual_dir=manual_dir)
    if prepared or (inside and data_dir):
        return load_prepared(name, folder, part=part)
    raise FileNotFoundError(
        f"data must be one of {', '.join(NAMES)}, a table ({', '.join(SUFFIXES)}), an .npz archive, a folder of "
        f"images, or a set that TFDS has prepared below {folder}, but {name} is none of these."
    )


def prepared_folder() -> pathlib.Path:
    """Where prepared sets are looked for: tfds in JAXDL_DATA, else where TFDS keeps them."""
    if "JAXDL_DATA" in os.environ:
        return pathlib.Path(os.environ["JAXDL_DATA"]) / "tfds"
    return default_data_dir()


def _load_table(path, label, ignore, categories) -> Dataset:
    """The columns of a table, and the labels of the rows that have one."""
    if label is None:
        raise ValueError(
            f"label must name the column of {path} that is to be learned, but was not given: it has the columns "
            f"{', '.join(column_names(path))}."
        )
    known = column_names(path)
    if label not in known:
        raise ValueError(f"label must be a column of {path} ({', '.join(known)}), but {label!r} is none.")
    if label in ignore:
        raise ValueError(f"label must be a column that is read, but {label!r} is to be ignored.")
    columns = read_table(path, ignore=ignore, categories=(*categories, label))
    labels = columns.pop(label)
    numbers, strange = numbers_in(labels)
    unknown = missing_cells(labels) if strange.any() or label in categories else np.isnan(numbers)
    if unknown.all():
        raise ValueError(f"column {label!r} of {path} must hold labels, but is empty.")
    if unknown.any():
        warnings.warn(f"{unknown.sum()} of {len(labels)} rows have no {label} and are left out", stacklevel=3)
    doubt = nearly(labels) if strange.any() and label not in categories else None
    if doubt:
        warnings.warn(f"column {label!r} {doubt}", stacklevel=3)
    kept = {name: values[~unknown] for name, values in columns.items()} if unknown.any() else columns
    labels = labels[~unknown]
    return Dataset(kept, labels, np.ones(len(labels), np.float32))
