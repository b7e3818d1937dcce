"""A rate that falls where the loss no longer does, beside PyTorch's scheduler."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl import optimizers


def rates(torch, losses, every=1, **settings):
    """Ours after each loss, and PyTorch's, which is told each mean of `every`."""
    rule = optimizers.on_plateau(every=every, **settings)

    def step(state, value):
        updates, state = rule.update(jnp.ones(()), state, value=value)
        return state, updates

    _, ours = jax.lax.scan(step, rule.init(jnp.ones(())), jnp.asarray(losses))
    yours = []
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, eps=0.0, **settings)
    for count in range(1, len(losses) + 1):
        if count % every == 0:
            scheduler.step(np.mean(losses[count - every : count]))
        yours.append(optimizer.param_groups[0]["lr"])
    return ours, yours


def test_its_defaults_are_pytorchs(torch, double):
    falls = np.concatenate([np.full(60, 1 - 5e-4), np.full(25, 1 - 5e-6), np.ones(40)])
    ours, yours = rates(torch, np.cumprod(falls))
    np.testing.assert_allclose(ours, yours, rtol=1e-12)
    assert yours[59] == 1
    assert yours[-1] < 1e-4


def test_a_loss_is_the_mean_of_as_many_as_it_is_told(torch, double, random):
    ours, yours = rates(torch, 1 + random.random(60), every=3, patience=2, factor=0.5)
    np.testing.assert_allclose(ours, yours, rtol=1e-12)
    assert 0.01 < yours[-1] < 1
