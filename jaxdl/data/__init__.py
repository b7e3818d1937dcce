"""Data sets: how they are read, divided, prepared, augmented and streamed."""

from jaxdl.data.augmentation import (
    crop as crop,
    cutout as cutout,
    each_image as each_image,
    elastic as elastic,
    flip as flip,
    noise as noise,
    rotate as rotate,
    scale as scale,
    shift as shift,
)
from jaxdl.data.catalog.digits import load_digits as load_digits
from jaxdl.data.catalog.originals import class_names as class_names, load_original as load_original
from jaxdl.data.catalog.tfds import load_prepared as load_prepared, prepared_class_names as prepared_class_names
from jaxdl.data.dataset import (
    Dataset as Dataset,
    Split as Split,
    from_arrays as from_arrays,
    take as take,
)
from jaxdl.data.loading import load as load, parts_of as parts_of
from jaxdl.data.mixing import (
    chained as chained,
    label_noise as label_noise,
    mixup as mixup,
    mixup_targets as mixup_targets,
)
from jaxdl.data.preprocessing.columns import (
    FAR as FAR,
    Categories as Categories,
    Dates as Dates,
    Numbers as Numbers,
    features as features,
    missing_cells as missing_cells,
)
from jaxdl.data.preprocessing.preparation import (
    Classes as Classes,
    Preparation as Preparation,
    class_numbers as class_numbers,
    encode_inputs as encode_inputs,
    fit_preparation as fit_preparation,
    incomplete as incomplete,
    prepare as prepare,
    prepared as prepared,
    rescaled as rescaled,
    transform_of as transform_of,
    unlike_training as unlike_training,
)
from jaxdl.data.preprocessing.serialization import from_json as from_json, to_json as to_json
from jaxdl.data.preprocessing.standardization import (
    Standardization as Standardization,
    fit_standardization as fit_standardization,
    standardize as standardize,
    standardized as standardized,
)
from jaxdl.data.quality import (
    Counts as Counts,
    Leakage as Leakage,
    class_balance as class_balance,
    conflicting_labels as conflicting_labels,
    leakage as leakage,
)
from jaxdl.data.readers.cells import numbers_in as numbers_in
from jaxdl.data.readers.images import (
    image_chunks as image_chunks,
    list_images as list_images,
    load_images as load_images,
    read_images as read_images,
    refuse_unreadable as refuse_unreadable,
    skip_unreadable as skip_unreadable,
)
from jaxdl.data.readers.labels import as_classes as as_classes, as_targets as as_targets, as_they_look as as_they_look
from jaxdl.data.readers.npz import (
    array_parts as array_parts,
    has_labels as has_labels,
    load_npz as load_npz,
    load_npz_inputs as load_npz_inputs,
    read_arrays as read_arrays,
)
from jaxdl.data.readers.tables import (
    SUFFIXES as SUFFIXES,
    column_names as column_names,
    read_table as read_table,
    table_chunks as table_chunks,
)
from jaxdl.data.splits import (
    Fold as Fold,
    grouped_folds as grouped_folds,
    grouped_parts as grouped_parts,
    grouped_split as grouped_split,
    k_folds as k_folds,
    random_parts as random_parts,
    random_split as random_split,
    stratified_folds as stratified_folds,
    stratified_parts as stratified_parts,
    stratified_split as stratified_split,
)
from jaxdl.data.stream import Stream as Stream, stream_arrays as stream_arrays, stream_examples as stream_examples
from jaxdl.data.synthetic import (
    linear_regression as linear_regression,
    moons as moons,
    noisy_labels as noisy_labels,
    polynomial as polynomial,
    rings as rings,
    sparse_features as sparse_features,
    spirals as spirals,
    xor as xor,
)
