"""Catalog of known image data sets: the digits of this package, MNIST and its relatives, and sets prepared by TFDS.

`jaxdl.data.load` finds them by name.

- `load_digits` returns the included digits.
- `load_original` reads MNIST, Fashion-MNIST and CIFAR-10 from their original files, and downloads them if necessary.
  `class_names` returns the names of their classes.
- `load_prepared` reads any image classification set that TensorFlow Datasets (TFDS) has prepared.
  `prepared_class_names` returns the names of its classes.

Neither needs TensorFlow. Decoded images are cached.
"""

from jaxdl._names import offer_public_names
from jaxdl.data.catalog.digits import load_digits as load_digits
from jaxdl.data.catalog.originals import class_names as class_names, load_original as load_original
from jaxdl.data.catalog.tfds import load_prepared as load_prepared, prepared_class_names as prepared_class_names

__all__ = ["class_names", "load_digits", "load_original", "load_prepared", "prepared_class_names"]

offer_public_names(__name__)
