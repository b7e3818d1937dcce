"""Gradient descent whose every gradient is swept by hand."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.backpropagation.network import Network
from jaxdl.backpropagation.sweep import Own, backward, forward, separate


def sgd_by_hand(
    network: Network, params: Own, batches: tuple[Any, ...], rate: Any, decay: Any = 0.0
) -> tuple[Own, Float[Array, "steps"]]:
    r"""Plain stochastic gradient descent: $W \leftarrow (1 - \eta\lambda) W - \frac{\eta}{n} \sum_n \bar W_n$.

    The network ends in a loss, one number per example. `params` holds the own arguments of every layer before it, and
    `batches` the arrays (inputs, *those of the loss*), each with the axes (steps, batch, ...). A batch is one step, and
    they are taken in this order, so that the order of a published run can be given as data. `rate` is $\eta$; `decay`
    is $\lambda$, which shrinks arrays of two axes or more (weights, kernels) and leaves biases alone. What is not
    floating among `params` stays. Returns the parameters after the last step, and the mean loss of each batch before
    its step. Raises what `forward` and `backward` raise, and ValueError where the loss returns other than one number
    per example.
    """

    def step(params, batch):
        inputs, *of_loss = batch
        losses, tape = forward(network, (*params, tuple(of_loss)), inputs)
        if jnp.shape(losses) != (len(inputs),):
            raise ValueError(
                f"the network must end in a loss that returns one number per example, ({len(inputs)},), "
                f"but its last layer returned {jnp.shape(losses)}: sum over the other axes."
            )
        _, gradient = backward(network, tape, jnp.ones_like(losses))
        return _descended(params, gradient[:-1], rate / len(inputs), 1 - rate * decay), losses.mean()

    return jax.lax.scan(step, params, batches)


def _descended(params, gradient, rate, kept):
    floating, fill = separate(params)
    slopes = jax.tree.leaves(gradient)
    return fill([(kept if w.ndim > 1 else 1) * w - rate * slope for w, slope in zip(floating, slopes, strict=True)])
