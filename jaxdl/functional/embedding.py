"""Embeddings: integers select rows of a table of vectors, and the table is trained."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import check_annotations
from jaxdl.functional._validity import is_class, one_or_nan


def embed(ids: Integer[Array, "*shape"], table: Float[Array, "vocabulary features"]) -> Float[Array, "*shape features"]:
    """Embedding: look up one row of a table for each id.

    $y_{sf} = E_{k_s f}$ for the table $E$ and the ids $k$. It equals the product of one-hot vectors with the table.

    Args:
        ids: Row numbers $k$, of any shape and integer dtype. An id that is out of range (below 0, or at least the size
            of the vocabulary) gives NaN at its place and in the gradient of the table; PyTorch raises instead.
        table: Vectors $E$ of shape (vocabulary, features).

    Returns:
        One vector per id, of shape (*shape, features).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Bengio et al., *A neural probabilistic language model* (2003), section 2.

    Example:
        >>> table = jnp.array([[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]])
        >>> F.embed(jnp.array([2, 0, 2]), table).tolist()
        [[20.0, 21.0], [0.0, 1.0], [20.0, 21.0]]
        >>> F.embed(jnp.array([3]), table).tolist()
        [[nan, nan]]
    """
    check_annotations(embed, ids, table)
    rows, one = _rows(ids, table)
    return one * table[rows]


def embed_vjp(g, ids, table):
    r"""Pull $g$ back to the table.

    An output is a copy of one row: $\partial y_{sf} / \partial E_{vf} = [k_s = v]$. The chain rule sums over all places
    $s$ that looked up the row $v$:

    $$
    \bar E_v = \sum_{s:\; k_s = v} g_s
    $$

    Each $g_s$ is added to the row that was looked up. Repeated ids add up, and rows that were not looked up get 0.
    """
    rows, one = _rows(ids, table)
    return (jnp.zeros_like(table).at[rows].add(one * g),)


def embed_examples(random):
    """Repeated ids, unused rows, ids with several axes and none, small integer dtypes, ids out of range."""
    table = random.standard_normal((7, 4))
    yield (random.integers(0, 7, (9, 3)), table), {}
    yield (jnp.array(2), table), {}
    yield (jnp.array([3, 3, 5, 3]), table), {}
    yield (jnp.array([0, 127], jnp.int8), random.standard_normal((300, 2))), {}
    yield (jnp.array([2, -1, 0]), table), {}
    yield (jnp.array([2, 7, 0]), table), {}


def bag_of_embeddings(
    ids: Integer[Array, "batch bag"],
    weights: Float[Array, "batch bag"],
    table: Float[Array, "vocabulary features"],
) -> Float[Array, "batch features"]:
    r"""Weighted sum of rows of a table, in which the order does not matter.

    $$
    y_{nf} = \sum_j w_{nj}\, E_{k_{nj} f}
    $$

    as PyTorch's `embedding_bag(mode="sum")` with `per_sample_weights`. Weights of $1/n$ give the mean of $n$ rows.

    Args:
        ids: Row numbers $k$ of shape (batch, bag). Pad shorter bags with any valid id, such as 0, and the weight 0: it
            adds nothing to the output or to the gradient of the table. An id that is out of range gives NaN in the
            output of its bag and in the gradients of its weight and of the table, even if its weight is 0.
        weights: Weights $w$ of shape (batch, bag).
        table: Vectors $E$ of shape (vocabulary, features).

    Returns:
        One vector per bag, of shape (batch, features).

    Raises:
        TypeError: If a dtype differs from the annotation.
        ValueError: If a shape differs from the annotation.

    References:
        Joulin et al., *Bag of tricks for efficient text classification* (2017), section 2.

    Example:
        >>> table = jnp.array([[0.0, 1.0], [10.0, 11.0], [20.0, 21.0]])
        >>> ids, weights = jnp.array([[1, 2], [2, 0]]), jnp.array([[0.5, 0.5], [1.0, 0.0]])  # the second is padded
        >>> F.bag_of_embeddings(ids, weights, table).tolist()
        [[15.0, 16.0], [20.0, 21.0]]
    """
    check_annotations(bag_of_embeddings, ids, weights, table)
    return jnp.einsum("nj,njf->nf", weights, embed(ids, table))


def bag_of_embeddings_vjp(g, ids, weights, table):
    r"""Pull $g$ back to $(w, E)$.

    The output is a sum of products, and the derivative of a product with respect to one factor is the other factor. A
    weight scales all features of its row, so the chain rule sums over the features. A row is used wherever its id
    occurs, so there the chain rule sums over all places with this id:

    $$
    \bar w_{nj} = \sum_f g_{nf}\, E_{k_{nj} f} ,
    \qquad
    \bar E_v = \sum_{n,\,j:\; k_{nj} = v} w_{nj}\, g_n .
    $$
    """
    weights_bar = jnp.einsum("nf,njf->nj", g, embed(ids, table))
    (table_bar,) = embed_vjp(jnp.einsum("nj,nf->njf", weights, g), ids, table)
    return weights_bar, table_bar


def bag_of_embeddings_examples(random):
    """Ids that repeat within a bag and between bags, padding, bags of one, and ids out of range."""
    weights, table = random.standard_normal((5, 3)), random.standard_normal((4, 6))
    yield (random.integers(0, 4, (5, 3)), weights, table), {}
    yield (jnp.array([[1, 1, 0], [2, 1, 1]]), jnp.array([[1.0, 1.0, 0.0], [0.5, 0.25, 0.25]]), table), {}
    yield (jnp.array([[3]]), jnp.array([[-2.0]]), table), {}
    yield (jnp.array([[1, 0], [2, 4], [-1, 0]]), jnp.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]), table), {}


def _rows(ids, table):
    """Return a row of the table for each id, and a factor: 1 if the id is in range, else NaN."""
    is_row = is_class(ids, table.shape[0])
    return jnp.where(is_row, ids.astype(int), 0), one_or_nan(is_row, table.dtype)[..., None]
