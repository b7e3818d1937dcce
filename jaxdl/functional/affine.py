"""Affine maps: outputs that are weighted sums of the inputs, or of all products of two inputs."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import check_annotations


def dense(
    x: Float[Array, "batch inputs"],
    weights: Float[Array, "inputs outputs"],
    bias: Float[Array, "outputs"],
) -> Float[Array, "batch outputs"]:
    r"""Fully connected layer: an affine map of every example.

    $$
    y_{no} = \sum_i x_{ni} W_{io} + b_o
    $$

    Args:
        x: Inputs $x$ of shape (batch, inputs).
        weights: Weights $W$ of shape (inputs, outputs), the transpose of PyTorch's.
        bias: Bias $b$ of shape (outputs,).

    Returns:
        Outputs of shape (batch, outputs).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation; a bias of shape (1,) is not broadcast.

    References:
        Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 6.1.

    Example:
        >>> x, weights, bias = jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0], [6.0, 7.0]]), jnp.array([0.5, 0.0])
        >>> F.dense(x, weights, bias).tolist()  # 1 * 3 + 2 * 6 + 0.5 and 1 * 4 + 2 * 7 + 0
        [[15.5, 18.0]]
    """
    check_annotations(dense, x, weights, bias)
    return x @ weights + bias


def dense_vjp(g, x, weights, bias):
    r"""Pull $g = \partial J / \partial y$ back to $(x, W, b)$.

    Output $o$ of example $n$ is $y_{no} = \sum_i x_{ni} W_{io} + b_o$. Its derivatives are

    $$
    \frac{\partial y_{no}}{\partial x_{ni}} = W_{io}, \qquad
    \frac{\partial y_{no}}{\partial W_{io}} = x_{ni}, \qquad
    \frac{\partial y_{no}}{\partial b_o} = 1,
    $$

    and all others are 0. An input reaches all outputs of its own example, so the chain rule sums over the outputs $o$.
    A weight and a bias reach only one output, but that of every example, because all examples share them. So there the
    chain rule sums over the batch:

    $$
    \bar x_{ni} = \sum_o g_{no} W_{io}, \qquad
    \bar W_{io} = \sum_n x_{ni}\, g_{no}, \qquad
    \bar b_o = \sum_n g_{no} .
    $$

    The first two sums are matrix products:

    $$
    \bar x = g W^\top, \qquad
    \bar W = x^\top g, \qquad
    \bar b = \sum_n g_n .
    $$
    """
    return g @ weights.T, x.T @ g, g.sum(axis=0)


def bilinear(
    x: Float[Array, "batch left"],
    y: Float[Array, "batch right"],
    weights: Float[Array, "left right outputs"],
    bias: Float[Array, "outputs"],
) -> Float[Array, "batch outputs"]:
    r"""Bilinear layer: a weighted sum of all products of two inputs.

    $$
    z_{no} = \sum_{ij} x_{ni} W_{ijo} y_{nj} + b_o
    $$

    If one input is held fixed, the map is affine in the other.

    Args:
        x: Left inputs $x$ of shape (batch, left).
        y: Right inputs $y$ of shape (batch, right).
        weights: Weights $W$ of shape (left, right, outputs); PyTorch's axes are (outputs, left, right).
        bias: Bias $b$ of shape (outputs,).

    Returns:
        Outputs of shape (batch, outputs).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Tenenbaum and Freeman, *Separating style and content with bilinear models* (2000), section 2.

    Example:
        >>> x, y = jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 5.0]])
        >>> weights = jnp.array([[1.0, 0.0], [0.0, 10.0]])[:, :, None]  # of x0 y0 and of x1 y1
        >>> F.bilinear(x, y, weights, jnp.zeros(1)).tolist()  # 1 * 3 + 10 * 2 * 5
        [[103.0]]
    """
    check_annotations(bilinear, x, y, weights, bias)
    return jnp.einsum("ni,ijo,nj->no", x, weights, y) + bias


def bilinear_vjp(g, x, y, weights, bias):
    r"""Pull $g$ back to $(x, y, W, b)$.

    Each product $x_{ni} W_{ijo} y_{nj}$ is linear in each of its three factors, so its derivative with respect to one
    factor is the product of the other two. The chain rule sums over all products with that factor:

    $$
    \begin{aligned}
    \bar x_{ni} &= \sum_{jo} g_{no} W_{ijo} y_{nj} \\
    \bar y_{nj} &= \sum_{io} g_{no} x_{ni} W_{ijo} \\
    \bar W_{ijo} &= \sum_n g_{no} x_{ni} y_{nj}
    \end{aligned}
    $$

    All examples share the bias, hence $\bar b = \sum_n g_n$.
    """
    x_bar = jnp.einsum("no,ijo,nj->ni", g, weights, y)
    y_bar = jnp.einsum("no,ni,ijo->nj", g, x, weights)
    weights_bar = jnp.einsum("no,ni,nj->ijo", g, x, y)
    return x_bar, y_bar, weights_bar, g.sum(axis=0)
