import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training.layout import Layout, mesh_of
from jaxdl.training.population.sharding import (
    count_members,
    gather,
    map_chunks,
    map_members,
    pad_members,
    put,
    replicated,
    shapes_on,
    sharded,
    zeros_like,
)

TWO_DEVICES = mesh_of(Layout(by_member=2))


@pytest.mark.parametrize(
    ("mapped", "lengths"),
    [
        ((jnp.ones(2), jnp.ones(3)), r"\[2, 3\]"),
        ((jnp.ones(()),), r"\[0\]"),
        ((), r"\[\]"),
        ((jnp.ones((0, 2)),), r"\[0\]"),
    ],
)
def test_mapped_arguments_must_have_first_axes_of_one_length(mapped, lengths):
    message = f"mapped arguments must have a first axis of equal length, .* got lengths {lengths}: pass what all"
    with pytest.raises(ValueError, match=message):
        count_members(mapped)


def test_members_are_padded_with_the_last_one_and_gathered_without_padding():
    members = {"x": jnp.array([1.0, 2.0, 3.0]), "key": jax.random.split(jax.random.key(0), 3)}
    placed = put(pad_members(members, 6), sharded(TWO_DEVICES))
    assert placed["x"].tolist() == [1, 2, 3, 3, 3, 3]
    assert [shard.data.tolist() for shard in placed["x"].addressable_shards] == [[1, 2, 3], [3, 3, 3]]
    back = gather(placed, 3, TWO_DEVICES)
    assert back["x"].devices() == {jax.devices()[0]}
    assert back["x"].tolist() == [1, 2, 3]
    np.testing.assert_array_equal(jax.random.key_data(back["key"]), jax.random.key_data(members["key"]))


def test_shared_arrays_are_copied_to_every_device():
    shared = put(jnp.arange(3), replicated(TWO_DEVICES))
    assert [shard.data.tolist() for shard in shared.addressable_shards] == [[0, 1, 2], [0, 1, 2]]


def test_shapes_and_zeros_have_the_sharding_of_the_members():
    tree = {"x": jnp.ones((3, 2)), "key": jax.random.split(jax.random.key(0), 3)}
    shapes = shapes_on(tree, sharded(TWO_DEVICES), 4)
    assert shapes["x"].shape == (4, 2)
    assert shapes["key"].dtype == tree["key"].dtype
    zeros = zeros_like(shapes, sharded(TWO_DEVICES))
    assert zeros["x"].sharding == shapes["x"].sharding
    assert not zeros["x"].any()
    assert not jax.random.key_data(zeros["key"]).any()


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_function_of_one_member_is_lifted_to_a_chunk(at_once):
    members = jnp.arange(2.0 * at_once).reshape(at_once, 2)
    assert map_members(lambda x: x.sum(), at_once)(members).tolist() == members.sum(axis=1).tolist()


@pytest.mark.parametrize("layout", [Layout(), Layout(at_once=2), Layout(by_member=2), Layout(2, 1, 2)], ids=str)
def test_each_device_computes_its_chunks_from_first_up_to_last(layout):
    """Chunks outside of the range keep the values of `out`."""
    mapped, out = jnp.arange(8.0), -jnp.ones(8)
    square = map_chunks(lambda shared, mapped, out: shared * mapped**2, layout, mesh_of(layout))
    found = np.asarray(jax.jit(square)(10.0, mapped, out, jnp.int32(1), jnp.int32(2))).reshape(layout.by_member, -1)
    expected = -np.ones((layout.by_member, 8 // layout.by_member))
    computed = slice(layout.at_once, 2 * layout.at_once)
    expected[:, computed] = 10 * np.arange(8.0).reshape(expected.shape)[:, computed] ** 2
    np.testing.assert_array_equal(found, expected)
