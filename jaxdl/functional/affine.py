"""Affine maps: every output is a weighted sum of the inputs, or of all products of two inputs."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdl.functional._arguments import as_annotated


def dense(
    x: Float[Array, "batch inputs"],
    weights: Float[Array, "inputs outputs"],
    bias: Float[Array, "outputs"],
) -> Float[Array, "batch outputs"]:
    r"""The affine map $y_{no} = \sum_i x_{ni} W_{io} + b_o$.

    Raises where shapes or dtypes are not as annotated.
    Goodfellow, Bengio and Courville, *Deep Learning* (2016), section 6.1.
    """
    as_annotated(dense, x, weights, bias)
    return x @ weights + bias


def dense_vjp(g, x, weights, bias):
    r"""Pull $g = \partial J / \partial y$ back to $(x, W, b)$.

    $\partial y_{no} / \partial x_{ni} = W_{io}$, hence $\bar x = g W^\top$. Every example sees the same $W$ and
    $b$, so their gradients are sums over the batch: $\bar W = x^\top g$ and $\bar b = \sum_n g_n$.
    """
    return g @ weights.T, x.T @ g, g.sum(axis=0)


def bilinear(
    x: Float[Array, "batch left"],
    y: Float[Array, "batch right"],
    weights: Float[Array, "left right outputs"],
    bias: Float[Array, "outputs"],
) -> Float[Array, "batch outputs"]:
    r"""A weighted sum of all products of two inputs, $z_{no} = \sum_{ij} x_{ni} W_{ijo} y_{nj} + b_o$.

    With one of the inputs held fixed it is affine in the other. PyTorch's weights have the axes (outputs, left, right).
    Raises where shapes or dtypes are not as annotated.
    Tenenbaum and Freeman, *Separating style and content with bilinear models* (2000), section 2.
    """
    as_annotated(bilinear, x, y, weights, bias)
    return jnp.einsum("ni,ijo,nj->no", x, weights, y) + bias


def bilinear_vjp(g, x, y, weights, bias):
    r"""Pull $g$ back to $(x, y, W, b)$.

    Each product $x_{ni} W_{ijo} y_{nj}$ is linear in each of its three factors, so the derivative by one of them is the
    product of the other two: $\bar x_{ni} = \sum_{jo} g_{no} W_{ijo} y_{nj}$,
    $\bar y_{nj} = \sum_{io} g_{no} x_{ni} W_{ijo}$ and $\bar W_{ijo} = \sum_n g_{no} x_{ni} y_{nj}$. As every example
    sees the same bias, $\bar b = \sum_n g_n$.
    """
    x_bar = jnp.einsum("no,ijo,nj->ni", g, weights, y)
    y_bar = jnp.einsum("no,ni,ijo->nj", g, x, weights)
    weights_bar = jnp.einsum("no,ni,nj->ijo", g, x, y)
    return x_bar, y_bar, weights_bar, g.sum(axis=0)
