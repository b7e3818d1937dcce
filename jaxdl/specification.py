"""A network from a line of text, such as 784-16-10 or 28x28x1-6@5p2-max2-16@5-max2-120-10."""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation import Layer, Network, Own, convolution_of, layer

SIZE = r"[1-9]\d{0,5}"
INPUT = re.compile(f"{SIZE}(x{SIZE}x{SIZE})?")
DENSE = re.compile(SIZE)
CONVOLUTION = re.compile(rf"({SIZE})@({SIZE})(?:p(?P<padding>\d{{1,6}}))?(?:s(?P<stride>{SIZE}))?")
POOLING = re.compile(f"(max|avg)({SIZE})")


class LayerCost(NamedTuple):
    """What one layer costs for one example."""

    layer: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


class Specified(NamedTuple):
    """A network, the shapes of its layers' own arguments and of a batch of inputs, and what its layers cost."""

    network: Network
    own: Own
    inputs: jax.ShapeDtypeStruct
    costs: tuple[LayerCost, ...]


def specified(text: str, batch: int) -> Specified:
    """The network that a text describes: its input, then its layers, joined by -.

    The input is a number of features, or an image HEIGHTxWIDTHxCHANNELS; no size has more than six digits. A layer is a
    number of features (dense), FILTERS@KERNEL with p and a padding, s and a stride where these are not 0 and 1
    (convolution), or maxWINDOW or avgWINDOW (pooling without overlap). ReLU follows dense layers and convolutions but
    for the last layer; a dense layer at the end gets a mean cross-entropy. Raises ValueError for a text that says
    anything else, for an image that a dense layer has flattened already, and for a kernel or window that does not fit.
    """
    first, *words = text.split("-")
    if not INPUT.fullmatch(first) or not words or batch < 1:
        raise ValueError(
            "a network must be an input and its layers joined by -, such as 784-16-10 or 28x28x1-6@5-max2-10, and "
            f"batch positive, but were {text!r} and {batch}."
        )
    shape = tuple(map(int, first.split("x")))
    inputs = _floats(batch, *shape)
    parts: list[tuple[Layer, tuple[Any, ...]]] = []
    costs = []
    for number, word in enumerate(words, 1):
        try:
            added, cost = _layer_of(word, shape)
        except ValueError as error:
            raise ValueError(
                f"layer {number} of the network, {word!r}, given {'×'.join(map(str, shape))}: {error}"
            ) from error
        bends = cost.parameters and number < len(words)
        parts += [*added, (layer(F.relu), ())] if bends else added
        costs.append(cost)
        shape = cost.output
    if DENSE.fullmatch(words[-1]):
        labels = jax.ShapeDtypeStruct((batch,), jnp.int32)
        parts += [(layer(F.cross_entropy), (labels,)), (layer(F.weighted_mean), (_floats(batch),))]
    network, own = zip(*parts, strict=True)
    return Specified(network, own, inputs, tuple(costs))


def _layer_of(word, shape):
    """The layers of a word with their own arguments, and their cost."""
    if DENSE.fullmatch(word):
        size, features = math.prod(shape), int(word)
        dense = (layer(F.dense), (_floats(size, features), _floats(features)))
        flattened = [dense] if len(shape) == 1 else [(layer(F.reshape), ()), dense]
        return flattened, LayerCost("dense", (features,), (size + 1) * features, size * features)
    convolution, pooling = CONVOLUTION.fullmatch(word), POOLING.fullmatch(word)
    if (convolution or pooling) and len(shape) != 3:
        raise ValueError("a convolution and a pooling need an image, HEIGHTxWIDTHxCHANNELS.")
    if convolution:
        filters, kernel = map(int, convolution.groups()[:2])
        padding, stride = int(convolution["padding"] or 0), int(convolution["stride"] or 1)
        settled = convolution_of(shape, kernel, filters, padding, stride)
        settings = {"stride": (stride, stride), "padding": ((padding, padding), (padding, padding))}
        own = (_floats(kernel, kernel, shape[2], filters), _floats(filters))
        cost = LayerCost(f"{filters} filters {kernel}×{kernel}×{shape[2]}", *settled)
        return [(layer(F.conv2d, settings), own)], cost
    if pooling:
        kind, size = pooling[1], int(pooling[2])
        height, width = (F.output_size(pixels, size, stride=size) for pixels in shape[:2])
        pool = layer({"max": F.max_pool, "avg": F.avg_pool}[kind], {"window": (size, size), "stride": (size, size)})
        return [(pool, ())], LayerCost(f"{kind} of {size}×{size}", (height, width, shape[2]), 0, 0)
    raise ValueError("a layer must be written as 16 (dense), 6@5p2s1 (convolution), max2 or avg2 (pooling).")


def _floats(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)
