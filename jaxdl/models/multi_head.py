"""Several tasks on one trunk."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import flax.linen as nn
from jaxtyping import Array

import jaxdl.functional
from jaxdl import initializers
from jaxdl.models._validity import check_function, check_size
from jaxdl.models.blocks import Dense, found_in
from jaxdl.models.model import Model, from_linen


class MultiHead(nn.Module):
    """A dense layer for each task, all of them on the activated outputs of one trunk.

    Raises what `multi_head` raises.
    """

    trunk: nn.Module
    heads: Mapping[str, int]
    _: dataclasses.KW_ONLY
    activation: Callable[[Array], Array] = jaxdl.functional.relu
    kernel_init: Callable = initializers.he_normal
    functional: Any = jaxdl.functional

    def __post_init__(self):
        if not isinstance(self.trunk, nn.Module):
            raise TypeError(
                "trunk must be an instance of a Linen module, such as jaxdl.models.Mlp((128,), 64), but was "
                f"{self.trunk!r}."
            )
        if not self.heads or "trunk" in self.heads or any("/" in task for task in self.heads):
            raise ValueError(f"heads must name tasks, none of them trunk or with a /, but were {self.heads}.")
        for task, outputs in self.heads.items():
            check_size(f"the outputs of {task}", outputs)
        check_function("activation", self.activation)
        super().__post_init__()

    @nn.compact
    def __call__(self, inputs: Any, training: bool = False) -> dict[str, Array]:
        """Map inputs of the trunk to (batch, outputs) for each task."""
        signal = found_in(self.functional, self.activation)(self.trunk(inputs, training))
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
    example, as that of `lambda z, y: cross_entropy(z["digit"], y[:, 0]) + squared_error(z["slant"], y[:, 1:])`.
    `functional` is that of the heads and the activation; the trunk has its own.

    Raises ValueError for no task, for a number of outputs below 1 and for a task called trunk or with a / in its name,
    and TypeError for a trunk that is no module, such as a `Model`.
    Caruana, *Multitask learning* (1997).
    """
    return from_linen(MultiHead(trunk, heads, activation=activation, kernel_init=kernel_init, functional=functional))
