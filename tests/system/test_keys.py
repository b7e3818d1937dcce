import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.system.keys import is_key, keys_of, words_of


@pytest.mark.parametrize("leaf", [jax.random.key(0), jax.random.split(jax.random.key(0), 2)], ids=["one", "several"])
def test_typed_keys_are_recognized(leaf):
    assert is_key(leaf)
    assert is_key(jax.eval_shape(lambda: leaf))


@pytest.mark.parametrize("leaf", [1, 2.0, np.ones(2), jnp.ones(2), jax.random.key_data(jax.random.key(0)), "text"])
def test_other_leaves_are_not_keys(leaf):
    assert not is_key(leaf)


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_keys_are_converted_to_words_and_back(impl):
    tree = {"key": jax.random.key(3, impl=impl), "x": jnp.arange(2), "number": 5}
    words = words_of(tree)
    assert words["key"].dtype == jnp.uint32
    assert words["number"] == 5
    for like in (tree, {**tree, "key": jax.eval_shape(lambda: tree["key"])}):
        found = keys_of(words, like)
        assert found["key"].dtype == tree["key"].dtype
        assert jnp.array_equal(jax.random.key_data(found["key"]), words["key"])
        assert found["x"] is words["x"]
