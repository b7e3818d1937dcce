"""Several tasks on one trunk."""

from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models.blocks import Dense, belongs
from jaxdl.models.model import Model, from_linen


class MultiHead(nn.Module):
    """A dense layer for each task, all of them on the activated outputs of one trunk."""

    trunk: nn.Module
    heads: Mapping[str, int]
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    @nn.compact
    def __call__(self, inputs: Any, training: bool = False) -> dict[str, Array]:
        """Map inputs of the trunk to (batch, outputs) for each task."""
        signal = self.activation(self.trunk(inputs, training))
        return {
            task: Dense(outputs, kernel_init=self.kernel_init, functional=self.functional, name=task)(signal)
            for task, outputs in self.heads.items()
        }


def multi_head(
    trunk: nn.Module,
    heads: dict[str, int],
    *,
    activation: Callable[[Array], Array] = jaxdl.functional.relu,
    kernel_init: Callable = initializers.he_normal,
    functional: Any = jaxdl.functional,
) -> Model:
    """A model for several tasks: `multi_head(Mlp((128,), 64), {"digit": 10, "slant": 1})`.

    The trunk is any module that is called with inputs and whether this is training, and has outputs (batch, features):
    what all tasks share. The outputs are a dict with (batch, outputs) for each task, and the loss is one number per
    example, as that of `lambda z, y: cross_entropy(z["digit"], y[:, 0]) + squared_error(z["slant"], y[:, 1:])`. Raises
    ValueError for no task, for a number of outputs that is not positive, for a task called trunk or with a / in its
    name, and for an activation that is jaxdl's own beside another functional.
    Caruana, *Multitask learning* (1997).
    """
    if not belongs(activation, functional):
        raise ValueError(f"activation must be of the functional beside it, but was jaxdl's own {activation}.")
    if not heads or min(heads.values()) < 1 or "trunk" in heads or any("/" in task for task in heads):
        raise ValueError(
            f"heads must name tasks with at least one output, none of them trunk or with a /, but were {heads}."
        )
    return from_linen(MultiHead(trunk, heads, activation, kernel_init, functional))
