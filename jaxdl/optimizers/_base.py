"""Building blocks of the optimizers: a chain that keeps dtypes, update rules for one array, and input checks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PyTree
from typing_extensions import TypeAliasType

from jaxdl.functional._arguments import check_range
from jaxdl.functional._precision import power_of_two, widened
from jaxdl.functional._validity import check, check_number, finite_or_nan, is_not_negative

Scalar = TypeAliasType("Scalar", float | Float[Array, ""])
Schedule = TypeAliasType("Schedule", optax.Schedule)
LearningRate = TypeAliasType("LearningRate", Scalar | optax.Schedule)
Mask = TypeAliasType("Mask", PyTree | Callable[[PyTree], PyTree] | None)


class LeafwiseState(NamedTuple):
    """State of a `leafwise` transformation.

    Attributes:
        step: Number of updates so far.
        moments: Pytree of the parameters with the moments of one array at each leaf.
    """

    step: Int[Array, ""]
    moments: PyTree


def chain(*transformations: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Chain transformations as `optax.chain` does, but keep the dtypes of updates and state, and refuse float16.

    Without the casts, a traced float32 learning rate or decay rate would promote bfloat16 updates to float32, and a
    `jax.lax.scan` that carries them would raise TypeError.
    """
    chained = optax.chain(*transformations)

    def init(params):
        check_precision("params", params)
        return chained.init(params)

    def update(updates, state, params=None, **extra: Any):
        after = chained.update(updates, state, params, **extra)
        return jax.tree.map(lambda new, old: jnp.asarray(new, jnp.result_type(old)), after, (updates, state))

    return optax.GradientTransformationExtraArgs(init, update)


def scale_by_learning_rate(learning_rate: LearningRate) -> optax.GradientTransformation:
    """Multiply updates by minus the learning rate, after checking it: the last transformation of an optimizer."""
    check_learning_rate(learning_rate)
    return optax.scale_by_learning_rate(learning_rate)


def check_learning_rate(learning_rate: LearningRate) -> None:
    """Raise ValueError if the learning rate is negative or NaN; schedules and traced values are not checked."""
    if not callable(learning_rate):
        check_not_negative({"learning_rate": learning_rate})


def check_decays(decays: dict[str, Scalar]) -> None:
    """Raise ValueError if a decay rate is outside [0, 1) or NaN; traced values are not checked."""
    for name, decay in decays.items():
        check_number(name, decay)
        check((decay >= 0) & (decay < 1), f"{name} must be at least 0 and below 1, got {decay}.")


def check_not_negative(hyperparameters: dict[str, Scalar]) -> None:
    """Raise ValueError if a hyperparameter is negative or NaN; traced values are not checked."""
    for name, value in hyperparameters.items():
        check_number(name, value)
        check(is_not_negative(value), f"{name} must be at least 0, got {value}.")


def leafwise(init_leaf: Callable[[Array], Any], rule: Callable[..., tuple[Array, Any]]) -> optax.GradientTransformation:
    """Lift an update rule for one array to pytrees.

    Args:
        init_leaf: Returns the initial moments of a parameter: `init_leaf(parameter) -> moments`.
        rule: Performs step t = 1, 2, … for one array: `rule(gradient, t, moments) -> update, moments`.
    """

    def init(params):
        return LeafwiseState(jnp.zeros((), jnp.int32), jax.tree.map(init_leaf, params))

    def update(updates, state, params=None):  # noqa: ARG001
        step = state.step + 1
        gradients, tree = jax.tree.flatten(updates)
        pairs = [rule(g, step, m) for g, m in zip(gradients, tree.flatten_up_to(state.moments), strict=True)]
        updates, moments = zip(*pairs, strict=True) if pairs else ((), ())
        return tree.unflatten(updates), LeafwiseState(step, tree.unflatten(moments))

    return optax.GradientTransformation(init, update)


def square(gradient: Array) -> Array:
    """Return the square of each entry, or NaN where it overflows: dividing by infinity would stop the parameter."""
    return finite_or_nan(gradient**2)


def with_finite_squares(transformation: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return the transformation with NaN in place of gradients whose square overflows, as in `square`."""

    def update(updates, state, params=None):
        updates = jax.tree.map(lambda g: jnp.where(jnp.isnan(square(g)), jnp.nan, g), updates)
        return transformation.update(updates, state, params)

    return optax.GradientTransformation(transformation.init, update)


def direction_and_norm(tree: PyTree) -> tuple[PyTree, Array]:
    """Return the arrays of a pytree divided by their common Euclidean norm, in at least float32, and the norm.

    No square overflows or underflows. The direction of a zero tree is zero.
    """
    wide = jax.tree.map(widened, tree)
    dtype = jnp.result_type(jnp.float32, *jax.tree.leaves(wide))
    largest = [jnp.abs(leaf).max(initial=0).astype(dtype) for leaf in jax.tree.leaves(wide)]
    scale = power_of_two(jnp.stack([jnp.zeros((), dtype), *largest]).max())
    scaled = jax.tree.map(lambda leaf: leaf * (1 / scale).astype(leaf.dtype), wide)
    norm = optax.tree.norm(scaled)
    return jax.tree.map(lambda leaf: leaf * (1 / jnp.where(norm > 0, norm, 1)), scaled), scale * norm


def check_precision(name: str, tree: PyTree) -> None:
    """Raise TypeError if a leaf has a smaller range than float32."""
    for leaf in jax.tree.leaves(tree):
        check_range(name, jnp.result_type(leaf))


def require_loss(loss: Any, optimizer: str) -> Any:
    """Return the loss that `update` was given; raise ValueError, naming the optimizer, if it is None."""
    if loss is None:
        raise ValueError(
            f"{optimizer} needs the loss: call update(gradient, state, params, value=loss, value_fn=f), where "
            "f(params) returns the loss, or train with jaxdl.training, which passes both."
        )
    return loss
