"""Find every hand-derived gradient, hold it against automatic differentiation, and train through it.

    from jaxdl import derivation

    for proof in derivation.prove():
        print(proof.name, proof.float64, proof.fault or "holds")

What is proven of a pair `f`, `f_vjp`: their signatures agree; for every example and a random cotangent the two
pullbacks agree in float64 to 1e-12 of the largest entry, argument by argument; and in float32 the derivation is at
most ten times as far from the float64 truth as jax's own gradient, and within 1e-5 where the inputs have unit scale.
`forgeries` makes wrong versions of a derivation from its source, to see whether all of them are caught.
"""

from jaxdl.derivation.comparison import (
    Proof as Proof,
    compare as compare,
    error as error,
    largest as largest,
    prove as prove,
    pulled_back_by_jax as pulled_back_by_jax,
    unnoticed as unnoticed,
)
from jaxdl.derivation.discovery import (
    Derivation as Derivation,
    arguments_of as arguments_of,
    derivations as derivations,
    examples as examples,
    functions as functions,
    is_floating as is_floating,
    is_key as is_key,
)
from jaxdl.derivation.forging import forgeries as forgeries
from jaxdl.derivation.hand_gradients import by_hand as by_hand
