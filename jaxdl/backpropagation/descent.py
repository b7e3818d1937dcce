"""Gradient descent whose every gradient is swept by hand."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.backpropagation.network import Network
from jaxdl.backpropagation.sweep import Own, backward, check_one_number_per_example, forward, separate


def sgd_by_hand(
    network: Network, params: Own, batches: tuple[Any, ...], rate: Any, decay: Any = 0.0
) -> tuple[Own, Float[Array, "steps"]]:
    r"""Plain stochastic gradient descent: $W \leftarrow (1 - \eta\lambda) W - \frac{\eta}{n} \sum_n \bar W_n$.

    The network ends in a loss, one number per example. `params` holds the own arguments of every layer before it, and
    `batches` the arrays (inputs, *those of the loss*), each with the axes (steps, batch, ...). A batch is one step, and
    they are taken in this order, so that the order of a published run can be given as data; a smaller last batch is a
    call of its own. `rate` is $\eta$; `decay` is $\lambda$, which shrinks arrays of two axes or more (weights,
    kernels) and leaves biases alone; either is one number, or one for each step. What is not floating among `params`
    stays: a key too, so that noise is the same at every step.

    In the terms of others: a penalty $\frac{\lambda}{2N} \|W\|^2$ beside the mean loss of $N$ examples is a decay of
    $\lambda / N$, and half the squared error at the rate $\eta$ is `squared_error` at $\eta / 2$.

    Returns the parameters after the last step, and the mean loss of each batch before its step. Raises what `forward`
    and `backward` raise, and ValueError where the loss returns other than one number per example.
    """

    def step(params, given):
        (inputs, *of_loss), rate, decay = given
        losses, tape = forward(network, (*params, tuple(of_loss)), inputs)
        check_one_number_per_example(losses, inputs)
        _, gradient = backward(network, tape, jnp.ones_like(losses))
        return _descended(params, gradient[:-1], rate / len(inputs), 1 - rate * decay), losses.mean()

    sizes = {jnp.shape(array)[:1] for array in batches} if isinstance(batches, tuple) else set()
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError(
            "batches must be a tuple of arrays (inputs, *those of the loss), each with the axes (steps, batch, ...), "
            f"but was {jax.tree.map(jnp.shape, batches)}."
        )
    each = {"rate": rate, "decay": decay}
    for name, given in each.items():
        if jnp.shape(given) not in ((), (len(batches[0]),)):
            raise ValueError(
                f"{name} must be one number, or one for each of the {len(batches[0])} steps, but has the shape "
                f"{jnp.shape(given)}."
            )
    return jax.lax.scan(step, params, (batches, *(jnp.broadcast_to(given, len(batches[0])) for given in each.values())))


def _descended(params, gradient, rate, kept):
    floating, fill = separate(params)
    stepped = []
    for w, slope in zip(floating, jax.tree.leaves(gradient), strict=True):
        shrunk = w * kept.astype(w.dtype) if w.ndim > 1 else w
        stepped.append(shrunk - rate.astype(w.dtype) * slope.astype(w.dtype))
    return fill(stepped)
