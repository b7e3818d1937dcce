"""What rules are made of: optax's chain, and a rule for one array lifted to trees."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree

from jaxdl.functional._validity import check, is_not_negative

Scalar = float | Float[Array, ""]
Rate = Scalar | optax.Schedule
Mask = PyTree | Callable[[PyTree], PyTree] | None


class Memory(NamedTuple):
    """What a rule keeps from step to step: their number, and its moments for every leaf."""

    step: Int[Array, ""]
    moments: PyTree


def chain(*pieces: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """These pieces one after the other, as `optax.chain`; updates and what they keep stay in the dtypes they came in.

    A rate or decay that is a traced float32 array would otherwise widen what is bfloat16, and a scan refuses that.
    """
    whole = optax.chain(*pieces)

    def update(updates, state, params=None, **extra: Any):
        after = whole.update(updates, state, params, **extra)
        return jax.tree.map(lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, (updates, state))

    return optax.GradientTransformationExtraArgs(whole.init, update)


def downhill(learning_rate: Rate) -> optax.GradientTransformation:
    """`optax.scale_by_learning_rate`, the last piece of a rule. Raises what `check_rate` raises."""
    check_rate(learning_rate)
    return optax.scale_by_learning_rate(learning_rate)


def check_rate(learning_rate: Rate) -> None:
    """Refuse, with ValueError, a learning rate that is known to be below 0."""
    if not callable(learning_rate):
        check_not_negative({"learning_rate": learning_rate})


def check_decays(decays: dict[str, Scalar]) -> None:
    """Refuse, with ValueError, what is known to be outside [0, 1): nothing would be forgotten, or more than all."""
    for name, decay in decays.items():
        check((decay >= 0) & (decay < 1), f"{name} must be at least 0 and below 1, but was {decay}.")


def check_not_negative(settings: dict[str, Scalar]) -> None:
    """Refuse, with ValueError, what is known to be below 0, or NaN."""
    for name, setting in settings.items():
        check(is_not_negative(setting), f"{name} must be at least 0, but was {setting}.")


def leafwise(start: Callable[[Array], Any], rule: Callable[..., tuple[Array, Any]]) -> optax.GradientTransformation:
    """A rule for one array, for all arrays of a tree.

    `start(parameter)` are its moments before the first step, and `rule(gradient, t, moments) -> update, moments` is
    step t = 1, 2, …
    """

    def init(params):
        return Memory(jnp.zeros((), jnp.int32), jax.tree.map(start, params))

    def update(updates, state, params=None):  # noqa: ARG001
        step = state.step + 1
        gradients, tree = jax.tree.flatten(updates)
        pairs = [rule(g, step, m) for g, m in zip(gradients, tree.flatten_up_to(state.moments), strict=True)]
        updates, moments = zip(*pairs, strict=True) if pairs else ((), ())
        return tree.unflatten(updates), Memory(step, tree.unflatten(moments))

    return optax.GradientTransformation(init, update)


def norm(tree: PyTree) -> Array:
    """The Euclidean norm of all arrays together, in float32 at least."""
    return optax.tree.norm(jax.tree.map(lambda g: g.astype(jnp.promote_types(g.dtype, jnp.float32)), tree))


def told(given: Any, rule: str) -> Any:
    """What a rule needs beside the gradient. Raises ValueError where it has not been given."""
    if given is None:
        raise ValueError(
            f"{rule} must be told the loss: call update(gradient, state, params, value=loss, value_fn=f) with "
            "f(params) -> loss, or train with jaxdl.training, which does."
        )
    return given
