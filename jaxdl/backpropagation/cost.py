r"""What a gradient costs: by enumerating paths, forward mode, and the reverse sweep.

The derivative of a network's output with respect to one parameter is a sum over all paths from one to the other, each
the product of the local derivatives along it. The paths of a dense network multiply with every layer, $w^L$ for $L$
layers of $w$ units. Most share their ends: what leads from a unit to the output is the same for every parameter before
that unit. The sweep computes it once, as $\bar x$, and so costs a few times what the network itself costs: it is
dynamic programming. Forward mode shares the beginnings of paths instead, and pays once for each parameter.
Griewank and Walther, *Evaluating Derivatives* (2008), chapters 3 and 4.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from jaxdl.backpropagation.network import Network, Residual
from jaxdl.backpropagation.sweep import Own, Tape, backward, check_one_number_per_example, forward, push, separate
from jaxdl.derivation import is_floating

FREE = {
    *("broadcast_in_dim", "reshape", "squeeze", "transpose", "rev", "slice", "dynamic_slice", "dynamic_update_slice"),
    *(
        "concatenate",
        "pad",
        "gather",
        "scatter",
        "iota",
        "convert_element_type",
        "copy",
        "copy_p",
        "stop_gradient",
        "split",
    ),
    *("bitcast_convert_type", "random_wrap", "random_unwrap", "expand_dims"),
}


class Cost(NamedTuple):
    """Numbers of operations on single numbers; a multiply–add counts as two.

    `forward` is the network alone. The others are the gradient with respect to all `parameters`: `reverse` by the
    sweep, `forward_mode` by one directional derivative for each parameter, `enumeration` by the sum over all `paths`,
    each multiplied out by itself. All of them include what the network itself costs.
    """

    parameters: int
    paths: int
    forward: int
    reverse: int
    forward_mode: int
    enumeration: int


def cost(network: Network, params: Own, batch: tuple[Any, ...]) -> Cost:
    """What the gradient of a loss with respect to all parameters costs, in each of three ways.

    The network ends in a loss, one number per example, whose sum is what is differentiated. `params` holds the own
    arguments of every layer before it, and `batch` the arrays (inputs, *those of the loss*), as for `sgd_by_hand`. Of
    an argument that is not floating there is no derivative. The sweep is counted whole, with the cotangent of the
    inputs. Paths are counted by probing each layer with NaN in the place of every number it is given: meant for small
    networks, and for functions that keep NaN. Raises what `forward` raises, and ValueError where the loss returns other
    than one number per example.
    """
    inputs, *of_loss = batch
    floating, fill = separate(params)
    paths, factors = count_paths(network, params, batch)

    def losses(floating):
        return forward(network, (*fill(floating), tuple(of_loss)), inputs)

    def sweep(floating):
        value, tape = losses(floating)
        return backward(network, tape, jnp.ones_like(value))[1][:-1]

    alone = operations(lambda floating: losses(floating)[0], floating)
    in_one_direction = operations(lambda w: jax.jvp(lambda w: losses(w)[0], (w,), (w,)), floating)
    parameters = sum(map(jnp.size, floating))
    summing_paths = (factors - paths) + (paths - parameters)  # to multiply each one out, and to add them up
    return Cost(
        parameters, paths, alone, operations(sweep, floating), parameters * in_one_direction, alone + summing_paths
    )


def count_paths(network: Network, params: Own, batch: tuple[Any, ...]) -> tuple[int, int]:
    """The number of paths from parameters to losses, and of the local derivatives along all of them.

    A path has one factor for each layer that it goes through, and none for going around the layers of a Residual. The
    arguments are those of `cost`, and so is what is raised.
    """
    inputs, *of_loss = batch
    losses, tape = forward(network, (*params, tuple(of_loss)), inputs)
    check_one_number_per_example(losses, inputs)
    ways, lengths = np.full(losses.shape, 1, object), np.full(losses.shape, 0, object)
    (ways, lengths), _ = _count(network[-1:], tape[-1:], ways, lengths)
    return _count(network[:-1], tape[:-1], ways, lengths)[1]


def operations(f: Any, *arguments: Any) -> int:
    """The operations on single numbers that `f` takes, read off its jaxpr.

    An element computed is one; a product of matrices (n, k) and (k, m) is 2nkm, a sum of k numbers k - 1; moving
    numbers about is free. A scan counts as often as it runs, a while loop once (nobody knows how often it will), and of
    branches the dearest; of those for different platforms the last, for all that have none of their own.
    """
    return _operations(jax.make_jaxpr(f)(*arguments).jaxpr)


def _operations(jaxpr) -> int:
    return sum(_operations_of(equation) for equation in jaxpr.eqns)


def _operations_of(equation) -> int:
    size = sum(math.prod(out.aval.shape) for out in equation.outvars)
    inner = [_operations(part) for part in inner_jaxprs(equation)]
    match equation.primitive.name:
        case "dot_general" | "conv_general_dilated":
            return 2 * multiply_adds_of(equation)
        case (
            "reduce_sum"
            | "reduce_prod"
            | "reduce_max"
            | "reduce_min"
            | "reduce_and"
            | "reduce_or"
            | "argmax"
            | "argmin"
        ):
            return math.prod(equation.invars[0].aval.shape) - size
        case "scatter-add":
            return math.prod(equation.invars[2].aval.shape)
        case "scan":
            return equation.params["length"] * sum(inner)
        case "cond":
            return inner[-1] if equation.params.get("branches_platforms") else max(inner)
        case name if inner:
            return sum(inner)
        case name:
            return 0 if name in FREE else size


def multiply_adds_of(equation: Any) -> int:
    """The multiply–adds of an equation of a jaxpr that is a product of matrices or a convolution; of any other, 0."""
    size = sum(math.prod(out.aval.shape) for out in equation.outvars)
    match equation.primitive.name:
        case "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            return size * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        case "conv_general_dilated":
            return _multiply_adds_of_convolution(equation)
    return 0


def _multiply_adds_of_convolution(equation):
    """Those with numbers of the image: not with the zeros around it, or between its pixels."""
    settings = equation.params
    image, kernel = (operand.aval.shape for operand in equation.invars)
    outputs = equation.outvars[0].aval.shape
    of_image, of_kernel, of_outputs = settings["dimension_numbers"]
    pairs = outputs[of_outputs[0]] * outputs[of_outputs[1]] * kernel[of_kernel[1]]
    for axis, (stride, padding, between, apart) in enumerate(
        zip(
            settings["window_strides"],
            settings["padding"],
            settings["lhs_dilation"],
            settings["rhs_dilation"],
            strict=True,
        ),
        start=2,
    ):
        starts = np.arange(outputs[of_outputs[axis]])[:, None] * stride - padding[0]
        places = starts + np.arange(kernel[of_kernel[axis]]) * apart
        pixels, between_pixels = np.divmod(places, between)
        pairs *= int(((between_pixels == 0) & (pixels >= 0) & (pixels < image[of_image[axis]])).sum())
    return pairs


def inner_jaxprs(equation: Any) -> Iterator[Any]:
    """The jaxprs inside an equation, such as the body of a scan."""
    for value in equation.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(part, core.ClosedJaxpr):
                yield part.jaxpr
            elif isinstance(part, core.Jaxpr):
                yield part


def _count(network: Network, tape: Tape, ways, lengths):
    """From the ways and lengths of each number of the output: those of the input, and totals over own arguments."""
    paths = factors = 0
    for part, written in zip(reversed(network), reversed(tape), strict=True):
        if isinstance(part, Residual):
            (inner_ways, inner_lengths), (inner_paths, inner_factors) = _count(part.layers, written, ways, lengths)
            ways, lengths = ways + inner_ways, lengths + inner_lengths
            paths, factors = paths + inner_paths, factors + inner_factors
        else:
            (ways, lengths), *own = _through(part, written, ways, lengths)
            paths += sum(int(of_own.sum()) for of_own, _ in own)
            factors += sum(int(of_own.sum()) for _, of_own in own)
    return (ways, lengths), (paths, factors)


def _through(layer, arguments, ways, lengths):
    """The ways and lengths from each floating argument of a layer on; the layer's own derivative is one factor more."""
    for place, argument in enumerate(arguments):
        if is_floating(argument):
            edges = _edges(layer, arguments, place).astype(object)
            yield edges @ ways, edges @ (lengths + ways)


def _edges(layer, arguments, place):
    """Which numbers of the output (columns) each number of an argument (rows) reaches: NaN shows the way."""
    flat = jnp.ravel(arguments[place])

    def reached(poisoned):
        argument = jnp.where(poisoned, jnp.nan, flat).reshape(jnp.shape(arguments[place]))
        return jnp.isnan(jnp.ravel(push(layer, (*arguments[:place], argument, *arguments[place + 1 :]))))

    return np.asarray(jax.vmap(reached)(jnp.eye(flat.size, dtype=bool)))
