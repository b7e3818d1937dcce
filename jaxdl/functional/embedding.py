"""Embeddings: an integer is looked up in a table of vectors, and the table is learned."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer

from jaxdl.functional._arguments import as_annotated
from jaxdl.functional._validity import is_class, one_or_nan


def embed(ids: Integer[Array, "*shape"], table: Float[Array, "vocabulary features"]) -> Float[Array, "*shape features"]:
    r"""The row of the table $E$ for each id $k_s$, $y_{sf} = E_{k_s f}$.

    One-hot vectors times the table would give the same. An id that is no row (below 0, or the size of the vocabulary
    and above) gives NaN there, and NaN arrives in the gradient of the table; PyTorch raises. Raises where shapes or
    dtypes are not as annotated. Bengio et al., *A neural probabilistic language model* (2003), section 2.
    """
    as_annotated(embed, ids, table)
    rows, one = _rows(ids, table)
    return one * table[rows]


def embed_vjp(g, ids, table):
    r"""Pull $g$ back to the table.

    $\partial y_{sf} / \partial E_{vf} = [k_s = v]$, hence $\bar E_v = \sum_{s:\, k_s = v} g_s$: each $g_s$ is added to
    the row that it came from, ids that repeat add up, and rows that were not looked up get zero.
    """
    rows, one = _rows(ids, table)
    return (jnp.zeros_like(table).at[rows].add(one * g),)


def embed_examples(random):
    """Ids that repeat and rows unused, many axes and none, small integers, and ids that are no row on both sides."""
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
    r"""A weighted sum of rows of a table, $y_{nf} = \sum_j w_{nj} E_{k_{nj} f}$, in which the order does not matter.

    Weights of $1/n$ give the mean of $n$ rows. Bags of different sizes are padded with weights of 0 and any id that is
    a row, 0 for instance: such a place adds nothing and gives the table no gradient. An id that is no row gives NaN in
    the bag's output and in the gradients of its weight and of the table, whatever its weight. PyTorch's
    `embedding_bag(mode="sum")` is this with `per_sample_weights`. Raises where shapes or dtypes are not as annotated.
    Joulin et al., *Bag of tricks for efficient text classification* (2017), section 2.
    """
    as_annotated(bag_of_embeddings, ids, weights, table)
    return jnp.einsum("nj,njf->nf", weights, embed(ids, table))


def bag_of_embeddings_vjp(g, ids, weights, table):
    r"""Pull $g$ back to $(w, E)$.

    $\partial y_{nf} / \partial w_{nj} = E_{k_{nj} f}$, hence $\bar w_{nj} = \sum_f g_{nf} E_{k_{nj} f}$. To the
    looked-up row goes $w_{nj} g_n$, and rows that are looked up repeatedly add up, as in `embed`:
    $\bar E_v = \sum_{nj:\, k_{nj} = v} w_{nj} g_n$.
    """
    weights_bar = jnp.einsum("nf,njf->nj", g, embed(ids, table))
    (table_bar,) = embed_vjp(jnp.einsum("nj,nf->njf", weights, g), ids, table)
    return weights_bar, table_bar


def bag_of_embeddings_examples(random):
    """Ids that repeat within a bag and between bags, padding, bags of one, and ids that are no row."""
    weights, table = random.standard_normal((5, 3)), random.standard_normal((4, 6))
    yield (random.integers(0, 4, (5, 3)), weights, table), {}
    yield (jnp.array([[1, 1, 0], [2, 1, 1]]), jnp.array([[1.0, 1.0, 0.0], [0.5, 0.25, 0.25]]), table), {}
    yield (jnp.array([[3]]), jnp.array([[-2.0]]), table), {}
    yield (jnp.array([[1, 0], [2, 4], [-1, 0]]), jnp.array([[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]), table), {}


def _rows(ids, table):
    """For each id a row of the table, and the factor 1; for an id that is no row, any row and the factor NaN."""
    is_row = is_class(ids, table.shape[0])
    return jnp.where(is_row, ids.astype(int), 0), one_or_nan(is_row, table.dtype)[..., None]
