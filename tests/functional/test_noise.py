import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F


def test_what_is_kept_is_scaled_so_that_the_expectation_stays():
    y = F.dropout(jax.random.key(0), jnp.ones(100_000), rate=0.2)
    assert set(np.unique(y).tolist()) == {0.0, 1.25}
    assert float((y == 0).mean()) == pytest.approx(0.2, abs=0.005)  # four standard deviations
    assert float(y.mean()) == pytest.approx(1.0, abs=0.0065)


def test_different_keys_draw_different_masks():
    x = jnp.ones(64)
    assert not jnp.array_equal(F.dropout(jax.random.key(0), x), F.dropout(jax.random.key(1), x))


def test_the_gradient_goes_where_the_signal_went():
    key, x = jax.random.key(0), jnp.ones(64)
    y = F.dropout(key, x, rate=0.3)
    (x_bar,) = F.dropout_vjp(jnp.ones(64), jax.random.clone(key), x, rate=0.3)
    assert jnp.array_equal(x_bar, y)


def test_a_rate_of_zero_changes_nothing():
    x = jnp.arange(5.0)
    assert jnp.array_equal(F.dropout(jax.random.key(0), x, rate=0.0), x)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, jnp.nan])
def test_a_rate_that_is_none_gives_nan(rate):
    assert jnp.isnan(F.dropout(jax.random.key(0), jnp.ones(5), rate=rate)).all()


def test_a_traced_rate_draws_what_a_number_would():
    x = jnp.ones(64)
    swept = jax.vmap(lambda rate: F.dropout(jax.random.key(0), x, rate=rate))(jnp.array([0.2, 0.5]))
    assert jnp.array_equal(swept[0], F.dropout(jax.random.key(0), x, rate=0.2))


def test_the_mask_does_not_depend_on_the_precision(double):
    key, x = jax.random.key(0), jnp.ones(64)
    single = F.dropout(key, x.astype(jnp.float32))
    assert jnp.array_equal(single == 0, F.dropout(jax.random.clone(key), x) == 0)
