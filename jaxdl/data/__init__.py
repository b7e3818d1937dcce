"""Data sets, and how they are divided and standardized."""

from jaxdl.data.dataset import (
    Dataset as Dataset,
    Split as Split,
    from_arrays as from_arrays,
    take as take,
)
from jaxdl.data.digits import load_digits as load_digits
from jaxdl.data.splits import stratified_parts as stratified_parts, stratified_split as stratified_split
from jaxdl.data.standardization import (
    Standardization as Standardization,
    fit_standardization as fit_standardization,
    standardize as standardize,
    standardized as standardized,
)
from jaxdl.data.synthetic import xor as xor
from jaxdl.data.tfds import load_prepared as load_prepared
