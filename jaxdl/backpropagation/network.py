"""What a network is: a tuple of layers and of sums around layers."""

import inspect
import sys
import typing
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxdl.derivation import arguments_of


class Layer(NamedTuple):
    """A function, its hand derivation, and the settings of both.

    The signal is f's first floating argument, where all annotations say what they are, else its first; keys and
    indices may precede it: of `embed` it is the table. Where f returns several outputs the first is the signal.
    """

    f: Callable
    f_vjp: Callable
    settings: dict[str, Any] = {}  # noqa: RUF012  nobody writes into it


class Residual(NamedTuple):
    r"""The sum $y = x + F(x)$ around layers $F$, whose output has the shape of their input.

    Its own arguments are a tuple of those of each layer. The cotangent of the sum goes both ways, hence
    $\bar x = g + g\,\partial F / \partial x$.
    He et al., *Deep residual learning for image recognition* (2016).
    """

    layers: "Network"


Network = tuple[Layer | Residual, ...]


def layer(f: Callable, settings: dict[str, Any] = {}) -> Layer:  # noqa: B006  nobody writes into it
    """The layer of a function beside which `f_vjp` stands: `layer(F.softmax, {"temperature": 2.0})`.

    Raises ValueError for a function without a derivation beside it.
    """
    name = name_of(f)
    f_vjp = getattr(sys.modules.get(getattr(f, "__module__", "")), f"{name}_vjp", None)
    if f_vjp is None:
        raise ValueError(
            f"f must have its derivation {name}_vjp beside it, but {name} has none: write it, or give Layer(f, f_vjp)."
        )
    return Layer(f, f_vjp, settings)


def check_own(network: Any, own: Any, where: str = "network", own_where: str = "own") -> None:
    """Refuse what is no layer, and own arguments of another number of layers."""
    for number, part in enumerate(network):
        if not isinstance(part, Layer | Residual):
            raise ValueError(
                f"{where}[{number}] must be a Layer or a Residual, but was {part!r}: give layer(f) or Layer(f, f_vjp)."
            )
    if len(own) != len(network):
        raise ValueError(
            f"{own_where} must hold a tuple of arguments for each of the {len(network)} layers, but holds {len(own)}: "
            "give () for a layer that has none."
        )


def name_of(f: Callable) -> str:
    """What a function is called; λ where it has no name."""
    name = getattr(f, "__name__", type(f).__name__)
    return name if name.isidentifier() else "λ"


def outputs_of(f: Callable) -> int:
    """How many outputs a function has, as its annotation says; one where it says nothing."""
    returned = inspect.signature(f).return_annotation
    return len(typing.get_args(returned)) if typing.get_origin(returned) is tuple else 1


def is_annotated(f: Callable) -> bool:
    """Do the annotations of all arguments say shape and dtype?"""
    return all(hasattr(annotation, "dim_str") for annotation in arguments_of(f).values())


def place_of_signal(f: Callable) -> int:
    """The number of the argument that is the signal; 0 where not all annotations say what is floating."""
    if not is_annotated(f):
        return 0
    floating = ["float" in str(annotation.dtypes) for annotation in arguments_of(f).values()]
    return floating.index(True) if True in floating else 0
