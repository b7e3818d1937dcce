import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import clip_by_global_norm, clip_by_value, sgd
from tests.trajectories import assert_close, torch_trajectory, trajectory


def clipped(clip, gradient):
    return jax.jit(lambda gradient: clip.update(gradient, clip.init(gradient))[0])(gradient)


def test_clipping_by_value_changes_the_direction_of_the_gradient_and_by_norm_keeps_it():
    gradient = {"w": jnp.array([[3.0, 0.3]]), "b": jnp.array([-4.0])}
    by_value = clipped(clip_by_value(0.5), gradient)
    assert by_value["w"].tolist() == [[0.5, pytest.approx(0.3)]]
    assert by_value["b"].tolist() == [-0.5]
    norm = np.sqrt(9 + 0.09 + 16)
    by_norm = clipped(clip_by_global_norm(2.0), gradient)
    assert jax.tree.all(jax.tree.map(lambda g, c: np.allclose(c, np.asarray(g) * 2 / norm), gradient, by_norm))
    assert jax.tree.all(jax.tree.map(np.array_equal, gradient, clipped(clip_by_global_norm(6.0), gradient)))


def test_a_zero_gradient_and_norms_beyond_the_range_of_float32_are_clipped():
    zero, huge, tiny = {"w": jnp.zeros(3)}, {"w": jnp.full(4, 3e38)}, {"w": jnp.full(4, 1e-37)}
    assert clipped(clip_by_global_norm(1.0), zero)["w"].tolist() == [0, 0, 0]
    np.testing.assert_allclose(clipped(clip_by_global_norm(1.0), huge)["w"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(clipped(clip_by_global_norm(1e-37), tiny)["w"], 0.5e-37, rtol=1e-6)
    in_half = clipped(clip_by_global_norm(1.0), {"w": jnp.full(4, 3e38, jnp.bfloat16)})["w"]
    assert in_half.dtype == jnp.bfloat16
    assert in_half.tolist() == [0.5] * 4


def test_each_member_of_a_population_is_clipped_by_its_own_norm():
    gradients = jnp.array([[3.0, 4.0], [0.3, 0.4]])
    each = jax.vmap(lambda gradient: clipped(clip_by_global_norm(1.0), gradient))(gradients)
    np.testing.assert_allclose(each, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)


def test_gradients_are_clipped_as_pytorch_clips_them(torch, double):
    build, utils = lambda p: torch.optim.SGD(p, 0.1), torch.nn.utils
    by_value = torch_trajectory(torch, build, clip=lambda p: utils.clip_grad_value_(p, 0.3))
    assert_close(trajectory(optax.chain(clip_by_value(0.3), sgd(0.1))), by_value, 1e-12)
    by_norm = torch_trajectory(torch, build, clip=lambda p: utils.clip_grad_norm_(p, 1.5))
    assert_close(trajectory(optax.chain(clip_by_global_norm(1.5), sgd(0.1))), by_norm, 1e-5)


@pytest.mark.parametrize("limit", [-1.0, jnp.float32(-1.0), float("nan")])
def test_an_invalid_limit_raises_or_gives_nan_if_it_is_traced(limit):
    gradient = {"w": jnp.array([3.0, 4.0])}
    for clip in (clip_by_global_norm, clip_by_value):
        with pytest.raises(ValueError, match=r"limit must be at least 0, got"):
            clip(limit)
        assert jnp.isnan(jax.jit(lambda traced, clip=clip: clipped(clip(traced), gradient)["w"])(limit)).all()


def test_a_limit_of_zero_gives_a_zero_gradient():
    for gradient in (jnp.zeros(2), jnp.ones(2)):
        for clip in (clip_by_global_norm(0.0), clip_by_value(0.0)):
            assert clipped(clip, {"w": gradient})["w"].tolist() == [0, 0]
