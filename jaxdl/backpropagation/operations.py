"""Number of arithmetic operations of a function, counted in its jaxpr."""

import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.extend import core

FREE_PRIMITIVES = {
    *("broadcast_in_dim", "expand_dims", "reshape", "rev", "squeeze", "transpose"),
    *("concatenate", "dynamic_slice", "dynamic_update_slice", "gather", "pad", "scatter", "slice", "split"),
    *("bitcast_convert_type", "convert_element_type", "random_unwrap", "random_wrap"),
    *("copy", "copy_p", "iota", "stop_gradient"),
}
"""Primitives that move or convert numbers without computing any."""

REDUCTIONS = {
    *("argmax", "argmin", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum"),
    *("reduce_and", "reduce_or"),
}
"""Primitives that combine k numbers by k - 1 operations."""


def count_operations(f: Any, *arguments: Any) -> int:
    """Count the scalar operations of `f(*arguments)` in its jaxpr.

    - An elementwise operation counts one for each element of its output.
    - A product of matrices (n, k) and (k, m) counts 2nkm: a multiply-add counts as two.
    - A sum, product, maximum or minimum of k numbers counts k - 1.
    - Moving and converting numbers is free.
    - A scan counts as often as it runs; a while loop counts once, because its number of iterations is unknown.
    - Of the branches of a conditional the most expensive one counts. Of implementations for several platforms the
      default one counts.

    Args:
        f: A function that jax can trace.
        arguments: Its arguments, arrays or pytrees of arrays.

    Returns:
        The number of operations.

    Example:
        >>> from jaxdl.backpropagation import count_operations
        >>> count_operations(jnp.dot, jnp.ones(10), jnp.ones(10))  # 10 multiply-adds
        20
        >>> count_operations(lambda x: jnp.tanh(x).sum(), jnp.ones(10))  # 10 tanh and 9 additions
        19
    """
    return _count(jax.make_jaxpr(f)(*arguments).jaxpr)


def _count(jaxpr) -> int:
    return sum(map(_count_equation, jaxpr.eqns))


def _count_equation(equation) -> int:
    size = sum(math.prod(out.aval.shape) for out in equation.outvars)
    inner = [_count(jaxpr) for jaxpr in inner_jaxprs(equation)]
    match equation.primitive.name:
        case "dot_general" | "conv_general_dilated":
            return 2 * count_multiply_adds(equation)
        case name if name in REDUCTIONS:
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
            return 0 if name in FREE_PRIMITIVES else size


def count_multiply_adds(equation: Any) -> int:
    """Count the multiply-adds of one equation of a jaxpr: those of a matrix product or a convolution, 0 for any other.

    A convolution counts only products with numbers of the image, not with the zeros of its padding or dilation.

    Args:
        equation: An entry of `jaxpr.eqns`.

    Returns:
        The number of multiply-adds.

    Example:
        >>> from jaxdl.backpropagation import count_multiply_adds
        >>> product = jax.make_jaxpr(jnp.matmul)(jnp.ones((2, 3)), jnp.ones((3, 4)))
        >>> sum(map(count_multiply_adds, product.jaxpr.eqns))  # 2 * 3 * 4
        24
    """
    size = sum(math.prod(out.aval.shape) for out in equation.outvars)
    match equation.primitive.name:
        case "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            return size * math.prod(equation.invars[0].aval.shape[axis] for axis in contracted)
        case "conv_general_dilated":
            return _count_multiply_adds_of_convolution(equation)
    return 0


def _count_multiply_adds_of_convolution(equation):
    settings = equation.params
    image, kernel = (operand.aval.shape for operand in equation.invars)
    outputs = equation.outvars[0].aval.shape
    image_axes, kernel_axes, output_axes = settings["dimension_numbers"]
    pairs = outputs[output_axes[0]] * outputs[output_axes[1]] * kernel[kernel_axes[1]]
    spatial = zip(
        settings["window_strides"], settings["padding"], settings["lhs_dilation"], settings["rhs_dilation"], strict=True
    )
    for axis, (stride, padding, image_dilation, kernel_dilation) in enumerate(spatial, start=2):
        starts = np.arange(outputs[output_axes[axis]])[:, None] * stride - padding[0]
        positions = starts + np.arange(kernel[kernel_axes[axis]]) * kernel_dilation
        pixels, offsets = np.divmod(positions, image_dilation)
        pairs *= int(((offsets == 0) & (pixels >= 0) & (pixels < image[image_axes[axis]])).sum())
    return pairs


def inner_jaxprs(equation: Any) -> Iterator[Any]:
    """Yield the jaxprs inside an equation, such as the body of a scan or the branches of a conditional.

    Args:
        equation: An entry of `jaxpr.eqns`.

    Returns:
        The jaxprs, without their constants.

    Example:
        >>> from jaxdl.backpropagation import inner_jaxprs
        >>> loop = jax.make_jaxpr(lambda x: jax.lax.scan(lambda c, r: (c * r, None), x[0], x))(jnp.ones(3))
        >>> scan = next(equation for equation in loop.jaxpr.eqns if equation.primitive.name == "scan")
        >>> [str(equation.primitive) for body in inner_jaxprs(scan) for equation in body.eqns]
        ['mul']
    """
    for value in equation.params.values():
        for part in value if isinstance(value, tuple | list) else (value,):
            if isinstance(part, core.ClosedJaxpr):
                yield part.jaxpr
            elif isinstance(part, core.Jaxpr):
                yield part
