"""Conversion of the parameters of each kind of layer between jaxdl and PyTorch.

A layer is a dict of arrays under jaxdl's names, and a dict of PyTorch's entries under their names without the prefix of
the layer ("weight", not "fc1.weight"). Kernels are (inputs, outputs) and (rows, columns, channels, filters) in jaxdl,
(outputs, inputs) and (filters, channels, rows, columns) in PyTorch.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from jaxdl.models.blocks import Conv, Dense, Embed, Flatten
from jaxdl.models.call_recorder import Recording
from jaxdl.models.norms import BatchNorm, GroupNorm, LayerNorm
from jaxdl.models.recurrent import GRU, LSTM, RNN

Arrays = dict[str, Array]


class Conversion(NamedTuple):
    """Conversion of the parameters of one kind of layer.

    Both functions take the arrays, and the shape of the image whose flattened pixels the layer receives, or ().

    Attributes:
        to_pytorch: Converts jaxdl's arrays to PyTorch's entries.
        from_pytorch: Converts PyTorch's entries to jaxdl's arrays.
    """

    to_pytorch: Callable[[Arrays, tuple[int, ...]], Arrays]
    from_pytorch: Callable[[Arrays, tuple[int, ...]], Arrays]


def _dense(params, image):
    """Reorder the rows of the kernel: jaxdl flattens an image pixel by pixel, PyTorch channel by channel."""
    kernel = params["kernel"]
    by_channel = jnp.moveaxis(kernel.reshape(*image, -1), -2, 0) if image else kernel
    return _weight(params, by_channel.reshape(kernel.shape).T)


def _dense_back(entries, image):
    kernel = entries["weight"].T
    by_pixel = jnp.moveaxis(kernel.reshape(*image[-1:], *image[:-1], -1), 0, -2) if image else kernel
    return _kernel(entries, by_pixel.reshape(kernel.shape))


def _conv(params, image):  # noqa: ARG001
    return _weight(params, params["kernel"].transpose(3, 2, 0, 1))


def _conv_back(entries, image):  # noqa: ARG001
    return _kernel(entries, entries["weight"].transpose(2, 3, 1, 0))


def _weight(params, weight):
    return {"weight": weight, **({"bias": params["bias"]} if "bias" in params else {})}


def _kernel(entries, kernel):
    return {"kernel": kernel, **({"bias": entries["bias"]} if "bias" in entries else {})}


def _renamed(**names):
    """Return the conversion of a layer whose arrays only have other names in PyTorch: `jaxdl="pytorch"`."""
    return Conversion(
        lambda params, image: {pytorch: params[jaxdl] for jaxdl, pytorch in names.items()},  # noqa: ARG005
        lambda entries, image: {jaxdl: entries[pytorch] for jaxdl, pytorch in names.items()},  # noqa: ARG005
    )


def _recurrent(params, image):  # noqa: ARG001
    """Fill PyTorch's second bias, which is added to the first, with zeros, and with the candidate bias of a GRU."""
    second = jnp.zeros_like(params["bias"])
    if "candidate_bias" in params:
        second = second.at[-len(params["candidate_bias"]) :].set(params["candidate_bias"])
    return {
        "weight_ih_l": params["input_kernel"].T,
        "weight_hh_l": params["hidden_kernel"].T,
        "bias_ih_l": params["bias"],
        "bias_hh_l": second,
    }


def _recurrent_back(entries, image):  # noqa: ARG001
    first, second = entries["bias_ih_l"], entries["bias_hh_l"]
    return {
        "input_kernel": entries["weight_ih_l"].T,
        "hidden_kernel": entries["weight_hh_l"].T,
        "bias": first + second,
    }


def _gru_back(entries, image):
    gates, first, second = 2 * entries["weight_hh_l"].shape[1], entries["bias_ih_l"], entries["bias_hh_l"]
    bias = first.at[:gates].add(second[:gates])
    return {**_recurrent_back(entries, image), "bias": bias, "candidate_bias": second[gates:]}


CONVERSIONS: dict[type, Conversion] = {
    Dense: Conversion(_dense, _dense_back),
    Conv: Conversion(_conv, _conv_back),
    BatchNorm: _renamed(scale="weight", bias="bias", mean="running_mean", var="running_var"),
    LayerNorm: _renamed(scale="weight", bias="bias"),
    GroupNorm: _renamed(scale="weight", bias="bias"),
    Embed: _renamed(embedding="weight"),
    RNN: Conversion(_recurrent, _recurrent_back),
    LSTM: Conversion(_recurrent, _recurrent_back),
    GRU: Conversion(_recurrent, _gru_back),
}


def conversion_of(module: Any) -> Conversion | None:
    """Return the conversion of a layer, or None if the module is not one of jaxdl's layers with parameters.

    Raises:
        ValueError: If PyTorch has no such layer.
    """
    if isinstance(module, GRU) and not module.reset_after:
        raise ValueError("PyTorch's GRU resets after the matrix product, got a GRU with reset_after=False. Use True.")
    return next((conversion for kind, conversion in CONVERSIONS.items() if isinstance(module, kind)), None)


def flattened_images(recording: Recording) -> dict[int, tuple[int, ...]]:
    """Return the image shape for each call, by number, of a dense layer that receives a flattened image.

    Images of one channel or one pixel are left out, because their order is the same in PyTorch.

    Raises:
        ValueError: If a flattened image of several channels goes anywhere but into dense layers, where PyTorch's order
            of the numbers would change the result.
    """
    images = {}
    for number, equation in recording.equations:
        if equation.primitive.name != "reshape":
            continue
        before, after = equation.invars[0].aval.shape, equation.outvars[0].aval.shape
        if not _flattens_image(before, after):
            continue
        users = [user for user, other in recording.equations if any(v is equation.outvars[0] for v in other.invars)]
        flattener, *receivers = (
            recording.calls[call].module if call is not None else None for call in (number, *users)
        )
        if not receivers or not isinstance(flattener, Flatten) or not all(isinstance(to, Dense) for to in receivers):
            raise ValueError(
                f"cannot convert a model that flattens an image of several channels, {before[1:]}, other than by "
                "jaxdl.models.Flatten for dense layers alone: PyTorch orders the numbers channel by channel."
            )
        images.update({call: before[1:] for call in users if call is not None})
    return images


def _flattens_image(before, after):
    """Return whether a reshape turns images of several pixels and several channels into vectors."""
    return len(before) == 4 and after == (before[0], math.prod(before[1:])) and math.prod(before[1:3]) > 1 < before[3]
