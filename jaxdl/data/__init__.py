"""Data sets: load, split, prepare, augment and stream them.

Most programs need three calls:

    dataset = data.load("moons")                                    # or a path: data.load("houses.csv", label="price")
    split = data.stratified_split(jax.random.key(0), dataset)
    split, preparation = data.prepared(split)                       # fitted to split.train alone

- Data sets: a `Dataset` holds inputs, labels and weights. `from_arrays` makes one of arrays, `load` reads one by name
  or path, `load_digits` is included, and `take` selects examples. `outputs` of a data set or split is the number of
  outputs that a model needs for its labels.
- Synthetic data: `xor`, `moons`, `rings` and `spirals` for classification; `linear_regression`, `polynomial` and
  `sparse_features` for regression. `noisy_labels` replaces a share of the labels.
- Reading: `infer_labels`, `as_classes` and `as_targets` interpret labels; `refuse_unreadable` and `skip_unreadable`
  decide about damaged images.
- Splits and folds: a `Split` holds train, dev and test, a `Fold` the examples to train on and the others.
  `random_split`, `random_parts` and `k_folds` draw at random, `stratified_split`, `stratified_parts` and
  `stratified_folds` keep the shares of the classes, and `grouped_split`, `grouped_parts` and `grouped_folds` keep
  groups together.
- Checks: `leakage`, `class_balance` and `conflicting_labels`.
- Preparation: `prepared` encodes tables, names and missing values, and standardizes. Its parts are `fit_preparation`,
  which returns a `Preparation` with the `Classes`, `prepare`, `encode_inputs`, `transform_of` and `rescaled`. For
  arrays `standardized` is enough; `fit_standardization` and `standardize` are its parts, and `Standardization` holds
  the means.
- Augmentation: an `Augmentation` is a function of a key and a batch, applied during training. `each_image(shift, flip)`
  changes the images of a batch by `shift`, `flip`, `crop`, `rotate`, `scale`, `cutout`, `elastic` and `noise`. `mixup`
  (with `mixup_targets`) and `label_noise` change whole batches, and `chained` applies several changes.
- Streams: `stream_arrays` and `stream_examples` return a `Stream`, for data sets that do not fit on the device.

The subpackages hold the parts: `readers` for a user's files, `catalog` for known data sets, and `preprocessing` for
encodings fitted to the training part.
"""

from jaxdl._names import offer_public_names
from jaxdl.data import catalog as catalog, preprocessing as preprocessing, readers as readers
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
from jaxdl.data.dataset import (
    Dataset as Dataset,
    Split as Split,
    from_arrays as from_arrays,
    take as take,
)
from jaxdl.data.loading import load as load
from jaxdl.data.mixing import (
    chained as chained,
    label_noise as label_noise,
    mixup as mixup,
    mixup_targets as mixup_targets,
)
from jaxdl.data.preprocessing.preparation import (
    Classes as Classes,
    Preparation as Preparation,
    encode_inputs as encode_inputs,
    fit_preparation as fit_preparation,
    prepare as prepare,
    prepared as prepared,
    rescaled as rescaled,
    transform_of as transform_of,
)
from jaxdl.data.preprocessing.standardization import (
    Standardization as Standardization,
    fit_standardization as fit_standardization,
    standardize as standardize,
    standardized as standardized,
)
from jaxdl.data.quality import (
    class_balance as class_balance,
    conflicting_labels as conflicting_labels,
    leakage as leakage,
)
from jaxdl.data.readers.images import refuse_unreadable as refuse_unreadable, skip_unreadable as skip_unreadable
from jaxdl.data.readers.labels import as_classes as as_classes, as_targets as as_targets, infer_labels as infer_labels
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

__all__ = [
    "Classes",
    "Dataset",
    "Fold",
    "Preparation",
    "Split",
    "Standardization",
    "Stream",
    "as_classes",
    "as_targets",
    "catalog",
    "chained",
    "class_balance",
    "conflicting_labels",
    "crop",
    "cutout",
    "each_image",
    "elastic",
    "encode_inputs",
    "fit_preparation",
    "fit_standardization",
    "flip",
    "from_arrays",
    "grouped_folds",
    "grouped_parts",
    "grouped_split",
    "infer_labels",
    "k_folds",
    "label_noise",
    "leakage",
    "linear_regression",
    "load",
    "load_digits",
    "mixup",
    "mixup_targets",
    "moons",
    "noise",
    "noisy_labels",
    "polynomial",
    "prepare",
    "prepared",
    "preprocessing",
    "random_parts",
    "random_split",
    "readers",
    "refuse_unreadable",
    "rescaled",
    "rings",
    "rotate",
    "scale",
    "shift",
    "skip_unreadable",
    "sparse_features",
    "spirals",
    "standardize",
    "standardized",
    "stratified_folds",
    "stratified_parts",
    "stratified_split",
    "stream_arrays",
    "stream_examples",
    "take",
    "transform_of",
    "xor",
]

offer_public_names(__name__, {"dataloader": "training draws the batches itself; stream_arrays reads from disk."})
