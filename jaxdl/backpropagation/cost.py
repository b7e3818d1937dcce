r"""Cost of a gradient in three ways: enumeration of paths, forward mode, and the reverse pass.

Most paths from parameters to the loss share their ends: the derivative of the loss with respect to a unit is the same
for every parameter before that unit. The reverse pass computes this derivative once, as $\bar x$, and therefore costs a
few times as much as the network itself. This is dynamic programming. Forward mode shares the beginnings of paths
instead and needs one pass for each parameter.

References:
    Griewank and Walther, *Evaluating Derivatives* (2008), chapters 3 and 4.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxdl.backpropagation.network import LayerArguments, Network
from jaxdl.backpropagation.operations import count_operations
from jaxdl.backpropagation.paths import count_paths
from jaxdl.backpropagation.reverse_pass import backward, forward, partition_floating


class Cost(NamedTuple):
    """Scalar operations of the gradient with respect to all parameters; a multiply-add counts as two.

    All costs include the forward pass.

    Attributes:
        parameters: Number of parameters.
        paths: Number of paths from the parameters to the losses.
        forward: Operations of the network alone.
        reverse: Operations of the reverse pass.
        forward_mode: Operations of one directional derivative for each parameter.
        enumeration: Operations of the sum over all paths, each product computed separately.
    """

    parameters: int
    paths: int
    forward: int
    reverse: int
    forward_mode: int
    enumeration: int


def cost(network: Network, params: LayerArguments, batch: tuple[Any, ...]) -> Cost:
    """Compute the cost of the gradient of the summed loss with respect to all parameters, in each of three ways.

    The reverse pass is counted completely, including the cotangent of the inputs. Paths are counted as in
    `count_paths`.

    Args:
        network: Layers that end in a loss, one number per example.
        params: For each layer before the loss, the tuple of its arguments other than its input. Arguments that are not
            floating are not parameters.
        batch: The arrays (inputs, *arguments of the loss*), each with a leading batch axis.

    Returns:
        The number of parameters and paths, and the operations of each way.

    Raises:
        TypeError: As `forward`.
        ValueError: As `forward`, and if the loss does not return one number per example.

    Example:
        >>> from jaxdl.backpropagation import cost, layer
        >>> network = (*[layer(F.dense)] * 4, layer(F.squared_error))
        >>> params, batch = ((jnp.ones((4, 4)), jnp.ones(4)),) * 4, (jnp.ones((1, 4)), jnp.ones((1, 4)))
        >>> found = cost(network, params, batch)
        >>> found.parameters, found.paths
        (80, 1700)
        >>> found.reverse < 4 * found.forward, found.enumeration > 50 * found.forward
        (True, True)
    """
    inputs, *loss_arguments = batch
    floating, merge = partition_floating(params)
    paths, factors = count_paths(network, params, batch)

    def losses_and_tape(floating):
        return forward(network, (*merge(floating), tuple(loss_arguments)), inputs)

    def gradient(floating):
        losses, tape = losses_and_tape(floating)
        return backward(network, tape, jnp.ones_like(losses))[1][:-1]

    def directional_derivative(floating):
        return jax.jvp(lambda floating: losses_and_tape(floating)[0], (floating,), (floating,))

    forward_cost = count_operations(lambda floating: losses_and_tape(floating)[0], floating)
    parameters = sum(map(jnp.size, floating))
    multiplications, additions = factors - paths, paths - parameters
    return Cost(
        parameters=parameters,
        paths=paths,
        forward=forward_cost,
        reverse=count_operations(gradient, floating),
        forward_mode=parameters * count_operations(directional_derivative, floating),
        enumeration=forward_cost + multiplications + additions,
    )
