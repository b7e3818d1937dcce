"""Check hand-derived gradients against automatic differentiation, and train with them.

Every formula `f` of `jaxdl.functional` has a VJP (vector-Jacobian product) `f_vjp` whose gradient was derived by hand.
Use this package to check the two against each other, for the functions of jaxdl or of your own package:

- `prove` compares VJPs with `jax.vjp`: your own, or those of a package, by name or all of them; `compare` checks a
  single pair.
- `mutants` makes wrong versions of a VJP by changing its source; `surviving_mutants` lists those that pass `compare`.
- `Proof` is the result of a comparison, `Proofs` displays several as a table.
- `by_hand` returns a package whose functions are differentiated by their hand-derived VJPs, to train with them.
- `functions`, `vjp_pairs`, `examples` and `arguments_of` find functions, each `VJPPair` and inputs to try them on.
- `jax_vjp`, `relative_error`, `max_magnitude`, `is_floating` and `is_key` are parts of the comparison.

A VJP passes `compare` if
- its signature is `g`, followed by the signature of `f`;
- in float64, for every example and a random cotangent, it agrees with `jax.vjp` to 1e-12 of the largest entry of each
  gradient (of the largest gradient, for one that is 0 up to rounding, as that of a bias before a normalization);
- in float32, its error against float64 is at most ten times that of jax's own gradient, and below 1e-5 if the inputs
  have unit scale;
- it agrees with `jax.vjp` also at ties and zeros, with other numbers of axes for an annotation such as *batch, with
  the settings of the examples combined, and with another value of a setting that no example sets (`Proof.note` names
  those for which no value is known);
- for a function of jaxdl, or with `edge_cases=True`: it agrees with `jax.vjp` also if NaN, infinities, zeros or large
  numbers are in an argument, if labels and settings are exchanged between the examples or a setting is NaN, if the
  cotangent is large or has NaN, in bfloat16, and if an axis has size 0. `jaxdl.derivation.edge_cases` states the rules.

Example:
    >>> from jaxdl import derivation
    >>> for proof in derivation.prove(("relu", "softmax")):
    ...     print(proof.name, proof.float64 < 1e-12, proof.fault or "holds")
    relu True holds
    softmax True holds
"""

from jaxdl._names import offer_public_names
from jaxdl.derivation.comparison import (
    Proof as Proof,
    Proofs as Proofs,
    compare as compare,
    prove as prove,
    surviving_mutants as surviving_mutants,
)
from jaxdl.derivation.cotangents import jax_vjp as jax_vjp
from jaxdl.derivation.discovery import (
    VJPPair as VJPPair,
    arguments_of as arguments_of,
    examples as examples,
    functions as functions,
    is_floating as is_floating,
    vjp_pairs as vjp_pairs,
)
from jaxdl.derivation.hand_gradients import by_hand as by_hand
from jaxdl.derivation.mutation import mutants as mutants
from jaxdl.derivation.relative_errors import max_magnitude as max_magnitude, relative_error as relative_error
from jaxdl.system.keys import is_key as is_key

__all__ = [
    "Proof",
    "Proofs",
    "VJPPair",
    "arguments_of",
    "by_hand",
    "compare",
    "examples",
    "functions",
    "is_floating",
    "is_key",
    "jax_vjp",
    "max_magnitude",
    "mutants",
    "prove",
    "relative_error",
    "surviving_mutants",
    "vjp_pairs",
]


offer_public_names(__name__)
