r"""Number of paths from the parameters of a network to its loss.

The derivative of a loss with respect to one parameter is a sum over all paths from the parameter to the loss. Each term
is the product of the local derivatives along its path. In a dense network with $L$ layers of $w$ units the number of
paths grows like $w^L$.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.backpropagation.network import LayerArguments, Network, Residual
from jaxdl.backpropagation.reverse_pass import Tape, apply_layer, check_loss_per_example, forward
from jaxdl.derivation import is_floating


def count_paths(network: Network, params: LayerArguments, batch: tuple[Any, ...]) -> tuple[int, int]:
    """Count the paths from parameters to losses, and the local derivatives along all of them.

    A path has one local derivative for each layer on it, and none for the skip connection of a `Residual`. An entry of
    an output depends on an entry of an input if NaN in the input gives NaN in the output. Use it for small networks
    whose functions propagate NaN.

    Args:
        network: Layers that end in a loss, one number per example.
        params: For each layer before the loss, the tuple of its arguments other than its input.
        batch: The arrays (inputs, *arguments of the loss*), each with a leading batch axis.

    Returns:
        The number of paths, and the number of local derivatives on all of them together.

    Raises:
        TypeError: As `forward`.
        ValueError: As `forward`, and if the loss does not return one number per example.

    Example:
        >>> from jaxdl.backpropagation import count_paths, layer
        >>> dense = (jnp.ones((3, 3)), jnp.ones(3))
        >>> batch = (jnp.ones((1, 3)), jnp.ones((1, 3)))
        >>> for depth in (1, 2, 3):
        ...     network = (*[layer(F.dense)] * depth, layer(F.squared_error))
        ...     print(count_paths(network, (dense,) * depth, batch)[0])
        12
        48
        156
    """
    inputs, *loss_arguments = batch

    def edges_of(params, inputs):
        losses, tape = forward(network, params, inputs)
        check_loss_per_example(losses, inputs)
        return losses, _edges(network, tape)

    losses, edges = jax.device_get(jax.jit(edges_of)((*params, tuple(loss_arguments)), inputs))
    paths, factors = np.full(losses.shape, 1, object), np.full(losses.shape, 0, object)
    (paths, factors), _ = _count(edges[-1:], paths, factors, network[-1:])
    return _count(edges[:-1], paths, factors, network[:-1])[1]


def _count(edges, paths, factors, network: Network):
    """Count paths and local derivatives backward from the output, given those from each of its entries to the loss.

    Return those from each entry of the input, and the totals over all other arguments.
    """
    all_paths = all_factors = 0
    for part, through in zip(reversed(network), reversed(edges), strict=True):
        if isinstance(part, Residual):
            (inner_paths, inner_factors), totals = _count(through, paths, factors, part.layers)
            paths, factors = paths + inner_paths, factors + inner_factors
            all_paths, all_factors = all_paths + totals[0], all_factors + totals[1]
        else:
            (paths, factors), *others = _through_layer(through, paths, factors)
            all_paths += sum(int(counts.sum()) for counts, _ in others)
            all_factors += sum(int(counts.sum()) for _, counts in others)
    return (paths, factors), (all_paths, all_factors)


def _through_layer(edges, paths, factors):
    """Return the paths and local derivatives from each floating argument; the layer's own derivative is one of them."""
    return [
        (dependencies @ paths, dependencies @ (factors + paths))
        for dependencies in (each.astype(object) for each in edges)
    ]


def _edges(network: Network, tape: Tape) -> list:
    """Return the dependencies of each layer's output on each of its floating arguments; a list for a `Residual`."""
    return [
        _edges(part.layers, recorded)
        if isinstance(part, Residual)
        else [_dependencies(part, recorded, n) for n, argument in enumerate(recorded) if is_floating(argument)]
        for part, recorded in zip(network, tape, strict=True)
    ]


def _dependencies(layer, arguments, position):
    """Return which entries of the output (columns) depend on each entry of an argument (rows), by propagating NaN."""
    flat = jnp.ravel(arguments[position])

    def depends(is_probed):
        argument = jnp.where(is_probed, jnp.nan, flat).reshape(jnp.shape(arguments[position]))
        return jnp.isnan(jnp.ravel(apply_layer(layer, (*arguments[:position], argument, *arguments[position + 1 :]))))

    return jax.vmap(depends)(np.eye(flat.size, dtype=bool))
