import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, initializers, models, optimizers, training
from jaxdl.training.step import step

SIZES = [(4,), (8, 3, 8)]
MOONS = data.moons(jax.random.key(0), examples=16)
SETTINGS = {  # what a size could change: norms, sums with the input, f(0) that is not 0, draws by shape
    "norm": models.BatchNorm,
    "skip": True,
    "activation": F.sigmoid,
    "kernel_init": initializers.orthogonal,
}


def train(model, key):
    task = training.Task(model, F.cross_entropy, optimizers.adamw(0.05, weight_decay=0.1), MOONS.size)
    return jax.lax.scan(lambda state, _: step(task, MOONS, state), training.start(task, MOONS, key), length=3)


@pytest.mark.parametrize("settings", [{}, SETTINGS], ids=["plain", "all settings"])
def test_networks_of_all_sizes_in_one_program_equal_separately_built_ones(settings):
    key = jax.random.key(1)
    of_choice = lambda choice: train(models.mlp_of_sizes(SIZES, 2, choice, **settings), key)
    states, all_losses = jax.jit(jax.vmap(of_choice))(jnp.arange(len(SIZES)))
    separately = jax.jit(lambda: [train(models.mlp(size, 2, **settings), key) for size in SIZES])()
    for number, (size, (alone, losses)) in enumerate(zip(SIZES, separately, strict=True)):
        params, stats = jax.tree.map(lambda leaf, number=number: leaf[number], (states.params, states.stats))
        cut = jax.device_get(models.cut_to_size(params, stats, size))
        assert jax.tree.structure(cut) == jax.tree.structure((alone.params, alone.stats))
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-5), cut, (alone.params, alone.stats)
        )
        np.testing.assert_allclose(all_losses[number], losses, rtol=1e-5)
        used = sum(leaf.size for leaf in jax.tree.leaves(cut[0]))
        assert np.count_nonzero(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])) <= used


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (([(4,), ()], 2, 0), {}, "at least one hidden layer"),
        (([], 2, 0), {}, "at least one hidden layer"),
        (([(4,)], 2, 1), {}, "choice must be the number of a size, from 0 to 0, got 1"),
        (([(4,)], 2, 0), {"norm": models.LayerNorm}, "LayerNorm, which averages over unused units"),
    ],
)
def test_sizes_that_cannot_share_a_program_are_refused(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        models.mlp_of_sizes(*arguments, **settings)
