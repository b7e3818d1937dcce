import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize

import jaxdl.functional as F


def test_soft_shrink_moves_inputs_towards_zero_and_hard_shrink_keeps_large_ones():
    z = jnp.array([-2.0, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 2.0])
    assert F.soft_shrink(z).tolist() == [-1.5, -0.5, 0, 0, 0, 0, 0, 0.5, 1.5]
    assert F.hard_shrink(z).tolist() == [-2, -1, 0, 0, 0, 0, 0, 1, 2]


@pytest.mark.parametrize("z", [-2.0, -0.4, 0.3, 0.9, 5.0])
def test_soft_shrink_is_the_proximal_map_of_the_absolute_value(z, double):
    """It minimizes (y - z)²/2 + λ|y|."""
    nearest = scipy.optimize.minimize_scalar(
        lambda y: (y - z) ** 2 / 2 + 0.7 * abs(y), bounds=(-6, 6), method="bounded"
    )
    assert float(F.soft_shrink(jnp.array(z), threshold=0.7)) == pytest.approx(nearest.x, abs=1e-5)


def test_soft_shrink_is_a_difference_of_two_relus(random):
    z = jnp.asarray(random.normal(size=50), jnp.float32)
    np.testing.assert_array_equal(F.soft_shrink(z), F.relu(z - 0.5) - F.relu(-z - 0.5))


@pytest.mark.parametrize(("f", "f_vjp"), [(F.soft_shrink, F.soft_shrink_vjp), (F.hard_shrink, F.hard_shrink_vjp)])
def test_threshold_zero_is_the_identity(f, f_vjp):
    z = jnp.array([-2.0, -1e-30, 0.0, 1e-30, 3.0])
    assert f(z, threshold=0.0).tolist() == z.tolist()
    assert f_vjp(jnp.ones(5), z, threshold=0.0)[0].tolist() == [1, 1, 0, 1, 1]
    assert jax.grad(lambda z: f(z, threshold=0.0).sum())(z).tolist() == [1, 1, 0, 1, 1]


def test_negative_threshold_gives_nan_where_pytorch_passes_the_input(torch):
    assert torch.nn.functional.hardshrink(torch.tensor([0.2]), -1.0) == torch.tensor([0.2])
    assert jnp.isnan(F.hard_shrink(jnp.array([0.2]), threshold=-1.0)).all()
