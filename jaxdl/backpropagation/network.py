"""Networks as data: tuples of layers and of residual sums around layers."""

import inspect
import sys
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

from typing_extensions import TypeAliasType

from jaxdl.derivation import arguments_of


class Layer(NamedTuple):
    """A function and its VJP.

    The *input* of a layer is the output of the layer before it. It takes the place of the first floating argument of
    `f` if every argument of `f` is annotated with shape and dtype, else the place of the first argument. Keys and
    indices may therefore precede it: the input of `dropout` follows a key, and the input of `embed` is the table. If
    `f` returns a tuple, its first entry is the output of the layer.

    Attributes:
        f: The function.
        f_vjp: Its VJP: `f_vjp(g, *arguments, **settings)` returns a tuple with one cotangent for each floating
            argument of `f`.
        settings: Keyword arguments of both functions.
    """

    f: Callable
    f_vjp: Callable
    settings: dict[str, Any] = {}  # noqa: RUF012  never mutated


class Residual(NamedTuple):
    r"""The sum $y = x + F(x)$ of an input and the output of layers $F$.

    The output of the layers has the shape of their input. The cotangent of the sum flows along both paths, hence
    $\bar x = g + g\,\partial F / \partial x$.

    References:
        He et al., *Deep residual learning for image recognition* (2016).

    Attributes:
        layers: The layers $F$.
    """

    layers: "Network"


Network = TypeAliasType("Network", tuple[Layer | Residual, ...])
"""Layers in the order in which they are applied."""

LayerArguments = TypeAliasType("LayerArguments", tuple[tuple[Any, ...], ...])
"""For each layer, its arguments other than its input: parameters, labels, weights, a key.

For a `Residual`, the LayerArguments of its layers.
"""


def layer(f: Callable, settings: dict[str, Any] = {}) -> Layer:  # noqa: B006  never mutated
    """Pair a function with the VJP of the same module: `f` with `f_vjp`.

    Args:
        f: A function such as `jaxdl.functional.softmax`.
        settings: Keyword arguments of `f` and `f_vjp`.

    Returns:
        The layer `Layer(f, f_vjp, settings)`.

    Raises:
        ValueError: If the module of `f` defines no `f_vjp`.

    Example:
        >>> from jaxdl.backpropagation import layer
        >>> softmax = layer(F.softmax, {"temperature": 2.0})
        >>> softmax.f_vjp is F.softmax_vjp
        True
        >>> layer(jnp.sin)
        Traceback (most recent call last):
            ...
        ValueError: sin has no VJP: its module ... defines no sin_vjp. Define it there, or use Layer(f, f_vjp).
    """
    name, module = function_name(f), getattr(f, "__module__", None) or ""
    f_vjp = getattr(sys.modules.get(module), f"{name}_vjp", None)
    if f_vjp is None:
        raise ValueError(
            f"{name} has no VJP: its module {module} defines no {name}_vjp. Define it there, or use Layer(f, f_vjp)."
        )
    return Layer(f, f_vjp, settings)


def check_arguments(network: Any, arguments: Any, path: str = "network", arguments_path: str = "arguments") -> None:
    """Raise ValueError unless every entry is a Layer or a Residual and has one tuple of arguments."""
    for number, part in enumerate(network):
        if not isinstance(part, Layer | Residual):
            raise ValueError(
                f"{path}[{number}] must be a Layer or a Residual, got {part!r}. Use layer(f) or Layer(f, f_vjp)."
            )
    if len(arguments) != len(network):
        raise ValueError(
            f"{arguments_path} must hold one tuple for each of the {len(network)} layers, got {len(arguments)}. "
            "Use () for a layer without arguments."
        )


def function_name(f: Callable) -> str:
    """Return the name of a function, or λ if it has none."""
    name = getattr(f, "__name__", type(f).__name__)
    return name if name.isidentifier() else "λ"


def layer_label(part: Any, path: str) -> str:
    """Return the position and name of a layer for error messages, such as `network[2] (dense)`."""
    match part:
        case Residual():
            name = "Residual"
        case Layer():
            name = function_name(part.f)
        case _:
            name = repr(part)
    return f"{path} ({name})"


def count_outputs(f: Callable) -> int:
    """Return the number of outputs in the return annotation of a function, or 1 without such an annotation."""
    returned = inspect.signature(f).return_annotation
    return len(typing.get_args(returned)) if typing.get_origin(returned) is tuple else 1


def has_shape_annotations(f: Callable) -> bool:
    """Return whether every argument of `f` is annotated with shape and dtype."""
    return all(hasattr(annotation, "dim_str") for annotation in arguments_of(f).values())


def input_position(f: Callable) -> int:
    """Return the position of the argument that receives the layer's input.

    This is the first floating argument; 0 if an argument has no shape annotation or none is floating.
    """
    if not has_shape_annotations(f):
        return 0
    floating = ["float" in str(annotation.dtypes) for annotation in arguments_of(f).values()]
    return floating.index(True) if True in floating else 0
