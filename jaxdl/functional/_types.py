"""Short names of types, which `help` prints in place of long unions."""

from jaxtyping import ArrayLike, Bool, Float
from typing_extensions import TypeAliasType

Scalar = TypeAliasType("Scalar", Float[ArrayLike, ""])
ClassWeights = TypeAliasType("ClassWeights", Float[ArrayLike, "..."])
Booleans = TypeAliasType("Booleans", Bool[ArrayLike, "..."])
