"""Worked examples, small enough to be followed with pencil and paper."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation.expressions import trace_expression
from jaxdl.backpropagation.formulas import formula_of
from jaxdl.backpropagation.network import Network, layer
from jaxdl.backpropagation.sweep import Own
from jaxdl.backpropagation.tracing import Step, trace

NOTATION = (
    "L is the last of x0, x1, x2, …, and ∂L/∂x has the shape of x. x @ w is the product of matrices, xᵀ the transpose; "
    "+ - * / ** go number by number; where(c, a, b) is a where c holds, else b. A sum or mean with axis=0 goes down "
    "every column, with axis=-1 along every row (keepdims leaves a column of results), without any over all numbers; "
    "g[:, None] is a row written as a column."
)


class Page(NamedTuple):
    """A title, the formula of what is differentiated, how to do it by hand and how it is written, and every step."""

    title: str
    formula: str
    by_hand: str
    notation: str
    steps: tuple[Step, ...]


def xor() -> Page:
    """The four points of XOR and a 2-2-1 network that is one weight away from solving it.

    With -2 in the place of its -1 the last row would come out as 0 (Goodfellow, Bengio and Courville, *Deep Learning*
    (2016), section 6.1).
    """
    inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    targets = jnp.array([[0.0], [1.0], [1.0], [0.0]])
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.squared_error, F.weighted_mean)))
    hidden, out = (jnp.ones((2, 2)), jnp.array([0.0, -1.0])), (jnp.array([[1.0], [-1.0]]), jnp.zeros(1))
    return _page(
        "XOR: dense, ReLU, dense, squared error",
        "The rows are the four points. Only the last comes out wrong, 1 in the place of 0, so that only its row of "
        "∂L/∂x3 is not 0. ReLU passes a cotangent on where it passed the signal on; where a unit stands at 0 exactly, "
        "the derivative is taken to be 0. The weights of a dense layer collect from all rows: xᵀ times the cotangent. "
        "The derivative with respect to the second of weights3 is positive, so that descent makes its -1 smaller, "
        "towards the -2 that solves XOR.",
        network,
        (hidden, (), out, (targets,), (jnp.ones(4),)),
        inputs,
    )


def classifier() -> Page:
    """Two classes, softmax and cross-entropy, in a 2-2-2 network whose logits are 0 and log 3."""
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.softmax, entropy_to, F.weighted_mean)))
    mirrored, log3 = jnp.array([[1.0, -1.0], [-1.0, 1.0]]), jnp.log(jnp.array(3.0))
    own = (
        *((mirrored, jnp.zeros(2)), (), (log3 * jnp.eye(2), jnp.zeros(2)), ()),
        *((jnp.array([[1.0, 0.0], [1.0, 0.0]]),), (jnp.ones(2),)),
    )
    return _page(
        "A classifier: dense, ReLU, dense, softmax, cross-entropy",
        "Both examples belong to the first class. Their logits are (log 3, 0) and (0, log 3), so that the first gets "
        "the probability 3/4 and the second 1/4: losses of log 4/3 and log 4. The mean of two passes on 1/2; through "
        "the cross-entropy comes that times -1/p to the probability of the class, and through the softmax what is "
        "left is that times p - t, the distribution that was given minus the one that was wanted: (-1/8, 1/8) and "
        "(-3/8, 3/8).",
        network,
        own,
        jnp.array([[2.0, 1.0], [1.0, 2.0]]),
    )


def convolution() -> Page:
    """A kernel of 2×2 over an image of 3×3, and the largest of what it gives.

    The image, the kernel and their product [[19, 25], [37, 43]] are those of Zhang et al., *Dive into Deep Learning*
    (2023), section 7.2.
    """
    network = tuple(map(layer, (F.conv2d, F.max_pool, F.reshape, F.squared_error, F.weighted_mean)))
    own = (
        (jnp.arange(4.0).reshape(2, 2, 1, 1), jnp.zeros(1)),
        *((), (), (jnp.array([[42.0]]),), (jnp.ones(1),)),
    )
    return _page(
        "A convolution and a pooling",
        "The kernel meets four patches of the image; its product with the last of them, 0·4 + 1·5 + 2·7 + 3·8 = 43, "
        "is the largest of the window of 2×2, and only that passes through the pooling, forward and backward. So the "
        "cotangent of the kernel is 2 times this patch, and that of the image 2 times the kernel, in the place of "
        "this patch. In general the kernel's is the cross-correlation of the image with the cotangent, and the "
        "image's the full convolution of the cotangent with the kernel.",
        network,
        own,
        jnp.arange(9.0).reshape(1, 3, 3, 1),
    )


def normalization() -> Page:
    """Batch normalization of four numbers whose deviation is 3, as a chain of three functions."""
    network = tuple(map(layer, (center, standardize, rescale, F.squared_error, F.weighted_mean)))
    targets = jnp.array([[-3.0], [-1.0], [-1.0], [1.0]])
    return _page(
        "Batch normalization of four numbers",
        "Less their mean 4, and divided by their deviation 3, the numbers 1, 3, 3, 9 are -1, -1/3, -1/3, 5/3. Only "
        "the last output misses its target, by 4, and yet all four inputs get a cotangent: each moves the mean and "
        "the deviation that the last is measured by. From (0, 0, 0, 6), the cotangent of the standard numbers h, "
        "comes through the division by the deviation what does not point along h, (g - h·mean(g·h)) / 3, and through "
        "the centring what is left without the mean: it sums to 0 and is orthogonal to h, for no shift and no "
        "stretching of all inputs changes anything.",
        network,
        ((), (), (jnp.array([3.0]), jnp.array([0.0])), (targets,), (jnp.ones(4),)),
        jnp.array([[1.0], [3.0], [3.0], [9.0]]),
    )


def scalars() -> Page:
    """The expression of two numbers in the README of micrograd (A. Karpathy): 24.7041, and 138.8338 and 645.5773."""
    text = (
        "c = a + b; d = a * b + b**3; c += c + 1; c += 1 + c + (-a); d += d * 2 + relu(b + a); d += 3 * d + relu(b - "
        "a); e = c - d; f = e**2; g = f / 2; g += 10 / f"
    )
    return Page(
        "The chain rule on numbers",
        text,
        "The last number, g_2, is differentiated. Operations inside others have names of their own, t1 to t15; a name "
        "that is assigned again has a number, c_2. Backward, the derivative with respect to a number is the sum over "
        "its uses, of each the derivative with respect to what was made of it, times the local derivative: 1 for a "
        "sum, the other factor for a product; (t12 > 0) is 1 or 0.",
        "",
        trace_expression(text, {"a": -4.0, "b": 2.0}),
    )


PAGES: dict[str, Callable[[], Page]] = {
    page.__name__: page for page in (xor, classifier, convolution, normalization, scalars)
}


def page(name: str) -> Page:
    """A worked example, computed in float64. Raises ValueError for a name that is none."""
    if name not in PAGES:
        raise ValueError(f"page must be one of {', '.join(PAGES)}, but was {name!r}.")
    with jax.enable_x64(True):
        return PAGES[name]()


def entropy_to(p: jax.Array, targets: jax.Array) -> jax.Array:
    r"""The cross-entropy $L_n = -\sum_c t_{nc} \log p_{nc}$ of probabilities; of logits see `cross_entropy`."""
    return -(targets * jnp.log(p)).sum(axis=-1)


def entropy_to_vjp(g, p, targets):
    r"""$\partial L_n / \partial p_{nc} = -t_{nc} / p_{nc}$ and $\partial L_n / \partial t_{nc} = -\log p_{nc}$."""
    return -g[:, None] * targets / p, -g[:, None] * jnp.log(p)


def center(x: jax.Array) -> jax.Array:
    r"""What is left without the mean, $c_n = x_n - \frac1N \sum_k x_k$."""
    return x - x.mean(axis=0)


def center_vjp(g, x):
    r"""$\partial c_k / \partial x_n = [k = n] - \frac1N$, hence $\bar x = g - \frac1N \sum_k g_k$."""
    return (g - g.mean(axis=0),)


def standardize(c: jax.Array) -> jax.Array:
    r"""Centred numbers over their deviation, $h_n = c_n / \sigma$ with $\sigma^2 = \frac1N \sum_k c_k^2$."""
    return c / jnp.sqrt((c**2).mean(axis=0))


def standardize_vjp(g, c):
    r"""Pull $g$ back.

    $\partial \sigma / \partial c_n = c_n / (N \sigma) = h_n / N$, so that
    $\partial h_k / \partial c_n = ([k = n] - \frac1N h_k h_n) / \sigma$, hence
    $\bar c = (g - h\,\frac1N \sum_k g_k h_k) / \sigma$.
    """
    return ((g - standardize(c) * (g * standardize(c)).mean(axis=0)) / jnp.sqrt((c**2).mean(axis=0)),)


def rescale(h: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    r"""Another deviation and mean, $y = \gamma h + \beta$."""
    return scale * h + bias


def rescale_vjp(g, h, scale, bias):
    r"""$\bar h = \gamma g$; shared by all rows, $\bar\gamma = \sum_n g_n h_n$ and $\bar\beta = \sum_n g_n$."""
    return scale * g, (g * h).sum(axis=0), g.sum(axis=0)


def _page(title: str, by_hand: str, network: Network, own: Own, inputs: jax.Array) -> Page:
    return Page(title, f"L = {formula_of(network, own)}", by_hand, NOTATION, trace(network, own, inputs))
