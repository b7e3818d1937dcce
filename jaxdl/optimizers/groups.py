"""Parameter groups: select the parameters that decay, and use different optimizers for different parameters."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import PyTree


def decay_mask(params: PyTree) -> PyTree:
    """Mark the parameters with two or more axes: kernels and embeddings, but not biases and normalization scales.

    Use it as the `mask` of `adamw` and others, so that weight decay does not pull biases and scales towards zero.

    Args:
        params: Pytree of parameters.

    Returns:
        Pytree of Booleans with the structure of `params`.

    Example:
        >>> from jaxdl import optimizers
        >>> params = {"bias": jnp.ones(2), "kernel": jnp.ones((3, 2))}
        >>> optimizers.decay_mask(params)
        {'bias': False, 'kernel': True}
        >>> optimizer = optimizers.adamw(1e-3, weight_decay=0.1, mask=optimizers.decay_mask)
    """
    return jax.tree.map(lambda w: w.ndim > 1, params)


def partition(
    rules: dict[str, optax.GradientTransformation], group_of: Callable[[str], str]
) -> optax.GradientTransformationExtraArgs:
    """Use a different optimizer for each group of parameters.

    It is `optax.partition` with groups that are chosen by the path of a parameter. `optax.set_to_zero()` as the
    optimizer of a group freezes the group.

    Args:
        rules: Optimizer of each group, by the name of the group.
        group_of: Returns the name of the group for the path of a parameter, such as "Dense_0/kernel".

    Raises:
        ValueError: If `init` finds that `group_of` returned an unknown group, or that a group has no parameters.

    Example:
        Train only the output layer:

        >>> import optax
        >>> from jaxdl import optimizers
        >>> optimizer = optimizers.partition(
        ...     {"frozen": optax.set_to_zero(), "output": optimizers.sgd(0.5)},
        ...     lambda path: "output" if path.startswith("Dense_1") else "frozen",
        ... )
        >>> gradient = {"Dense_0": {"kernel": jnp.ones(2)}, "Dense_1": {"kernel": jnp.ones(2)}}
        >>> updates, state = optimizer.update(gradient, optimizer.init(gradient))
        >>> jax.tree.map(lambda update: update.tolist(), updates)
        {'Dense_0': {'kernel': [0.0, 0.0]}, 'Dense_1': {'kernel': [-0.5, -0.5]}}
    """

    def labels(params):
        def label(keys, leaf):  # noqa: ARG001
            path = jax.tree_util.keystr(keys, simple=True, separator="/")
            if group_of(path) not in rules:
                raise ValueError(
                    f"group_of returned the unknown group {group_of(path)!r} for {path}. "
                    f"Available: {', '.join(sorted(rules))}."
                )
            return group_of(path)

        groups = jax.tree.map_with_path(label, params)
        empty = sorted({*rules} - {*jax.tree.leaves(groups)})
        if empty:
            raise ValueError(
                f"group_of assigned no parameters to {', '.join(empty)}. jaxdl.models.summary lists the parameters; "
                "correct group_of or remove the group."
            )
        return groups

    return optax.partition({**rules}, labels)
