"""Preprocessing: encodings and standardizations that are fitted to the training part and applied to all examples.

`standardized` scales the inputs of a split of arrays. `prepared` also handles tables, class names, missing values and
regression targets, and returns the `Preparation`, which encodes new examples in the same way:

- `Numbers`, `Categories` and `Dates` are the encodings of the columns of a table.
- `Standardization` holds means and standard deviations, `Classes` the names of the classes.
- `fit_preparation` and `prepare` are the parts of `prepared`, `fit_standardization` and `standardize` those of
  `standardized`.
- `encode_inputs` prepares new inputs, `unlike_training` finds those that training did not cover, `rescaled` returns
  predictions to the units of the labels. `transform_of` standardizes inside a Task.
- `to_json` and `from_json` store a preparation.
"""

from jaxdl._names import offer_public_names
from jaxdl.data.preprocessing.columns import Categories as Categories, Dates as Dates, Numbers as Numbers
from jaxdl.data.preprocessing.preparation import (
    Classes as Classes,
    Preparation as Preparation,
    encode_inputs as encode_inputs,
    fit_preparation as fit_preparation,
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

__all__ = [
    "Categories",
    "Classes",
    "Dates",
    "Numbers",
    "Preparation",
    "Standardization",
    "encode_inputs",
    "fit_preparation",
    "fit_standardization",
    "from_json",
    "prepare",
    "prepared",
    "rescaled",
    "standardize",
    "standardized",
    "to_json",
    "transform_of",
    "unlike_training",
]

offer_public_names(__name__)
