"""The dense layer: every output is a weighted sum of every input."""

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
    r"""Pull $g = \partial L / \partial y$ back to $(x, W, b)$.

    $\partial y_{no} / \partial x_{ni} = W_{io}$, hence $\bar x = g W^\top$. Every example sees the same $W$ and
    $b$, so their gradients are sums over the batch: $\bar W = x^\top g$ and $\bar b = \sum_n g_n$.
    """
    return g @ weights.T, x.T @ g, g.sum(axis=0)
