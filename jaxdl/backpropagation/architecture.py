"""Networks from one line of text, such as 784-16-10 or 28x28x1-6@5p2-max2-16@5-max2-120-10, and their cost."""

import math
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation.network import Layer, LayerArguments, Network, layer

SIZE = r"[1-9]\d{0,5}"
INPUT = re.compile(f"{SIZE}(x{SIZE}x{SIZE})?")
DENSE = re.compile(SIZE)
CONVOLUTION = re.compile(rf"({SIZE})@({SIZE})(?:p(?P<padding>\d{{1,6}}))?(?:s(?P<stride>{SIZE}))?")
POOLING = re.compile(f"(max|avg)({SIZE})")


class LayerCost(NamedTuple):
    """Cost of one layer for one example.

    Attributes:
        layer: Description, such as `dense` or `6 filters 5×5×1`.
        output: Shape of the output for one example.
        parameters: Number of parameters.
        multiply_adds: Number of multiply-adds.
    """

    layer: str
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


class ConvolutionCost(NamedTuple):
    """Cost of a convolution for one image.

    Attributes:
        output: Shape of the output, (height, width, filters).
        parameters: Number of parameters.
        multiply_adds: Number of multiply-adds.
    """

    output: tuple[int, int, int]
    parameters: int
    multiply_adds: int


class Architecture(NamedTuple):
    """A network without values.

    Attributes:
        network: The layers.
        arguments: Shapes and dtypes of the arguments of each layer other than its input.
        inputs: Shape and dtype of a batch of inputs.
        costs: Cost of each layer in the text.
    """

    network: Network
    arguments: LayerArguments
    inputs: jax.ShapeDtypeStruct
    costs: tuple[LayerCost, ...]


def parse_architecture(text: str, batch_size: int) -> Architecture:
    """Build the network that a text describes: its input and its layers, joined by `-`.

    - Input: a number of features, `784`, or an image HEIGHTxWIDTHxCHANNELS, `28x28x1`.
    - Dense layer: a number of features, `16`.
    - Convolution: FILTERS@KERNEL, then `p` and the padding unless 0, and `s` and the stride unless 1: `6@5p2s1`.
    - Pooling without overlap: `max2` or `avg2`.

    ReLU follows every dense layer and convolution except the last layer. If the last layer is dense, the network ends
    in the mean cross-entropy.

    Args:
        text: The description. No number has more than six digits.
        batch_size: Number of examples, at least 1.

    Returns:
        The network, the shapes of its arguments and inputs, and the cost of each layer.

    Raises:
        ValueError: If the text cannot be parsed, if a convolution or pooling follows a dense layer, or if a kernel or
            window does not fit.

    Example:
        >>> from jaxdl.backpropagation import parse_architecture
        >>> lenet = parse_architecture("32x32x1-6@5-max2-16@5-max2-120-84-10", batch_size=1)
        >>> sum(cost.parameters for cost in lenet.costs)
        61706
        >>> lenet.costs[0]
        LayerCost(layer='6 filters 5×5×1', output=(28, 28, 6), parameters=156, multiply_adds=117600)
    """
    first, *words = text.split("-")
    if not INPUT.fullmatch(first) or not words:
        raise ValueError(
            "a network must be an input and its layers joined by -, such as 784-16-10 or 28x28x1-6@5-max2-10, got "
            f"{text!r}."
        )
    if batch_size < 1:
        raise ValueError(f"the batch size must be at least 1, got {batch_size}.")
    shape = tuple(map(int, first.split("x")))
    inputs = _floats(batch_size, *shape)
    parts: list[tuple[Layer, tuple[Any, ...]]] = []
    costs = []
    for number, word in enumerate(words, 1):
        try:
            added, cost = _layers(word, shape)
        except ValueError as error:
            raise ValueError(
                f"layer {number} of the network, {word!r}, with input {'×'.join(map(str, shape))}: {error}"
            ) from error
        has_relu = cost.parameters and number < len(words)
        parts += [*added, (layer(F.relu), ())] if has_relu else added
        costs.append(cost)
        shape = cost.output
    if DENSE.fullmatch(words[-1]):
        labels = jax.ShapeDtypeStruct((batch_size,), jnp.int32)
        parts += [(layer(F.cross_entropy), (labels,)), (layer(F.weighted_mean), (_floats(batch_size),))]
    network, arguments = zip(*parts, strict=True)
    return Architecture(network, arguments, inputs, tuple(costs))


def convolution_cost(
    image: tuple[int, int, int], kernel: int, filters: int, padding: int, stride: int
) -> ConvolutionCost:
    r"""Compute the output shape, parameters and multiply-adds of a convolution with a square kernel.

    With $C$ channels and a kernel of side $k$, each filter has $k^2 C$ weights and a bias, and each number of the
    output takes $k^2 C$ multiply-adds. The height and width of the output are those of
    `jaxdl.functional.output_size`.

    Args:
        image: (height, width, channels).
        kernel: Side of the kernel in pixels.
        filters: Number of filters.
        padding: Pixels of zeros on each side.
        stride: TraceStep of the kernel in pixels.

    Returns:
        The cost for one image.

    Raises:
        ValueError: If the kernel is larger than the padded image.

    Example:
        >>> from jaxdl.backpropagation import convolution_cost
        >>> convolution_cost((227, 227, 3), kernel=11, filters=96, padding=0, stride=4)  # first layer of AlexNet
        ConvolutionCost(output=(55, 55, 96), parameters=34944, multiply_adds=105415200)
    """
    height, width = (F.output_size(size, kernel, stride=stride, padding=padding) for size in image[:2])
    weights = kernel * kernel * image[2]
    return ConvolutionCost((height, width, filters), filters * (weights + 1), height * width * filters * weights)


def _layers(word, shape):
    """Return the layers of one word with their arguments, and their cost."""
    if DENSE.fullmatch(word):
        size, features = math.prod(shape), int(word)
        dense = (layer(F.dense), (_floats(size, features), _floats(features)))
        layers = [dense] if len(shape) == 1 else [(layer(F.reshape), ()), dense]
        return layers, LayerCost("dense", (features,), (size + 1) * features, size * features)
    convolution, pooling = CONVOLUTION.fullmatch(word), POOLING.fullmatch(word)
    if (convolution or pooling) and len(shape) != 3:
        raise ValueError("a convolution or a pooling needs an image as input, HEIGHTxWIDTHxCHANNELS.")
    if convolution:
        filters, kernel = map(int, convolution.groups()[:2])
        padding, stride = int(convolution["padding"] or 0), int(convolution["stride"] or 1)
        cost = LayerCost(
            f"{filters} filters {kernel}×{kernel}×{shape[2]}",
            *convolution_cost(shape, kernel, filters, padding, stride),
        )
        settings = {"stride": (stride, stride), "padding": ((padding, padding), (padding, padding))}
        arguments = (_floats(kernel, kernel, shape[2], filters), _floats(filters))
        return [(layer(F.conv2d, settings), arguments)], cost
    if pooling:
        kind, size = pooling[1], int(pooling[2])
        height, width = (F.output_size(pixels, size, stride=size) for pixels in shape[:2])
        pool = layer({"max": F.max_pool, "avg": F.avg_pool}[kind], {"window": (size, size), "stride": (size, size)})
        return [(pool, ())], LayerCost(f"{kind} of {size}×{size}", (height, width, shape[2]), 0, 0)
    raise ValueError("a layer must be written as 16 (dense), 6@5p2s1 (convolution), max2 or avg2 (pooling).")


def _floats(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)
