import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl.training import population


def test_it_computes_what_a_loop_would():
    keys, scales = jax.random.split(jax.random.key(0), 3), jnp.array([1.0, 2.0, 3.0])
    offset = {"by": jnp.arange(4.0)}
    one = lambda offset, key, scale: {"drawn": scale * jax.random.normal(key, (4,)) + offset["by"]}
    together = population(one, keys, scales, shared=(offset,))
    for index in range(3):
        alone = one(offset, jax.random.clone(keys)[index], scales[index])
        np.testing.assert_allclose(together["drawn"][index], alone["drawn"], rtol=1e-6)


def test_numbers_of_double_precision_stay_so(double):
    found = population(lambda number: {"third": number / 3, "index": jnp.argmax(number)}, jnp.arange(1.0, 4.0))
    assert (found["third"].dtype, found["index"].dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(found["third"], np.arange(1.0, 4.0) / 3)


def test_what_is_shared_is_not_compiled_into_the_program():
    large = jnp.ones(100_000)
    one = lambda large, scale: scale * large.sum()
    text = jax.jit(jax.vmap(one, in_axes=(None, 0))).lower(large, jnp.ones(2)).as_text()
    assert len(text) < 5_000
    assert population(one, jnp.ones(2), shared=(large,)).tolist() == [100_000, 100_000]


@pytest.mark.parametrize(
    ("mapped", "told"),
    [
        ((jnp.ones(2), jnp.ones(3)), r"\[2, 3\]"),
        ((jnp.ones(()),), r"\[0\]"),
        ((), r"\[\]"),
        ((jnp.ones((0, 2)),), r"\[0\]"),
    ],
)
def test_members_that_cannot_be_counted_are_told(mapped, told):
    with pytest.raises(ValueError, match=f"mapped arguments must share a first axis, .* but have {told} entries"):
        population(lambda *member: member, *mapped)
