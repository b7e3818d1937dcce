import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import models, optimizers
from tests.trajectories import PARAMS, assert_close, trajectory


def test_the_decay_mask_selects_parameters_with_more_than_one_axis():
    model = models.convnet((4,), (5,), 3, norm=models.BatchNorm)
    params, _ = jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((1, 8, 8, 2), jnp.float32))
    mask = optimizers.decay_mask(params)
    assert mask["Conv_0"] == {"kernel": True}
    assert mask["BatchNorm_0"] == {"scale": False, "bias": False}
    assert mask["Mlp_0"]["Dense_0"] == {"kernel": True, "bias": False}


def test_only_masked_parameters_decay():
    zero = jax.tree.map(jnp.zeros_like, PARAMS)
    decaying = (
        optimizers.adamw(0.5, weight_decay=0.1, mask=lambda params: {"w": True, "b": False}),
        optimizers.adamw(0.5, weight_decay=0.1, mask=optimizers.decay_mask),
        optimizers.lion(0.5, weight_decay=0.1, mask=optimizers.decay_mask),
        optimizers.muon(0.5, weight_decay=0.1, mask=optimizers.decay_mask),
    )
    one_step = lambda params: [each.update(zero, each.init(params), params)[0] for each in decaying]
    for updates in jax.jit(one_step)(PARAMS):
        np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-6)
        assert not updates["b"].any()


def test_each_group_has_its_own_optimizer(double):
    groups = {"slow": optimizers.sgd(0.001), "fast": optimizers.adam(0.1)}
    partitioned = optimizers.partition(groups, lambda path: "fast" if path == "b" else "slow")
    path = jax.device_get(trajectory(partitioned, steps=1))
    slow, fast = (trajectory(groups[name], steps=1) for name in ("slow", "fast"))
    assert_close(path, {"w": slow["w"], "b": fast["b"]}, 0)


def test_an_unknown_group_and_a_group_without_parameters_raise():
    groups = {"slow": optimizers.sgd(0.1), "fast": optimizers.sgd(1.0)}
    with pytest.raises(ValueError, match=r"returned the unknown group 'head' for deep/b\. Available: fast, slow\."):
        optimizers.partition(groups, lambda path: "head").init({"deep": PARAMS})
    with pytest.raises(ValueError, match=r"group_of assigned no parameters to fast\. jaxdl\.models\.summary lists"):
        optimizers.partition(groups, lambda path: "slow").init(PARAMS)
