"""Stochastic gradient descent along gradients of the hand-written reverse pass."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.backpropagation.network import LayerArguments, Network
from jaxdl.backpropagation.reverse_pass import backward, check_loss_per_example, forward, partition_floating


def sgd_by_hand(
    network: Network,
    params: LayerArguments,
    batches: tuple[Any, ...],
    learning_rate: Any,
    weight_decay: Any = 0.0,
) -> tuple[LayerArguments, Float[Array, "steps"]]:
    r"""Run plain SGD along hand-derived gradients: $W \leftarrow (1 - \eta\lambda) W - \frac{\eta}{n} \sum_n \bar W_n$.

    Each batch is one step, and the steps follow the order of `batches`. A published run can therefore be repeated by
    giving its order as data. Weight decay shrinks arrays with two or more axes (weights, kernels), not biases. Two
    conventions of other texts:

    - An L2 penalty $\frac{\lambda}{2N} \|W\|^2$ added to the mean loss of $N$ examples is a weight decay of
      $\lambda / N$.
    - Half the squared error at learning rate $\eta$ is `squared_error` at $\eta / 2$.

    Args:
        network: Layers that end in a loss, one number per example.
        params: For each layer before the loss, the tuple of its arguments other than its input. Arguments that are not
            floating stay as they are. This includes keys, so each step draws the same noise.
        batches: The arrays (inputs, *arguments of the loss*), each with the axes (steps, batch, ...). All batches have
            the same size; use a second call for a smaller last batch.
        learning_rate: $\eta$, one number or an array (steps,).
        weight_decay: $\lambda$, one number or an array (steps,).

    Returns:
        The parameters after the last step, and the mean loss of each batch before its step, (steps,).

    Raises:
        TypeError: As `forward` and `backward`.
        ValueError: As `forward` and `backward`; if the loss does not return one number per example; if the arrays of
            `batches` differ in their number of steps; if `learning_rate` or `weight_decay` has another shape.

    Example:
        >>> from jaxdl.backpropagation import layer, sgd_by_hand
        >>> network = (layer(F.dense), layer(F.squared_error))
        >>> inputs, targets = jnp.array([[1.0], [2.0]]), jnp.array([[3.0], [5.0]])  # y = 2x + 1
        >>> batches = (jnp.tile(inputs, (300, 1, 1)), jnp.tile(targets, (300, 1, 1)))  # the same batch 300 times
        >>> params, losses = sgd_by_hand(network, ((jnp.zeros((1, 1)), jnp.zeros(1)),), batches, 0.2)
        >>> weights, bias = params[0]
        >>> round(float(weights[0, 0]), 2), round(float(bias[0]), 2)
        (2.0, 1.0)
        >>> float(losses[0])  # (3² + 5²) / 2
        17.0
    """

    def step(params, inputs_of_step):
        (inputs, *loss_arguments), learning_rate, weight_decay = inputs_of_step
        losses, tape = forward(network, (*params, tuple(loss_arguments)), inputs)
        check_loss_per_example(losses, inputs)
        _, gradient = backward(network, tape, jnp.ones_like(losses))
        decay_factor = 1 - learning_rate * weight_decay
        return _updated(params, gradient[:-1], learning_rate / len(inputs), decay_factor), losses.mean()

    steps = _count_steps(batches)
    per_step = []
    for name, value in {"learning_rate": learning_rate, "weight_decay": weight_decay}.items():
        if jnp.shape(value) not in ((), (steps,)):
            raise ValueError(
                f"{name} must be one number, or one for each of the {steps} steps, got the shape {jnp.shape(value)}."
            )
        per_step.append(jnp.broadcast_to(value, steps))
    return jax.lax.scan(step, params, (batches, *per_step))


def _count_steps(batches) -> int:
    """Return the common length of the first axis. Raise ValueError if the arrays do not share it."""
    sizes = {jnp.shape(array)[:1] for array in batches} if isinstance(batches, tuple) else set()
    if len(sizes) != 1 or sizes == {()}:
        raise ValueError(
            "batches must be a tuple of arrays (inputs, *arguments of the loss), each with the axes "
            f"(steps, batch, ...), got the shapes {jax.tree.map(jnp.shape, batches)}."
        )
    return len(batches[0])


def _updated(params, gradient, learning_rate, decay_factor):
    floating, merge = partition_floating(params)
    updated = []
    for w, w_bar in zip(floating, jax.tree.leaves(gradient), strict=True):
        decayed = w * decay_factor.astype(w.dtype) if w.ndim > 1 else w
        updated.append(decayed - learning_rate.astype(w.dtype) * w_bar.astype(w.dtype))
    return merge(updated)
