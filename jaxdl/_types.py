"""Short names of numpy's types, which `help` prints in place of long unions."""

import numpy.typing
from typing_extensions import TypeAliasType

ArrayLike = TypeAliasType("ArrayLike", numpy.typing.ArrayLike)
