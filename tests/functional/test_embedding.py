import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


@pytest.mark.parametrize("shape", [(5,), (3, 4), (1, 1), ()])
def test_embed_equals_pytorch_with_its_gradient(torch, random, double, shape):
    ids, table = random.integers(0, 6, shape), random.normal(size=(6, 3))
    g = random.normal(size=(*shape, 3))
    theirs = torch.tensor(table, requires_grad=True)
    y = torch.nn.functional.embedding(torch.tensor(ids), theirs)
    y.backward(torch.tensor(g))
    ours = jnp.asarray(ids), jnp.asarray(table)
    assert np.array_equal(run(F.embed, *ours), y.detach())
    (table_bar,) = run(F.embed_vjp, jnp.asarray(g), *ours)
    np.testing.assert_allclose(table_bar, theirs.grad, rtol=1e-13)


@pytest.mark.parametrize("shape", [(5, 4), (1, 3), (3, 1)])
def test_bag_of_embeddings_equals_pytorch_with_gradients(torch, random, double, shape):
    ids, weights, table = random.integers(0, 6, shape), random.normal(size=shape), random.normal(size=(6, 3))
    g = random.normal(size=(shape[0], 3))
    leaves = [torch.tensor(a, requires_grad=True) for a in (weights, table)]
    bag = torch.nn.functional.embedding_bag
    y = bag(torch.tensor(ids), leaves[1], mode="sum", per_sample_weights=leaves[0])
    y.backward(torch.tensor(g))
    ours = [jnp.asarray(a) for a in (ids, weights, table)]
    np.testing.assert_allclose(run(F.bag_of_embeddings, *ours), y.detach(), rtol=1e-12, atol=1e-14)
    for mine, leaf in zip(run(F.bag_of_embeddings_vjp, jnp.asarray(g), *ours), leaves, strict=True):
        np.testing.assert_allclose(mine, leaf.grad, rtol=1e-12, atol=1e-14)
    mean = bag(torch.tensor(ids), torch.tensor(table), mode="mean")
    np.testing.assert_allclose(
        run(F.bag_of_embeddings, ours[0], np.full(shape, 1 / shape[1]), ours[2]), mean, rtol=1e-12
    )


def test_embed_equals_one_hot_vectors_times_the_table(random, double):
    ids, table, g = (
        jnp.asarray(a)
        for a in (random.integers(0, 6, (4, 5)), random.normal(size=(6, 3)), random.normal(size=(4, 5, 3)))
    )
    one_hot = np.eye(6)[ids]
    np.testing.assert_allclose(run(F.embed, ids, table), one_hot @ table, rtol=1e-14)
    np.testing.assert_allclose(run(F.embed_vjp, g, ids, table)[0], jnp.einsum("abv,abf->vf", one_hot, g), rtol=1e-13)


def test_the_gradient_of_a_sum_counts_the_lookups_of_each_row():
    ids, table = jnp.array([3, 1, 3, 3, 0]), jnp.zeros((5, 2))
    (table_bar,) = run(F.embed_vjp, np.ones((5, 2)), ids, table)
    assert table_bar[:, 0].tolist() == [1, 1, 0, 3, 0]
    assert table_bar[:, 1].tolist() == [1, 1, 0, 3, 0]


@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int8, jnp.uint32, jnp.int32])
def test_ids_may_be_integers_of_any_width(dtype):
    table = jnp.arange(300.0)[:, None]
    assert run(F.embed, jnp.array([0, 100], dtype), table)[:, 0].tolist() == [0, 100]
    assert np.isnan(run(F.embed, jnp.array([0, 100], dtype), table[:100])).tolist() == [[False], [True]]


@pytest.mark.parametrize("wrong", [-1, -7, 7, 100])
def test_an_id_out_of_range_gives_nan_in_its_output_and_in_the_gradient(wrong):
    ids, table = jnp.array([0, wrong, 3]), jnp.ones((7, 2))
    y, pull = jax.vjp(jax.jit(lambda table: F.embed(ids, table)), table)
    assert np.isnan(y).tolist() == [[False] * 2, [True] * 2, [False] * 2]
    for (table_bar,) in (pull(jnp.ones_like(y)), run(F.embed_vjp, jnp.ones_like(y), ids, table)):
        assert np.isnan(table_bar).any(axis=0).all()
        assert table_bar[3].tolist() == [1, 1]


def test_ids_do_not_wrap_around(double):
    table = jnp.ones((7, 2))
    assert np.isnan(run(F.embed, jnp.array([2**32 + 1, -(2**32)]), table)).all()
    assert np.isnan(run(F.embed, jnp.array([2**31 + 1, 2**32 - 1], jnp.uint32), table)).all()


def test_a_bag_ignores_the_order_and_adds_repeated_rows(random, double):
    table = jnp.asarray(random.normal(size=(5, 3)))
    bag = lambda ids, weights: run(F.bag_of_embeddings, jnp.array([ids]), jnp.array([weights]), table)
    np.testing.assert_allclose(bag([0, 2, 2], [0.5, 1.0, 2.0]), bag([2, 0, 2], [2.0, 0.5, 1.0]), rtol=1e-13)
    np.testing.assert_allclose(bag([0, 2, 2], [0.5, 1.0, 2.0]), bag([0, 2], [0.5, 3.0]), rtol=1e-13)


def test_padding_with_weight_zero_changes_neither_value_nor_gradient(random, double):
    table, g = jnp.asarray(random.normal(size=(5, 3))), jnp.asarray(random.normal(size=(1, 3)))
    bag = jnp.array([[4, 2]]), jnp.array([[0.5, 1.5]]), table
    padded = jnp.array([[4, 2, 0, 0]]), jnp.array([[0.5, 1.5, 0.0, 0.0]]), table
    np.testing.assert_allclose(run(F.bag_of_embeddings, *padded), run(F.bag_of_embeddings, *bag), rtol=1e-14)
    table_bar = run(F.bag_of_embeddings_vjp, g, *padded)[1]
    np.testing.assert_allclose(table_bar, run(F.bag_of_embeddings_vjp, g, *bag)[1], rtol=1e-14)
    assert not table_bar[0].any()


@pytest.mark.parametrize("wrong", [-1, 5])
@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_an_id_out_of_range_in_a_bag_gives_nan_even_with_weight_zero(wrong, weight):
    ids, weights, table = jnp.array([[1, 2], [1, wrong]]), jnp.array([[1.0, 1.0], [1.0, weight]]), jnp.ones((5, 2))
    y, pull = jax.vjp(jax.jit(lambda weights, table: F.bag_of_embeddings(ids, weights, table)), weights, table)
    assert np.isnan(y).tolist() == [[False, False], [True, True]]
    g = jnp.ones_like(y)
    for weights_bar, table_bar in (pull(g), run(F.bag_of_embeddings_vjp, g, ids, weights, table)):
        assert np.isnan(weights_bar).tolist() == [[False, False], [False, True]]
        assert np.isnan(table_bar).any()


def test_wrong_shapes_and_dtypes_raise(unchecked):
    embed, bag = unchecked(F.embed), unchecked(F.bag_of_embeddings)
    with pytest.raises(TypeError, match=r"ids must be integers, got float32.*astype\('int32'\)"):
        embed(jnp.zeros(2), jnp.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"table must have the shape \(vocabulary, features\), got \(3,\)"):
        embed(jnp.zeros(2, int), jnp.zeros(3))
    with pytest.raises(ValueError, match=r"weights must have the shape \(batch, bag\) with batch = 2, bag = 3, got"):
        bag(jnp.zeros((2, 3), int), jnp.zeros((2, 1)), jnp.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"ids must have the shape \(batch, bag\), got \(3,\)"):
        bag(jnp.zeros(3, int), jnp.zeros(3), jnp.zeros((4, 2)))


def test_second_derivatives_of_a_bag_are_those_of_a_product():
    ids = jnp.array([[1, 0, 1]])
    f = lambda weights, table: F.bag_of_embeddings(ids, weights, table)[0, 0]
    blocks = jax.jit(jax.hessian(f, argnums=(0, 1)))(jnp.ones((1, 3)), jnp.ones((2, 1)))
    assert not blocks[0][0].any()
    assert not blocks[1][1].any()
    assert blocks[0][1][0, :, :, 0].tolist() == [[0, 1], [1, 0], [0, 1]]
