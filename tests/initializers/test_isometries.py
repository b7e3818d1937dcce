import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxdl import initializers


@pytest.mark.parametrize("shape", [(30, 30), (40, 12), (12, 40), (3, 3, 2, 7), (3, 3, 2, 50), (5, 1), (1, 5)])
@pytest.mark.parametrize("gain", [1.0, 0.3])
def test_the_columns_or_the_rows_are_orthonormal_up_to_the_gain(double, shape, gain):
    matrix = initializers.orthogonal(jax.random.key(0), shape, jnp.float64, gain=gain).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, gain**2 * np.eye(min(matrix.shape)), atol=1e-13)


def test_low_precision_is_orthogonal_to_its_own_precision():
    matrix = np.float32(initializers.orthogonal(jax.random.key(0), (16, 16), jnp.bfloat16))
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(16), atol=0.02)


def test_the_variance_is_the_square_of_the_gain_over_the_longer_side():
    for shape in [(400, 300), (300, 400)]:
        drawn = initializers.orthogonal(jax.random.key(0), shape, gain=2.0)
        assert float((drawn**2).mean()) == pytest.approx(4 / 400, rel=1e-5)


def test_it_is_uniform_among_the_orthogonal_ones():
    """A random rotation of the plane or a reflection: the angle of the first column is uniform, the sign a coin's."""
    keys = jax.random.split(jax.random.key(0), 4000)
    drawn = np.asarray(jax.vmap(lambda key: initializers.orthogonal(key, (2, 2)))(keys))
    angles = np.arctan2(drawn[:, 1, 0], drawn[:, 0, 0])
    assert scipy.stats.kstest(angles, scipy.stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert (np.linalg.det(drawn) > 0).mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(4000))


def test_the_spread_is_that_of_pytorch(torch):
    torch.manual_seed(0)
    theirs = np.stack([torch.nn.init.orthogonal_(torch.zeros(5, 3), gain=0.7).numpy() for _ in range(500)])
    keys = jax.random.split(jax.random.key(0), 500)
    ours = jax.vmap(lambda key: initializers.orthogonal(key, (3, 5), gain=0.7))(keys)
    assert scipy.stats.ks_2samp(np.asarray(ours)[:, 0, 0], theirs[:, 0, 0]).pvalue > 1e-3
