"""Readers of a user's own files: numpy archives (.npz), tables (CSV, Parquet) and folders of images.

`jaxdl.data.load` chooses the reader by the path; call a reader directly for more control. Readers do not fit or encode:
columns stay numbers, dates or text. No reader loads a pickle.

- Archives: `load_npz` reads a data set, `read_arrays` all arrays of a file.
- Tables: `read_table`, with a `TableFormat`.
- Images: `load_images` reads a folder, `list_images` lists its files, `read_images` reads files. `refuse_unreadable`
  and `skip_unreadable` decide about damaged files.
- Labels: `infer_labels`, `as_classes` and `as_targets` interpret labels.
"""

from jaxdl._names import offer_public_names
from jaxdl.data.readers.images import (
    list_images as list_images,
    load_images as load_images,
    read_images as read_images,
    refuse_unreadable as refuse_unreadable,
    skip_unreadable as skip_unreadable,
)
from jaxdl.data.readers.labels import as_classes as as_classes, as_targets as as_targets, infer_labels as infer_labels
from jaxdl.data.readers.npz import load_npz as load_npz, read_arrays as read_arrays
from jaxdl.data.readers.tables import TableFormat as TableFormat, read_table as read_table

__all__ = [
    "TableFormat",
    "as_classes",
    "as_targets",
    "infer_labels",
    "list_images",
    "load_images",
    "load_npz",
    "read_arrays",
    "read_images",
    "read_table",
    "refuse_unreadable",
    "skip_unreadable",
]


offer_public_names(__name__)
