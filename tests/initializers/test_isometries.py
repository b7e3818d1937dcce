import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl.initializers import orthogonal


@pytest.mark.parametrize("shape", [(30, 30), (40, 12), (12, 40), (3, 3, 2, 7), (3, 3, 2, 50), (5, 1), (1, 5)])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_the_columns_or_the_rows_are_orthonormal_up_to_the_gain(double, shape, gain):
    matrix = np.asarray(orthogonal(jax.random.key(0), shape, jnp.float64, gain=gain)).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, gain**2 * np.eye(min(matrix.shape)), atol=1e-13)


def test_a_bfloat16_matrix_is_orthogonal_to_the_precision_of_bfloat16():
    matrix = np.float32(orthogonal(jax.random.key(0), (16, 16), jnp.bfloat16))
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(16), atol=0.02)


def test_the_variance_is_the_squared_gain_over_the_longer_side():
    for shape in [(40, 30), (30, 40)]:
        drawn = orthogonal(jax.random.key(0), shape, gain=2.0)
        assert float((drawn**2).mean()) == pytest.approx(4 / 40, rel=1e-5)


def test_the_distribution_over_orthogonal_matrices_is_uniform():
    """In two dimensions the angle of the first column is uniform, and half of the matrices are reflections."""
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: orthogonal(key, (2, 2))))(keys))
    angles = np.arctan2(drawn[:, 1, 0], drawn[:, 0, 0])
    assert scipy.stats.kstest(angles, scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert (np.linalg.det(drawn) > 0).mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))


def test_the_distribution_of_an_entry_equals_that_of_pytorch(torch):
    torch.manual_seed(0)
    expected = np.stack([torch.nn.init.orthogonal_(torch.zeros(5, 3), gain=0.7).numpy() for _ in range(500)])
    keys = jax.random.split(jax.random.key(0), 500)
    drawn = np.asarray(jax.jit(jax.vmap(lambda key: orthogonal(key, (3, 5), gain=0.7)))(keys))
    assert scipy.stats.ks_2samp(drawn[:, 0, 0], expected[:, 0, 0]).pvalue > 1e-3
