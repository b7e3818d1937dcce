"""What the annotations promise about shapes and dtypes, said in a sentence where a caller broke it."""

import jax.numpy as jnp


def same_shape(**arrays) -> None:
    """Refuse arrays of different shapes: (N, 1) beside (N,) would broadcast to all N² pairs."""
    if len({jnp.shape(array) for array in arrays.values()}) > 1:
        given = " and ".join(f"{name} {jnp.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"{' and '.join(arrays)} must have the same shape, but were given as {given}.")


def one_class_each(scores, labels) -> None:
    """Refuse labels that are not one integer for each row of the scores."""
    if jnp.ndim(scores) != 2:
        raise ValueError(
            f"logits must have the shape (batch, classes), but were given as {jnp.shape(scores)}: "
            "reshape them so that each row holds the scores of one example."
        )
    integers(labels=labels)
    if jnp.shape(labels) != jnp.shape(scores)[:1]:
        raise ValueError(
            f"labels must have the shape {jnp.shape(scores)[:1]}, one class for each row of the logits, "
            f"but were given as {jnp.shape(labels)}."
        )


def integers(**arrays) -> None:
    """Refuse labels that are no integers."""
    for name, array in arrays.items():
        if not jnp.issubdtype(jnp.result_type(array), jnp.integer):
            raise TypeError(
                f"{name} must be integers, but were given as {jnp.result_type(array)}: "
                f"convert class numbers with {name}.astype('int32')."
            )
