"""Worked examples of backpropagation, small enough for pencil and paper."""

import html
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

import jaxdl.functional as F
from jaxdl.backpropagation.expressions import trace_expression
from jaxdl.backpropagation.formulas import network_formula
from jaxdl.backpropagation.network import LayerArguments, Network, layer
from jaxdl.backpropagation.tracing import Trace, trace

NOTATION = (
    "L is the last of x0, x1, x2, …, and ∂L/∂x, the cotangent of x, has the shape of x. x @ w is the matrix product "
    "and xᵀ the transpose. + - * / ** are elementwise. where(c, a, b) is a where c is true, else b. sum and mean "
    "reduce each column with axis=0, each row with axis=-1 (keepdims keeps the results as a column), and all numbers "
    "without an axis. g[:, None] is a row written as a column."
)


class WorkedExample(NamedTuple):
    """A network or an expression with every step of its forward and reverse pass.

    Attributes:
        title: Title.
        formula: Formula of the number that is differentiated.
        by_hand: Explanation of the main steps by hand.
        notation: Explanation of the notation in the formulas; empty if none is needed.
        steps: All steps in the order of computation.
    """

    title: str
    formula: str
    by_hand: str
    notation: str
    steps: Trace

    def __repr__(self) -> str:
        """Return title, formula, steps and explanation as text."""
        return "\n\n".join(filter(None, (self.title, self.formula, repr(self.steps), self.by_hand, self.notation)))

    def _repr_html_(self) -> str:
        """Return title, formula, steps and explanation for a notebook."""
        texts = [f"<p>{html.escape(text)}</p>" for text in (self.formula, self.by_hand, self.notation) if text]
        return f"<h3>{html.escape(self.title)}</h3>{texts[0]}{self.steps._repr_html_()}{''.join(texts[1:])}"


def xor() -> WorkedExample:
    """Build a 2-2-1 network on the four points of XOR that differs from a solution in one weight.

    With -2 instead of its last weight -1 it would solve XOR (Goodfellow, Bengio and Courville, *Deep Learning* (2016),
    section 6.1).
    """
    inputs = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    targets = jnp.array([[0.0], [1.0], [1.0], [0.0]])
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.squared_error, F.weighted_mean)))
    hidden, out = (jnp.ones((2, 2)), jnp.array([0.0, -1.0])), (jnp.array([[1.0], [-1.0]]), jnp.zeros(1))
    return _network_example(
        "XOR: dense, ReLU, dense, squared error",
        "The rows are the four points of XOR. The network is wrong only for the last point: it returns 1 instead of 0. "
        "So only the last row of ∂L/∂x3 is not 0. ReLU passes a cotangent where its input is positive and blocks it "
        "elsewhere; at exactly 0 its derivative is taken to be 0. The gradient of the weights of a dense layer sums "
        "over all rows: xᵀ times the cotangent. The second entry of ∂L/∂weights3 is positive, so gradient descent "
        "lowers the second weight from -1 towards -2, the value that solves XOR.",
        network,
        (hidden, (), out, (targets,), (jnp.ones(4),)),
        inputs,
    )


def classifier() -> WorkedExample:
    """Build a 2-2-2 network with softmax and cross-entropy whose logits are 0 and log 3."""
    network = tuple(map(layer, (F.dense, F.relu, F.dense, F.softmax, cross_entropy_of_probabilities, F.weighted_mean)))
    weights, log3 = jnp.array([[1.0, -1.0], [-1.0, 1.0]]), jnp.log(jnp.array(3.0))
    arguments = (
        *((weights, jnp.zeros(2)), (), (log3 * jnp.eye(2), jnp.zeros(2)), ()),
        *((jnp.array([[1.0, 0.0], [1.0, 0.0]]),), (jnp.ones(2),)),
    )
    return _network_example(
        "A classifier: dense, ReLU, dense, softmax, cross-entropy",
        "Both examples belong to the first class. Their logits are (log 3, 0) and (0, log 3), so the first class has "
        "the probability 3/4 in the first example and 1/4 in the second. The losses are log 4/3 and log 4. The mean "
        "of two losses multiplies each cotangent by 1/2. The cross-entropy multiplies it by -1/p, where p is the "
        "probability of the first class. The softmax turns the result into half the difference between the predicted "
        "and the target distribution: (-1/8, 1/8) and (-3/8, 3/8).",
        network,
        arguments,
        jnp.array([[2.0, 1.0], [1.0, 2.0]]),
    )


def convolution() -> WorkedExample:
    """Build a convolution of a 3×3 image with a 2×2 kernel, followed by max pooling.

    The image, the kernel and the output [[19, 25], [37, 43]] are those of Zhang et al., *Dive into Deep Learning*
    (2023), section 7.2.
    """
    network = tuple(map(layer, (F.conv2d, F.max_pool, F.reshape, F.squared_error, F.weighted_mean)))
    arguments = (
        (jnp.arange(4.0).reshape(2, 2, 1, 1), jnp.zeros(1)),
        *((), (), (jnp.array([[42.0]]),), (jnp.ones(1),)),
    )
    return _network_example(
        "A convolution and a pooling",
        "The kernel covers four patches of the image. Its product with the last patch, 0·4 + 1·5 + 2·7 + 3·8 = 43, is "
        "the largest of the 2×2 pooling window, so only this product passes through the pooling, forward and backward. "
        "The target is 42, so the cotangent of this product is 2·(43 - 42) = 2. The cotangent of the kernel is "
        "therefore 2 times the last patch, and the cotangent of the image is 2 times the kernel, at the position of "
        "this patch. In general, the cotangent of the kernel is the cross-correlation of the image with the cotangent "
        "of the output, and the cotangent of the image is the full convolution of the cotangent of the output with "
        "the kernel.",
        network,
        arguments,
        jnp.arange(9.0).reshape(1, 3, 3, 1),
    )


def normalization() -> WorkedExample:
    """Build batch normalization of four numbers with standard deviation 3, as a chain of three functions."""
    network = tuple(map(layer, (center, standardize, rescale, F.squared_error, F.weighted_mean)))
    targets = jnp.array([[-3.0], [-1.0], [-1.0], [1.0]])
    return _network_example(
        "Batch normalization of four numbers",
        "The numbers 1, 3, 3, 9 have mean 4 and standard deviation 3, so the normalized numbers h are -1, -1/3, -1/3, "
        "5/3. Only the last output misses its target, by 4. Yet all four inputs get a cotangent, because each of them "
        "changes the mean and the standard deviation that normalize the last one. The cotangent of h is g = "
        "(0, 0, 0, 6). The division by the standard deviation removes the part of g along h: (g - h·mean(g·h)) / 3. "
        "The centering removes the mean of the result. The cotangent of the inputs therefore sums to 0 and is "
        "orthogonal to h: shifting or stretching all inputs changes no output.",
        network,
        ((), (), (jnp.array([3.0]), jnp.array([0.0])), (targets,), (jnp.ones(4),)),
        jnp.array([[1.0], [3.0], [3.0], [9.0]]),
    )


def scalars() -> WorkedExample:
    """Build the expression in the README of micrograd (A. Karpathy): value 24.7041, gradient 138.8338 and 645.5773."""
    text = (
        "c = a + b; d = a * b + b**3; c += c + 1; c += 1 + c + (-a); d += d * 2 + relu(b + a); d += 3 * d + relu(b - "
        "a); e = c - d; f = e**2; g = f / 2; g += 10 / f"
    )
    return WorkedExample(
        "The chain rule on numbers",
        text,
        "The last number, g_2, is differentiated. Operations inside others have names of their own, t1 to t15. A name "
        "that is assigned again gets a number, as in c_2. Backward, the derivative with respect to a number is a sum "
        "over its uses. Each term is the derivative with respect to the result of that use, times the local "
        "derivative. The local derivative of a sum is 1, and that of a product is the other factor. (t12 > 0) is 1 "
        "or 0.",
        "",
        trace_expression(text, {"a": -4.0, "b": 2.0}),
    )


WORKED_EXAMPLES: dict[str, Callable[[], WorkedExample]] = {
    example.__name__: example for example in (xor, classifier, convolution, normalization, scalars)
}


def worked_example(name: str) -> WorkedExample:
    """Compute a worked example in float64.

    Args:
        name: One of `WORKED_EXAMPLES`: xor, classifier, convolution, normalization, scalars.

    Returns:
        The example with all steps.

    Raises:
        ValueError: If there is no worked example of this name.

    Example:
        >>> from jaxdl.backpropagation import worked_example
        >>> steps = {step.name: step for step in worked_example("xor").steps}
        >>> steps["∂L/∂weights3"].formula
        'x2ᵀ @ ∂L/∂x3'
        >>> steps["∂L/∂weights3"].value.tolist()
        [[1.0], [0.5]]
    """
    if name not in WORKED_EXAMPLES:
        raise ValueError(f"unknown worked example {name!r}. Available: {', '.join(WORKED_EXAMPLES)}.")
    with jax.enable_x64(True):
        return WORKED_EXAMPLES[name]()


def cross_entropy_of_probabilities(p: jax.Array, targets: jax.Array) -> jax.Array:
    r"""Cross-entropy of probabilities, $L_n = -\sum_c t_{nc} \log p_{nc}$; `cross_entropy` takes logits."""
    return -(targets * jnp.log(p)).sum(axis=-1)


def cross_entropy_of_probabilities_vjp(g, p, targets):
    r"""$\partial L_n / \partial p_{nc} = -t_{nc} / p_{nc}$ and $\partial L_n / \partial t_{nc} = -\log p_{nc}$."""
    return -g[:, None] * targets / p, -g[:, None] * jnp.log(p)


def center(x: jax.Array) -> jax.Array:
    r"""Subtract the mean: $c_n = x_n - \frac1N \sum_k x_k$."""
    return x - x.mean(axis=0)


def center_vjp(g, x):
    r"""Pull $g$ back.

    An input $x_n$ is in $c_n$, and in every $c_k$ through the mean:

    $$
    \frac{\partial c_k}{\partial x_n} = [k = n] - \frac1N , \qquad \bar x_n = g_n - \frac1N \sum_k g_k .
    $$
    """
    return (g - g.mean(axis=0),)


def standardize(c: jax.Array) -> jax.Array:
    r"""Divide centered numbers by their standard deviation: $h_n = c_n / \sigma$, $\sigma^2 = \frac1N \sum_k c_k^2$."""
    return c / jnp.sqrt((c**2).mean(axis=0))


def standardize_vjp(g, c):
    r"""Pull $g$ back.

    The chain rule for $\sigma = \left(\frac1N \sum_k c_k^2\right)^{1/2}$ gives

    $$
    \frac{\partial \sigma}{\partial c_n} = \frac{1}{2 \sigma} \cdot \frac{2 c_n}{N} = \frac{h_n}{N} .
    $$

    The quotient rule for $h_k = c_k / \sigma$, with $c_k / \sigma = h_k$ in the second step, gives

    $$
    \frac{\partial h_k}{\partial c_n}
    = \frac{[k = n]}{\sigma} - \frac{c_k}{\sigma^2} \cdot \frac{h_n}{N}
    = \frac1\sigma \left([k = n] - \frac1N h_k h_n\right) .
    $$

    The chain rule multiplies by $g_k$ and sums over $k$:

    $$
    \bar c_n = \frac1\sigma \left(g_n - h_n\, \frac1N \sum_k g_k h_k\right) .
    $$
    """
    return ((g - standardize(c) * (g * standardize(c)).mean(axis=0)) / jnp.sqrt((c**2).mean(axis=0)),)


def rescale(h: jax.Array, scale: jax.Array, bias: jax.Array) -> jax.Array:
    r"""Set the standard deviation and the mean: $y = \gamma h + \beta$."""
    return scale * h + bias


def rescale_vjp(g, h, scale, bias):
    r"""$\bar h = \gamma g$; shared by all rows, $\bar\gamma = \sum_n g_n h_n$ and $\bar\beta = \sum_n g_n$."""
    return scale * g, (g * h).sum(axis=0), g.sum(axis=0)


def _network_example(
    title: str, by_hand: str, network: Network, arguments: LayerArguments, inputs: jax.Array
) -> WorkedExample:
    formula, steps = f"L = {network_formula(network, arguments)}", trace(network, arguments, inputs)
    return WorkedExample(title, formula, by_hand, NOTATION, steps)
