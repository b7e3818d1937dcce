import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl.optimizers import reduce_on_plateau, sgd
from tests.trajectories import PARAMS, assert_close, torch_trajectory, trajectory


def scales(torch, losses, accumulation_size=1, **settings):
    """Return the scale of the learning rate after each loss, ours and PyTorch's, which gets means of losses."""
    plateau = reduce_on_plateau(accumulation_size=accumulation_size, **settings)

    def step(state, value):
        updates, state = plateau.update(jnp.ones(()), state, value=value)
        return state, updates

    _, ours = jax.lax.scan(step, plateau.init(jnp.ones(())), jnp.asarray(losses))
    torchs = []
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, eps=0.0, **settings)
    for count in range(1, len(losses) + 1):
        if count % accumulation_size == 0:
            scheduler.step(np.mean(losses[count - accumulation_size : count]))
        torchs.append(optimizer.param_groups[0]["lr"])
    return ours, torchs


def test_the_defaults_equal_pytorch(torch, double):
    factors = np.concatenate([np.full(60, 1 - 5e-4), np.full(25, 1 - 5e-6), np.ones(40)])
    ours, torchs = scales(torch, np.cumprod(factors))
    np.testing.assert_allclose(ours, torchs, rtol=1e-12)
    assert torchs[59] == 1
    assert torchs[-1] < 1e-4


def test_losses_are_averaged_over_the_accumulation_size(torch, double, random):
    ours, torchs = scales(torch, 1 + random.random(60), accumulation_size=3, patience=2, factor=0.5)
    np.testing.assert_allclose(ours, torchs, rtol=1e-12)
    assert 0.01 < torchs[-1] < 1


@pytest.mark.parametrize("settings", [{}, {"cooldown": 2}, {"threshold": 0.05, "min_scale": 0.3}])
def test_twelve_steps_equal_pytorch(torch, double, settings):
    learning_rate = 0.9
    schedulers = []

    def step(optimizer, value):
        if not schedulers:
            schedulers.append(
                torch.optim.lr_scheduler.ReduceLROnPlateau(
                    optimizer,
                    factor=0.5,
                    patience=1,
                    threshold=settings.get("threshold", 1e-4),
                    cooldown=settings.get("cooldown", 0),
                    min_lr=learning_rate * settings.get("min_scale", 0.0),
                    eps=0.0,
                )
            )
        schedulers[0].step(value)

    optimizer = optax.chain(sgd(learning_rate), reduce_on_plateau(factor=0.5, patience=1, **settings))
    expected = torch_trajectory(torch, lambda p: torch.optim.SGD(p, learning_rate), scheduler=step)
    assert_close(trajectory(optimizer), expected, 1e-12)
    assert schedulers[0].optimizer.param_groups[0]["lr"] < learning_rate


def test_means_of_many_losses_do_not_stop_changing_in_bfloat16():
    params = {"w": jnp.ones(3, jnp.bfloat16)}
    optimizer = optax.chain(sgd(1.0), reduce_on_plateau(accumulation_size=100, patience=2))

    def step(state, loss):
        updates, state = optimizer.update(params, state, params, value=loss)
        return state, updates["w"][0]

    _, steps = jax.lax.scan(step, optimizer.init(params), jnp.linspace(3.0, 2.0, 3000))
    assert steps.dtype == jnp.bfloat16
    assert (steps == -1).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"factor": 1.0}, "factor must be above 0 and below 1, got 1.0"),
        ({"factor": 0.0}, "factor must be above 0 and below 1, got 0.0"),
        ({"patience": -1}, "patience must be at least 0, got -1"),
        ({"accumulation_size": 0}, "accumulation_size must be at least 1, got 0"),
        ({"min_scale": 2.0}, "min_scale must be from 0 to 1, got 2.0"),
        ({"min_scale": -0.1}, "min_scale must be from 0 to 1, got -0.1"),
        ({"cooldown": -1}, "cooldown must be at least 0, got -1"),
        ({"threshold": 1.0}, "threshold must be at least 0 and below 1, got 1.0"),
        ({"threshold": -0.1}, "threshold must be at least 0 and below 1, got -0.1"),
    ],
)
def test_invalid_settings_raise(settings, message):
    with pytest.raises(ValueError, match=message):
        reduce_on_plateau(**settings)


def test_a_missing_loss_raises():
    params = jax.tree.map(jnp.asarray, PARAMS)
    plateau = reduce_on_plateau(threshold=0.0)
    with pytest.raises(ValueError, match=r"reduce_on_plateau needs the loss: call update\(gradient"):
        plateau.update(params, plateau.init(params), params)
