"""Multitask networks: several output layers ("heads") on one shared network ("trunk")."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers
from jaxdl._formatting import format_argument
from jaxdl.models._validity import check_function, check_size
from jaxdl.models.blocks import Activation, Dense, resolve
from jaxdl.models.model import Model, from_linen


class MultiHead(nn.Module):
    """Multitask network as a Flax Linen module; `multi_head` returns it as a `Model` and describes the settings.

    Attributes:
        trunk, heads, activation, kernel_init, functional: The arguments of `multi_head`.
    """

    trunk: nn.Module
    heads: Mapping[str, int]
    _: dataclasses.KW_ONLY
    activation: Activation = jaxdl.functional.relu
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        if not isinstance(self.trunk, nn.Module):
            raise TypeError(
                "trunk must be an instance of a Linen module, such as jaxdl.models.MLP((128,), 64), got "
                f"{format_argument(self.trunk)}."
            )
        if not isinstance(self.heads, Mapping):
            raise TypeError(
                'heads must be a dictionary with the number of outputs of each task, such as {"color": 3}, got '
                f"{format_argument(self.heads)}."
            )
        if not self.heads or "trunk" in self.heads or any("/" in task for task in self.heads):
            raise ValueError(
                "heads must map the name of each task to its number of outputs, with at least one task, none of them "
                f"named trunk or with a / in its name, got {self.heads}."
            )
        for task, outputs in self.heads.items():
            check_size(f"the number of outputs of task {task}", outputs)
        check_function("activation", self.activation)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Any, training: bool = False) -> dict[str, Array]:
        """Map inputs of the trunk to a dict with (batch, outputs) for each task."""
        signal = resolve(self.functional, self.activation)(self.trunk(inputs, training))
        return {
            task: Dense(outputs, kernel_init=self.kernel_init, functional=self.functional, name=task)(signal)
            for task, outputs in self.heads.items()
        }


def multi_head(
    trunk: nn.Module,
    heads: dict[str, int],
    *,
    activation: Activation = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """Multitask network: a trunk shared by all tasks, an activation, and one dense output layer per task.

    The outputs are a dict with an array (batch, outputs) for each task. The loss combines them, e.g.
    `lambda z, y: cross_entropy(z["digit"], y[:, 0]) + squared_error(z["slant"], y[:, 1:])`.

    Args:
        trunk: A Linen module that is called as `trunk(inputs, training)` and returns (batch, features).
        heads: Number of outputs of each task, by name.
        activation: Activation function of the outputs of the trunk.
        kernel_init: Initializer of the kernels of the output layers, `(key, shape, dtype) -> array`.
        functional: Module in which the output layers and the activation look up their functions, as in `mlp`. The trunk
            has its own.

    Returns:
        The model.

    Raises:
        ValueError: If there is no task, a number of outputs is below 1, or a task is named "trunk" or has a / in its
            name.
        TypeError: If the trunk is not a module, such as a `Model`.

    References:
        Caruana, *Multitask learning* (1997).

    Example:
        >>> from jaxdl import models
        >>> model = models.multi_head(models.MLP((16,), 8), {"digit": 10, "slant": 1})
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> outputs, _ = model.apply(params, stats, jnp.ones((2, 4)))
        >>> jax.tree.map(jnp.shape, outputs)
        {'digit': (2, 10), 'slant': (2, 1)}
    """
    return from_linen(MultiHead(**locals()))  # each argument is the field of the same name
