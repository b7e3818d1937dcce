"""Forward pass with a tape, and the reverse pass that pulls a cotangent back along it."""

import contextlib
import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any

import jax
import jax.numpy as jnp
from typing_extensions import TypeAliasType

from jaxdl.backpropagation.network import (
    Layer,
    LayerArguments,
    Network,
    Residual,
    check_arguments,
    function_name,
    has_shape_annotations,
    input_position,
    layer_label,
)
from jaxdl.derivation import arguments_of, is_floating, is_key
from jaxdl.functional._arguments import check_annotations

Tape = TypeAliasType("Tape", tuple[tuple[Any, ...], ...])
"""For each layer, all arguments that its function was called with; for a `Residual`, the tape of its layers."""


def forward(network: Network, arguments: LayerArguments, inputs: Any) -> tuple[Any, Tape]:
    """Apply a network and record the tape that the reverse pass needs.

    Args:
        network: Layers and residual sums, in the order in which they are applied.
        arguments: For each layer, the tuple of its arguments other than its input, in the order of its signature. For
            a `Residual`, a tuple of such tuples.
        inputs: Input of the first layer.

    Returns:
        The output of the last layer, and the tape: for each layer, all arguments its function was called with. For a
        `Residual`, the tape of its layers.

    Raises:
        TypeError: If the dtype of an argument contradicts the annotation of a layer's function.
        ValueError: If the number or the shapes of the arguments do not fit. Both messages name the first layer that
            fails, such as `network[2] (dense)`.

    Example:
        >>> from jaxdl.backpropagation import forward, layer
        >>> network = (layer(F.dense), layer(F.relu))
        >>> arguments = ((jnp.array([[1.0], [-1.0]]), jnp.array([0.0])), ())
        >>> outputs, tape = forward(network, arguments, jnp.array([[3.0, 1.0], [1.0, 3.0]]))
        >>> outputs.tolist()
        [[2.0], [0.0]]
        >>> tape[1][0].tolist()  # the input of relu, which the VJP of relu needs
        [[2.0], [-2.0]]
    """
    return _forward(network, arguments, inputs, "network", "arguments")


def backward(network: Network, tape: Tape, g: Any) -> tuple[Any, LayerArguments]:
    r"""Run the reverse pass: pull a cotangent back from the output of a network to its inputs and arguments.

    From the last layer to the first, the VJP of each layer takes the cotangent of the layer's output and returns the
    cotangents of its arguments $x_{l-1}$ and $\theta_l$:

    $$
    \bar x_{l-1} = \bar x_l\, \frac{\partial x_l}{\partial x_{l-1}} ,
    \qquad
    \bar\theta_l = \bar x_l\, \frac{\partial x_l}{\partial \theta_l} .
    $$

    Args:
        network: The layers that wrote the tape.
        tape: The tape that `forward` returned.
        g: Cotangent of the network's output, of the same shape.

    Returns:
        The cotangent of the inputs, and for each layer the tuple of cotangents of its floating arguments other than
        its input.

    Raises:
        TypeError: If the input of a layer is not floating.
        ValueError: If a layer has no VJP, or a VJP does not return one cotangent for each floating argument.

    Example:
        >>> from jaxdl.backpropagation import backward, forward, layer
        >>> network = (layer(F.relu), layer(F.squared_error))
        >>> losses, tape = forward(network, ((), (jnp.array([[0.0, 0.0]]),)), jnp.array([[3.0, -1.0]]))
        >>> inputs_bar, (_, (targets_bar,)) = backward(network, tape, jnp.ones(1))
        >>> inputs_bar.tolist()  # relu blocks the gradient of its negative input
        [[6.0, 0.0]]
        >>> targets_bar[0, 0].tolist()
        -6.0
    """
    check_vjps(network)
    return _backward(network, tape, g, "network")


def value_and_gradient(network: Network, arguments: LayerArguments, inputs: Any) -> tuple[Any, LayerArguments]:
    """Compute the scalar output of a network and its gradient with respect to the arguments of each layer.

    Args:
        network: Layers and residual sums; the output of the last one is a scalar.
        arguments: For each layer, the tuple of its arguments other than its input, as in `forward`.
        inputs: Input of the first layer.

    Returns:
        The output, and for each layer the tuple of gradients with respect to its floating arguments other than its
        input. Arguments that are not floating, such as labels and keys, get no entry.

    Raises:
        TypeError: As `forward` and `backward`.
        ValueError: As `forward` and `backward`, and if the output is not a scalar.

    Example:
        >>> from jaxdl.backpropagation import layer, value_and_gradient
        >>> network = (layer(F.dense), layer(F.squared_error), layer(F.weighted_mean))
        >>> weights, bias = jnp.array([[1.0], [1.0]]), jnp.array([0.0])
        >>> targets, inputs = jnp.array([[0.0], [1.0]]), jnp.array([[1.0, 0.0], [0.0, 1.0]])
        >>> loss, gradient = value_and_gradient(network, ((weights, bias), (targets,), (jnp.ones(2),)), inputs)
        >>> float(loss)
        0.5
        >>> weights_bar, bias_bar = gradient[0]
        >>> weights_bar.tolist(), bias_bar.tolist()  # only the first example is wrong, by 1
        ([[1.0], [0.0]], [1.0])
    """
    check_vjps(network)
    value, tape = forward(network, arguments, inputs)
    check_scalar(network, value)
    _, gradient = _backward(network, tape, jnp.ones_like(value), "network")
    return value, gradient


def apply_layer(layer: Layer, arguments: tuple[Any, ...]) -> Any:
    """Return the output of one layer: the first output of its function."""
    outputs = layer.f(*map(_clone_key, arguments), **layer.settings)
    return outputs[0] if isinstance(outputs, tuple) else outputs


def pull_back(layer: Layer, arguments: tuple[Any, ...], g: Any, path: str) -> tuple[Any, ...]:
    """Return the cotangents of a layer's floating arguments, that of its input first.

    `g` is the cotangent of the layer's output. Further outputs of its function, such as batch statistics, get the
    cotangent zero. `path` is the position of the layer in messages. Raises TypeError if the input is not floating, and
    ValueError if the VJP does not return one cotangent for each floating argument.
    """
    layer_input = arguments[input_position(layer.f)]
    if not is_floating(layer_input):
        raise TypeError(
            f"{layer_label(layer, path)} must have a floating input to have a gradient, got "
            f"{jnp.result_type(layer_input)}. Pass integers in its arguments, not as its input."
        )
    cotangents = layer.f_vjp(_cotangent_of_outputs(layer, arguments, g), *map(_clone_key, arguments), **layer.settings)
    expected = sum(map(is_floating, arguments))
    if not isinstance(cotangents, tuple) or len(cotangents) != expected:
        is_tuple = isinstance(cotangents, tuple)
        returned = f"{len(cotangents)}" if is_tuple else f"{type(cotangents).__name__} instead of a tuple"
        raise ValueError(
            f"{layer_label(layer, path)}: {function_name(layer.f_vjp)} must return a tuple of {expected} cotangents, "
            f"one for each floating argument, got {returned}."
        )
    return cotangents


def partition_floating(arguments: LayerArguments) -> tuple[list[Any], Callable[[list[Any]], LayerArguments]]:
    """Return the floating arrays among the arguments, and a function that puts others in their positions."""
    leaves, structure = jax.tree.flatten(arguments)

    def merge(floating):
        remaining = iter(floating)
        return jax.tree.unflatten(structure, [next(remaining) if is_floating(leaf) else leaf for leaf in leaves])

    return [leaf for leaf in leaves if is_floating(leaf)], merge


def _forward(network, arguments, activation, path, arguments_path):
    check_arguments(network, arguments, path, arguments_path)
    tape, source = [], ""
    for number, (part, others) in enumerate(zip(network, arguments, strict=True)):
        here, others_path = f"{path}[{number}]", f"{arguments_path}[{number}]"
        if isinstance(part, Residual):
            output, recorded = _forward(part.layers, others, activation, f"{here}.layers", others_path)
            if jnp.shape(output) != jnp.shape(activation):
                raise ValueError(
                    f"{here} (Residual): x + F(x) needs equal shapes, but x has the shape {jnp.shape(activation)} and "
                    f"F(x) {jnp.shape(output)}. Its last layer must return the shape of its input."
                )
            activation = activation + output
        else:
            recorded = _all_arguments(part, others, activation, here, others_path)
            with _named_in_errors(f"{layer_label(part, here)}{source}"):
                if has_shape_annotations(part.f):
                    check_annotations(part.f, *recorded)
                activation = apply_layer(part, recorded)
        tape.append(recorded)
        source = f", applied to the output of {layer_label(part, here)}"
    return activation, tuple(tape)


def _backward(network, tape, g, path):
    gradient: list[tuple] = []
    for number, (part, recorded) in reversed(list(enumerate(zip(network, tape, strict=True)))):
        here = f"{path}[{number}]"
        if isinstance(part, Residual):
            inner_g, others = _backward(part.layers, recorded, g, f"{here}.layers")
            g = g + inner_g
        else:
            g, *others = pull_back(part, recorded, g, here)
        gradient.append(tuple(others))
    return g, tuple(reversed(gradient))


def _all_arguments(layer, others, activation, path, others_path):
    """Insert the input among the other arguments of a layer. Raise ValueError if they do not fit its signature."""
    position = input_position(layer.f)
    arguments = (*others[:position], activation, *others[position:])
    try:
        inspect.signature(layer.f).bind(*arguments, **layer.settings)
    except TypeError as error:
        names = list(arguments_of(layer.f))
        expected = ", ".join(names[:position] + names[position + 1 :])
        raise ValueError(
            f"{layer_label(layer, path)} needs the arguments ({expected}) besides its input, but {others_path} holds "
            f"{len(others)} and its settings are {layer.settings}: {error}."
        ) from error
    return arguments


@contextlib.contextmanager
def _named_in_errors(label: str) -> Generator[None]:
    """Prefix the message of a TypeError or ValueError with the layer that raised it."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{label}: {error}") from error


def _cotangent_of_outputs(layer, arguments, g):
    """Return the cotangent of all outputs of a layer's function: `g` for the first, zeros for the others."""
    if hasattr(inspect.signature(layer.f).return_annotation, "dim_str"):  # annotated as a single array
        return g
    outputs = jax.eval_shape(functools.partial(layer.f, **layer.settings), *map(_clone_key, arguments))
    if not isinstance(outputs, tuple):
        return g
    zeros = jax.tree.map(lambda output: jnp.zeros(output.shape, output.dtype), outputs)
    return zeros._replace(**{zeros._fields[0]: g}) if hasattr(zeros, "_fields") else (g, *zeros[1:])


def _clone_key(argument):
    """Clone a key, because the reverse pass draws the noise of the forward pass again on purpose."""
    return jax.random.clone(argument) if is_key(argument) else argument


def check_scalar(network: Network, value: Any) -> None:
    """Raise ValueError unless the output of the network is a scalar."""
    if jnp.shape(value) != ():
        source = layer_label(network[-1], f"network[{len(network) - 1}]") if network else "it has no layers and"
        raise ValueError(
            f"the network must end in a scalar, but {source} returned the shape {jnp.shape(value)}. End it with a loss "
            "per example and weighted_mean."
        )


def check_loss_per_example(losses: Any, inputs: Any) -> None:
    """Raise ValueError unless the losses have the shape (batch,)."""
    if jnp.shape(losses) != jnp.shape(inputs)[:1]:
        raise ValueError(
            f"the network must end in a loss that returns one number per example, {jnp.shape(inputs)[:1]}, "
            f"but its last layer returned {jnp.shape(losses)}. Sum over the other axes."
        )


def check_vjps(network: Any, path: str = "network") -> None:
    """Raise ValueError, with its position, for a layer without a VJP."""
    for number, part in enumerate(network):
        here = f"{path}[{number}]"
        if isinstance(part, Residual):
            check_vjps(part.layers, f"{here}.layers")
        elif not (isinstance(part, Layer) and callable(part.f_vjp)):
            raise ValueError(f"{layer_label(part, here)} has no VJP. Use Layer(f, f_vjp), or layer(f).")
