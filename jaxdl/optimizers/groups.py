"""Not all parameters alike: which of them decay, and a rule for each group."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import PyTree


def weights(params: PyTree) -> PyTree:
    """True for kernels and tables, False for biases and the scales of norms, which have one axis alone: what decays.

    `adamw(1e-3, mask=weights)`. A prior around zero is no prior for a bias, and even less for a scale.
    """
    return jax.tree.map(lambda w: w.ndim > 1, params)


def grouped(
    rules: dict[str, optax.GradientTransformation], group_of: Callable[[str], str]
) -> optax.GradientTransformationExtraArgs:
    """A rule for each group of parameters, where `group_of(path)` names the group of the one at, say, Dense_0/kernel.

    `grouped({"body": sgd(1e-3), "head": sgd(1e-1)}, lambda path: "head" if "Dense_1" in path else "body")`;
    `optax.set_to_zero()` freezes a group. Raises ValueError, when it first sees the parameters, for a group that has no
    rule and for a rule that no parameter has.
    """

    def labels(params):
        def label(place, leaf):  # noqa: ARG001
            path = jax.tree_util.keystr(place, simple=True, separator="/")
            if group_of(path) not in rules:
                raise ValueError(
                    f"group_of must name one of {', '.join(sorted(rules))}, but names {group_of(path)!r} for {path}."
                )
            return group_of(path)

        groups = jax.tree.map_with_path(label, params)
        unused = sorted({*rules} - {*jax.tree.leaves(groups)})
        if unused:
            raise ValueError(
                f"every rule must have parameters, but group_of names none for {', '.join(unused)}: see how the "
                "parameters are called with jaxdl.models.summary."
            )
        return groups

    return optax.partition({**rules}, labels)
