"""Leaves of a tree become NumPy arrays with digests, and the same leaves again."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training.checkpoints.serialization import (
    AlteredError,
    check_same_structure,
    digest,
    digest_of,
    manifest_of,
    to_leaves,
    to_tree,
)

TREE = {"weights": np.arange(6.0).reshape(2, 3), "count": jnp.int32(3), "key": jax.random.key(7), "epochs": 5}


def manifest(tree):
    return [manifest_of(leaf) for leaf in to_leaves(tree)]


def arrays(tree):
    return {str(index): leaf.array for index, leaf in enumerate(to_leaves(tree))}


def test_a_tree_is_rebuilt_with_the_types_of_its_leaves():
    found = to_tree(arrays(TREE), manifest(TREE), TREE)
    np.testing.assert_array_equal(found["weights"], TREE["weights"])
    assert isinstance(found["weights"], np.ndarray)
    assert isinstance(found["count"], jax.Array)
    assert type(found["epochs"]) is int
    assert jnp.array_equal(jax.random.key_data(found["key"]), jax.random.key_data(TREE["key"]))


def test_the_manifest_of_a_leaf_describes_it_without_its_values():
    (key,) = manifest({"key": jax.random.key(7)})
    assert key.keys() == {"path", "kind", "shape", "generator", "sha256"}
    assert (key["path"], key["kind"], key["shape"], key["generator"]) == ("['key']", "key<fry>", [], "threefry2x32")


@pytest.mark.parametrize(
    "other",
    [np.arange(6.0), np.arange(6.0).reshape(3, 2), np.arange(6.0, dtype=np.float32).reshape(2, 3), -TREE["weights"]],
    ids=["one axis", "other axes", "dtype", "sign of zero"],
)
def test_a_digest_depends_on_shape_dtype_and_every_bit(other):
    assert digest(other) != digest(TREE["weights"])
    assert digest(TREE["weights"].copy(order="F")) == digest(TREE["weights"])


def test_the_digest_of_a_tree_depends_on_the_paths_of_its_leaves():
    assert digest_of({"a": 1}) != digest_of({"b": 1})
    assert digest_of(None) == digest_of(())


def test_an_altered_array_raises():
    altered = arrays(TREE)
    index = next(index for index, leaf in altered.items() if leaf.shape == (2, 3))
    altered[index] = altered[index] + 1e-12
    with pytest.raises(AlteredError, match=r"the leaf \['weights'\] has other values than were saved"):
        to_tree(altered, manifest(TREE), TREE)


def test_another_structure_raises_with_the_first_difference():
    check_same_structure(manifest(TREE), TREE)
    message = r"the checkpoint holds another tree: at \['count'\] expected float32\[\], found int32\[\]\."
    with pytest.raises(ValueError, match=message):
        check_same_structure(manifest(TREE), {**TREE, "count": jnp.float32(0)})
    with pytest.raises(ValueError, match="the same leaves in another order"):
        check_same_structure(manifest(TREE)[::-1], TREE)
