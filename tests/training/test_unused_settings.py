import warnings

import jax
import jax.numpy as jnp
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.training.unused_settings import warn_of_unused_settings

MOONS = data.moons(jax.random.key(0), examples=8)
SETTINGS = {"rate": jnp.array([0.1, 0.2]), "decay": jnp.array([0.0, 0.1])}


def task(settings, penalty):
    optimizer = optimizers.sgd(settings["rate"])
    return training.Task(models.mlp((), 2), F.cross_entropy, optimizer, 4, penalty=penalty)


def test_a_setting_that_nothing_reads_is_named():
    with pytest.warns(UserWarning, match="the task does not use the settings decay, so that members"):
        warn_of_unused_settings(lambda settings: task(settings, lambda params: 0.0), SETTINGS, MOONS)


@pytest.mark.parametrize(
    "read",
    [
        lambda settings: task(settings, lambda params: settings["decay"] * params["Dense_0"]["bias"].sum()),
        lambda settings: task(settings=settings, penalty=lambda params: dict(**settings)["decay"]),
        lambda settings: task(settings | {}, lambda params: 0.0),
    ],
    ids=["in the step", "as keywords", "as a dictionary"],
)
def test_settings_that_are_read_later_or_otherwise_raise_no_warning(read):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_unused_settings(read, SETTINGS, MOONS)
