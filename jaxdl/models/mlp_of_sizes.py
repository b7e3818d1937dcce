"""MLPs of different sizes in one program: a mask over the units and a gate for each layer of the largest."""

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Int, PyTree

import jaxdl.functional
from jaxdl import initializers
from jaxdl.functional._types import Scalar
from jaxdl.models._validity import checked_sizes
from jaxdl.models.blocks import Activation
from jaxdl.models.mlp import MLP
from jaxdl.models.model import Model, Stats, from_linen
from jaxdl.models.norms import BatchNorm, Norm


class ChosenMLP(MLP):
    """The largest of several MLPs, in which only the units of a smaller one are active.

    Attributes:
        hidden, outputs, activation, dropout_rate, norm, skip, kernel_init, functional: The fields of `MLP`.
        units: Number of active units of each hidden layer; a layer with 0 passes its input on.
    """

    units: Any = None

    def _output(self, number, before, signal):
        units = self.units[number]
        signal = jnp.where(jnp.arange(signal.shape[-1]) < units, signal, 0)
        if number == 0:
            return signal
        if self.skip:
            signal = signal + jnp.where(units == self.units[number - 1], before, 0)
        return jnp.where(units > 0, signal, before)


def mlp_of_sizes(
    sizes: Sequence[tuple[int, ...]],
    outputs: int | None,
    choice: Int[Array, ""] | int,
    *,
    activation: Activation = jaxdl.functional.relu,
    dropout_rate: Scalar = 0.0,
    norm: Norm | None = None,
    skip: bool = False,
    kernel_init: Callable = initializers.he_normal,
) -> Model:
    """Multi-layer perceptron of one of several sizes, chosen by a number that may be traced.

    A population can therefore train networks of different widths and depths in one compiled program:
    `fit(task, ..., settings={"size": jnp.array([0, 1, 2])})` with a `task` that passes `settings["size"]` on. Each
    network has the initial parameters of `mlp(sizes[choice], outputs)` from the same key, and computes the same
    outputs and gradients up to rounding. Every member costs as much as the largest network.

    The parameters have the shapes of the largest network. Unused units and layers are 0 and stay 0; `cut_to_size`
    removes them. Two things differ from the smaller network: dropout draws other noise, from the same distribution,
    and an optimizer that uses the shape of an array or an average over it, such as `muon`, takes other steps.

    Args:
        sizes: The hidden layers of each network, at least one: `[(16,), (64,), (64, 64)]`.
        outputs: Number of outputs, or None, as in `mlp`.
        choice: Number of the size, counted from 0.
        activation: As in `mlp`.
        dropout_rate: As in `mlp`.
        norm: None, or `BatchNorm`, which treats every unit alone.
        skip: As in `mlp`: the input of a layer is added if both have the same width in the chosen network.
        kernel_init: As in `mlp`.

    Returns:
        The model.

    Raises:
        ValueError: A network without hidden layers, a norm over the units, or a choice outside the sizes.
        TypeError: The sizes are not tuples of integers.

    References:
        Yu et al., *Slimmable neural networks* (2018), for the mask over units.

    Example:
        >>> from jaxdl import models
        >>> sizes = [(4,), (8, 8)]
        >>> key, inputs = jax.random.key(0), jnp.ones((1, 3))
        >>> model, small = models.mlp_of_sizes(sizes, 2, choice=0), models.mlp((4,), 2)
        >>> params, stats = model.init(key, inputs)
        >>> outputs, _ = model.apply(params, stats, inputs)
        >>> expected, _ = small.apply(*small.init(key, inputs), inputs)
        >>> bool(jnp.allclose(outputs, expected, atol=1e-6)), params["Dense_0"]["kernel"].shape
        (True, (3, 8))
    """
    sizes = _checked(sizes, choice, norm)
    settings: dict[str, Any] = {
        "activation": activation,
        "dropout_rate": dropout_rate,
        "norm": norm,
        "skip": skip,
        "kernel_init": kernel_init,
    }
    depth, width = max(map(len, sizes)), max(map(max, sizes))
    units = jnp.array([(*size, *[0] * (depth - len(size))) for size in sizes])[choice]
    largest = from_linen(ChosenMLP((width,) * depth, outputs, units=units, **settings))
    alone = [from_linen(MLP(size, outputs, **settings)) for size in sizes]

    @functools.wraps(largest.init)
    def init(key, inputs, **outputs):
        like = jax.eval_shape(functools.partial(largest.init, **outputs), key, inputs)
        padded = [_padded(model.init(jax.random.clone(key), inputs, **outputs), like, depth) for model in alone]
        return jax.tree.map(lambda *leaves: jnp.stack(leaves)[choice], *padded)

    return Model(init, largest.apply)


def cut_to_size(params: PyTree, stats: Stats, size: tuple[int, ...]) -> tuple[PyTree, Stats]:
    """Remove the unused units and layers of a network of `mlp_of_sizes`.

    Args:
        params: Parameters of one network.
        stats: Its batch statistics.
        size: The hidden layers of the network, one of the sizes.

    Returns:
        Parameters and batch statistics of `mlp(size, outputs)`.

    Example:
        >>> from jaxdl import models
        >>> model = models.mlp_of_sizes([(4,), (8, 8)], 2, choice=0)
        >>> params, stats = models.cut_to_size(*model.init(jax.random.key(0), jnp.ones((1, 3))), (4,))
        >>> jax.tree.map(jnp.shape, params)
        {'Dense_0': {'bias': (4,), 'kernel': (3, 4)}, 'Dense_1': {'bias': (2,), 'kernel': (4, 2)}}
    """
    last = _output_layer(params)
    inputs, outputs = params["Dense_0"]["kernel"].shape[0], params[last]["kernel"].shape[1]
    ends = {len(size): last}

    def layers_of(tree):
        return {
            name: _cut(tree[stored], shape)
            for number, shape in enumerate(itertools.pairwise((inputs, *size, outputs)))
            for name, stored in _names(tree, number, ends.get(number))
        }

    return layers_of(params), {collection: layers_of(tree) for collection, tree in stats.items()}


def _output_layer(params) -> str:
    """Return the name of the last dense layer."""
    dense = (name for name in params if name.startswith("Dense_"))
    return max(dense, key=lambda name: int(name.removeprefix("Dense_")))


def _cut(layer, shape) -> PyTree:
    """Return the first inputs and outputs of a layer, whose shape is (inputs, outputs)."""
    return jax.tree.map(lambda leaf: leaf[tuple(map(slice, shape[-leaf.ndim :]))], layer)


def _names(tree, number, output) -> list[tuple[str, str]]:
    """Return the names of a layer's parts, each with the name under which the largest network stores it."""
    if output:
        return [(f"Dense_{number}", output)] if output in tree else []
    return [(name, name) for name in tree if name.endswith(f"_{number}")]


def _padded(variables, like, depth) -> tuple[PyTree, Stats]:
    """Return parameters and statistics in the shapes of the largest network, with zeros in what a smaller one lacks."""
    params, stats = variables
    output = _output_layer(params)
    renamed = {f"Dense_{depth}" if name == output else name: layer for name, layer in params.items()}
    own = dict(jax.tree.leaves_with_path((renamed, stats)))

    def pad(path, leaf):
        small = own.get(path)
        if small is None:
            return jnp.zeros(leaf.shape, leaf.dtype)
        return jnp.pad(small, [(0, large - size) for large, size in zip(leaf.shape, small.shape, strict=True)])

    return jax.tree_util.tree_map_with_path(pad, like)


def _checked(sizes, choice, norm) -> list[tuple[int, ...]]:
    sizes = [checked_sizes(f"sizes[{number}]", size) for number, size in enumerate(sizes)]
    if not sizes or not all(sizes):
        raise ValueError(f"sizes must be tuples of at least one hidden layer, got {sizes}.")
    if not jnp.issubdtype(jnp.result_type(choice), jnp.integer):
        raise TypeError(f"choice must be an integer, the number of a size, got {choice!r}: convert it to int.")
    if not isinstance(choice, Tracer) and not 0 <= choice < len(sizes):
        raise ValueError(f"choice must be the number of a size, from 0 to {len(sizes) - 1}, got {choice}.")
    kind = norm.func if isinstance(norm, functools.partial) else norm
    if kind is not None and not issubclass(kind, BatchNorm):
        raise ValueError(f"norm must be None or BatchNorm, got {kind.__name__}, which averages over unused units too.")
    return sizes
