"""The tape forward, and the sweep backward."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxdl.backpropagation.network import Layer, Network, Residual, check_own, is_annotated, name_of, place_of_signal
from jaxdl.derivation import arguments_of, is_floating, is_key
from jaxdl.functional._arguments import as_annotated

Own = tuple[tuple[Any, ...], ...]
Tape = tuple[tuple[Any, ...], ...]


def forward(network: Network, own: Own, signal: Any) -> tuple[Any, Tape]:
    """The network's output, and the tape: the arguments of each layer, and of a Residual the tape of its layers.

    `own` holds each layer's own arguments, in their order, without the signal. Raises ValueError and TypeError for the
    first layer that its arguments do not fit, by position and name.
    """
    return _forward(network, own, signal, "network", "own")


def backward(network: Network, tape: Tape, g: Any) -> tuple[Any, Own]:
    """Sweep the tape: the cotangent of the network's input, and those of each layer's own floating arguments.

    `g` is the cotangent of the network's output. Raises ValueError for a layer without a derivation.
    """
    check_derivations(network)
    return _backward(network, tape, g, "network")


def value_and_gradient(network: Network, own: Own, signal: Any) -> tuple[Any, Own]:
    """The network's output, one number, and its gradient with respect to each layer's own floating arguments.

    Raises what `forward` and `backward` raise, and ValueError for a network that does not end in one number.
    """
    check_derivations(network)
    value, tape = forward(network, own, signal)
    check_one_number(network, value)
    _, gradient = _backward(network, tape, jnp.ones_like(value), "network")
    return value, gradient


def push(layer: Layer, arguments: tuple[Any, ...]) -> Any:
    """What one layer makes of its arguments, the first of its outputs."""
    outputs = layer.f(*map(_again, arguments), **layer.settings)
    return outputs[0] if isinstance(outputs, tuple) else outputs


def pull(layer: Layer, arguments: tuple[Any, ...], g: Any, place: str) -> tuple[Any, ...]:
    """What one layer pulls back: the cotangents of its signal and of its own floating arguments.

    `g` is the cotangent of its signal; those of its other outputs, such as statistics, are zero. Raises ValueError
    where its derivation returns anything but one for each floating argument, and TypeError for a signal that is not
    floating; `place` says which layer it is.
    """
    if not is_floating(arguments[place_of_signal(layer.f)]):
        raise TypeError(
            f"{named(layer, place)} must have a floating signal to pull back to, but its signal is "
            f"{jnp.result_type(arguments[place_of_signal(layer.f)])}: what is not floating is an argument of its own."
        )
    pulled = layer.f_vjp(_with_zeros(layer, arguments, g), *map(_again, arguments), **layer.settings)
    wanted = sum(map(is_floating, arguments))
    if not isinstance(pulled, tuple) or len(pulled) != wanted:
        given = f"{len(pulled)}" if isinstance(pulled, tuple) else f"{type(pulled).__name__}, no tuple"
        raise ValueError(
            f"{named(layer, place)}: {name_of(layer.f_vjp)} must return a tuple of {wanted} cotangents, one for each "
            f"floating argument, but returned {given}."
        )
    return pulled


def separate(own: Own) -> tuple[list[Any], Callable[[list[Any]], Own]]:
    """The floating arrays among layers' own arguments, and the function that puts others in their places."""
    leaves, structure = jax.tree.flatten(own)

    def fill(floating):
        rest = iter(floating)
        return jax.tree.unflatten(structure, [next(rest) if is_floating(leaf) else leaf for leaf in leaves])

    return [leaf for leaf in leaves if is_floating(leaf)], fill


def _forward(network, own, signal, where, own_where):
    check_own(network, own, where, own_where)
    tape, before = [], ""
    for number, (part, arguments) in enumerate(zip(network, own, strict=True)):
        place, own_place = f"{where}[{number}]", f"{own_where}[{number}]"
        if isinstance(part, Residual):
            output, written = _forward(part.layers, arguments, signal, f"{place}.layers", own_place)
            if jnp.shape(output) != jnp.shape(signal):
                raise ValueError(
                    f"{place} (Residual) must return the shape of its input, {jnp.shape(signal)}, "
                    f"but its layers returned {jnp.shape(output)}: a sum needs equal shapes."
                )
            signal = signal + output
        else:
            written = _arguments(part, arguments, signal, named(part, place), own_place)
            with _told_of(f"{named(part, place)}{before}"):
                if is_annotated(part.f):
                    as_annotated(part.f, *written)
                signal = push(part, written)
        tape.append(written)
        before = f", given what {named(part, place)} returned"
    return signal, tuple(tape)


def _backward(network, tape, g, where):
    gradient: list[tuple] = []
    for number, (part, written) in reversed(list(enumerate(zip(network, tape, strict=True)))):
        place = f"{where}[{number}]"
        if isinstance(part, Residual):
            around, own = _backward(part.layers, written, g, f"{place}.layers")
            g = g + around
        else:
            g, *own = pull(part, written, g, place)
        gradient.append(tuple(own))
    return g, tuple(reversed(gradient))


def _arguments(layer, own, signal, named, own_place):
    """All arguments of a layer, the signal in its place."""
    place = place_of_signal(layer.f)
    arguments = (*own[:place], signal, *own[place:])
    try:
        inspect.signature(layer.f).bind(*arguments, **layer.settings)
    except TypeError as error:
        names = list(arguments_of(layer.f))
        wanted = ", ".join(names[:place] + names[place + 1 :])
        raise ValueError(
            f"{named} takes the signal and ({wanted}), but {own_place} holds {len(own)} arguments "
            f"and its settings are {layer.settings}: {error}."
        ) from error
    return arguments


@contextlib.contextmanager
def _told_of(named):
    """Say which layer it was."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{named}: {error}") from error


def _with_zeros(layer, arguments, g):
    """The cotangent of all outputs of a layer: g of the signal, zero of the others, such as statistics."""
    if hasattr(inspect.signature(layer.f).return_annotation, "dim_str"):  # one array, as it says
        return g
    outputs = jax.eval_shape(functools.partial(layer.f, **layer.settings), *map(_again, arguments))
    if not isinstance(outputs, tuple):
        return g
    zeros = jax.tree.map(lambda other: jnp.zeros(other.shape, other.dtype), outputs)
    return zeros._replace(**{zeros._fields[0]: g}) if hasattr(zeros, "_fields") else (g, *zeros[1:])


def _again(argument):
    """A key may be used once more on purpose: the noise is that of the tape."""
    return jax.random.clone(argument) if is_key(argument) else argument


def check_one_number(network: Network, value: Any) -> None:
    """Refuse a network whose output is not one number."""
    if jnp.shape(value) != ():
        last = named(network[-1], f"network[{len(network) - 1}]") if network else "it has no layer and"
        raise ValueError(
            f"the network must end in one number, but {last} returned the shape {jnp.shape(value)}: end it with a loss "
            "per example and weighted_mean."
        )


def check_one_number_per_example(losses: Any, inputs: Any) -> None:
    """Refuse a loss of any other shape."""
    if jnp.shape(losses) != jnp.shape(inputs)[:1]:
        raise ValueError(
            f"the network must end in a loss that returns one number per example, {jnp.shape(inputs)[:1]}, "
            f"but its last layer returned {jnp.shape(losses)}: sum over the other axes."
        )


def check_derivations(network: Any, where: str = "network") -> None:
    """Refuse a network with a layer that has no derivation, by its place."""
    for number, part in enumerate(network):
        place = f"{where}[{number}]"
        if isinstance(part, Residual):
            check_derivations(part.layers, f"{place}.layers")
        elif not (isinstance(part, Layer) and callable(part.f_vjp)):
            raise ValueError(f"{named(part, place)} has no derivation: give Layer(f, f_vjp), or layer(f).")


def named(part: Any, place: str) -> str:
    """A layer by its place and name."""
    name = "Residual" if isinstance(part, Residual) else name_of(part.f) if isinstance(part, Layer) else repr(part)
    return f"{place} ({name})"
