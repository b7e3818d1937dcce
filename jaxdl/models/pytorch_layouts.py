"""How PyTorch lays out each layer's parameters, and back.

A layer is a dict of our arrays, and a dict of PyTorch's entries, named by what follows the layer's own name. Kernels
are (inputs, outputs) and (rows, columns, channels, filters) here, (outputs, inputs) and (filters, channels, rows,
columns) there.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from jaxdl.models.blocks import Conv, Dense, Embed, Flatten
from jaxdl.models.listening import Heard
from jaxdl.models.norms import BatchNorm, GroupNorm, LayerNorm
from jaxdl.models.recurrent import Gru, Lstm, Rnn

Arrays = dict[str, Array]


class Layout(NamedTuple):
    """To PyTorch and back, for a layer and the shape of the image that a flattening before it has laid out."""

    to_pytorch: Callable[[Arrays, tuple[int, ...]], Arrays]
    from_pytorch: Callable[[Arrays, tuple[int, ...]], Arrays]


def _dense(of, image):
    """An image is flattened pixel by pixel here, and channel by channel there."""
    kernel = of["kernel"]
    by_channel = jnp.moveaxis(kernel.reshape(*image, -1), -2, 0) if image else kernel
    return _weight(of, by_channel.reshape(kernel.shape).T)


def _dense_back(of, image):
    kernel = of["weight"].T
    by_pixel = jnp.moveaxis(kernel.reshape(*image[-1:], *image[:-1], -1), 0, -2) if image else kernel
    return _kernel(of, by_pixel.reshape(kernel.shape))


def _conv(of, image):  # noqa: ARG001
    return _weight(of, of["kernel"].transpose(3, 2, 0, 1))


def _conv_back(of, image):  # noqa: ARG001
    return _kernel(of, of["weight"].transpose(2, 3, 1, 0))


def _weight(of, weight):
    return {"weight": weight, **({"bias": of["bias"]} if "bias" in of else {})}


def _kernel(of, kernel):
    return {"kernel": kernel, **({"bias": of["bias"]} if "bias" in of else {})}


def _renamed(**names):
    """A layer whose entries differ in nothing but their names: ours, and PyTorch's."""
    return Layout(
        lambda of, image: {theirs: of[ours] for ours, theirs in names.items()},  # noqa: ARG005
        lambda of, image: {ours: of[theirs] for ours, theirs in names.items()},  # noqa: ARG005
    )


def _recurrent(of, image):  # noqa: ARG001
    """PyTorch has a second bias, which adds to the first, but for the candidate of a GRU."""
    second = jnp.zeros_like(of["bias"])
    if "candidate_bias" in of:
        second = second.at[-len(of["candidate_bias"]) :].set(of["candidate_bias"])
    return {
        "weight_ih_l": of["input_kernel"].T,
        "weight_hh_l": of["hidden_kernel"].T,
        "bias_ih_l": of["bias"],
        "bias_hh_l": second,
    }


def _recurrent_back(of, image):  # noqa: ARG001
    first, second = of["bias_ih_l"], of["bias_hh_l"]
    return {"input_kernel": of["weight_ih_l"].T, "hidden_kernel": of["weight_hh_l"].T, "bias": first + second}


def _gru_back(of, image):
    gates, first, second = 2 * of["weight_hh_l"].shape[1], of["bias_ih_l"], of["bias_hh_l"]
    bias = first.at[:gates].add(second[:gates])
    return {**_recurrent_back(of, image), "bias": bias, "candidate_bias": second[gates:]}


LAYOUTS: dict[type, Layout] = {
    Dense: Layout(_dense, _dense_back),
    Conv: Layout(_conv, _conv_back),
    BatchNorm: _renamed(scale="weight", bias="bias", mean="running_mean", var="running_var"),
    LayerNorm: _renamed(scale="weight", bias="bias"),
    GroupNorm: _renamed(scale="weight", bias="bias"),
    Embed: _renamed(embedding="weight"),
    Rnn: Layout(_recurrent, _recurrent_back),
    Lstm: Layout(_recurrent, _recurrent_back),
    Gru: Layout(_recurrent, _gru_back),
}


def layout_of(module: Any) -> Layout | None:
    """The layout of a layer; None for what has none, such as a layer without parameters."""
    return next((layout for kind, layout in LAYOUTS.items() if isinstance(module, kind)), None)


def flattened_images(heard: Heard) -> dict[int, tuple[int, ...]]:
    """For the calls of dense layers that are given a flattened image of several channels, its shape.

    PyTorch lays the channels out one after the other, so that whatever else is given such a row would be given another
    one there. Raises ValueError where something is.
    """
    images = {}
    for number, equation in heard.equations:
        if equation.primitive.name != "reshape":
            continue
        before, after = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
        if not _flattens(before, after):
            continue
        users = [user for user, other in heard.equations if any(v is equation.outvars[0] for v in other.invars)]
        by, *to = (heard.calls[call].module if call is not None else None for call in (number, *users))
        if not to or not isinstance(by, Flatten) or not all(isinstance(module, Dense) for module in to):
            raise ValueError(
                f"an image of several channels, {before[1:]}, must be flattened by jaxdl.models.Flatten and given to "
                "dense layers alone to be exchanged: PyTorch has its numbers in another order."
            )
        images.update({call: before[1:] for call in users if call is not None})
    return images


def _flattens(before, after):
    """Is an image of several pixels and channels laid out in one row?"""
    return len(before) == 4 and after == (before[0], math.prod(before[1:])) and math.prod(before[1:3]) > 1 < before[3]
