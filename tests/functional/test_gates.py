import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from tests.functional.compiled import run


@pytest.mark.parametrize("shape", [(6,), (9, 6), (1, 2), (3, 4, 5, 10)])
def test_glu_equals_pytorch_with_its_gradient(torch, random, double, shape):
    z = 5 * random.normal(size=shape)
    theirs = torch.tensor(z, requires_grad=True)
    y = torch.nn.functional.glu(theirs, dim=-1)
    g = random.normal(size=tuple(y.shape))
    y.backward(torch.tensor(g))
    np.testing.assert_allclose(run(F.glu, jnp.asarray(z)), y.detach(), rtol=1e-13)
    np.testing.assert_allclose(run(F.glu_vjp, jnp.asarray(g), jnp.asarray(z))[0], theirs.grad, rtol=1e-12, atol=1e-15)


def test_glu_equals_jax(random, double):
    z = jnp.asarray(random.normal(size=(5, 8)))
    np.testing.assert_allclose(run(F.glu, z), jax.nn.glu(z), rtol=1e-13)


def test_the_second_half_is_the_gate():
    assert run(F.glu, jnp.array([3.0, 5.0, 1e4, -1e4])).tolist() == [3, 0]
    assert run(F.glu_vjp, np.ones(2), jnp.array([3.0, 5.0, 0.0, -1e4]))[0].tolist() == [0.5, 0, 0.75, 0]


def test_a_signal_gated_by_itself_is_silu(random):
    z = jnp.asarray(random.normal(size=(5, 4)), jnp.float32)
    np.testing.assert_allclose(run(F.glu, np.concatenate([z, z], axis=-1)), F.silu(z), rtol=1e-6)


@pytest.mark.parametrize("place", [0, 2])
def test_nan_in_either_half_propagates(place):
    z = jnp.ones(4).at[place].set(jnp.nan)
    assert jnp.isnan(run(F.glu, z)).tolist() == [True, False]


def test_value_and_derivatives_are_finite():
    z = jnp.array([1e4, -1e4, 1e4, -1e4, 1e4, 1e4, -1e4, -1e4])
    total = lambda z: F.glu(z).sum()
    for result in (
        run(F.glu, z),
        run(F.glu_vjp, np.ones(4), z)[0],
        run(jax.grad(total), z),
        run(jax.hessian(total), z),
    ):
        assert jnp.isfinite(result).all()


def test_an_odd_number_of_features_raises():
    with pytest.raises(ValueError, match="z must have an even number of features, .* got 5"):
        run(F.glu, np.zeros((2, 5)))


def test_a_scalar_or_integers_raise(unchecked):
    with pytest.raises(ValueError, match=r"z must have the shape \(\*batch, features\), got \(\)"):
        unchecked(F.glu)(jnp.array(1.0))
    with pytest.raises(TypeError, match="z must be floating, got int32"):
        unchecked(F.glu)(jnp.zeros(4, int))
