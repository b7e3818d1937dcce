"""Wrong arguments of `population` raise one sentence, and large constants cause a warning."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdl import training
from tests.training.entry_points import DATA, KEY, KEYS, STATE, population, raises


@pytest.mark.parametrize(
    ("mapped", "settings", "message"),
    [
        (3, {}, r"mapped arguments must be arrays .*, but contain 3: use jnp\.array, or jax\.random\.split"),
        ([0.1, 0.2], {}, r"mapped arguments must be arrays .*, but contain 0\.1"),
        (KEYS, {"shared": DATA}, r"shared must be a tuple of arguments, got Dataset: write shared=\(data,\)"),
        (KEYS, {"devices": jax.devices()[0]}, "devices must be a list of devices, got"),
        (KEY, {}, r"mapped arguments must be arrays .*, but contain an array of key<fry> of the shape \(\)"),
        ([KEY, KEY], {}, "mapped arguments must be arrays .*, but contain .*: use jnp.stack for a list"),
        (KEYS, {"shared": ("adam",)}, "shared must contain arrays and numbers, but contains 'adam'"),
    ],
    ids=["a number", "a list", "shared without a tuple", "a device", "one key", "a list of keys", "a text"],
)
def test_population_names_a_wrong_argument(mapped, settings, message):
    with raises(TypeError, message):
        population(lambda *arguments: 0.0, mapped, **settings)


def test_population_needs_a_function():
    with raises(TypeError, "train_one must be a function, got State: pass the function itself"):
        population(STATE, KEYS)
    with raises(TypeError, r"train_one must be a function of 1 shared and 1 mapped arguments, got the function <lam"):
        population(lambda key: 0.0, KEYS, shared=(DATA,))
    with raises(TypeError, "train_one must return an array, a number or a tree of them, got None"):
        population(lambda key: None, KEYS)
    with raises(TypeError, "train_one must be traceable by jax"):
        population(lambda x: float(x), jnp.ones(2))


@pytest.mark.parametrize("simplified", [False, True])
def test_population_warns_about_large_arrays_in_a_closure(simplified, monkeypatch):
    """Both where jax lists constants beside a program and where it writes them into it."""
    large = jnp.asarray(np.ones(1 << 19, np.float32))
    inside = jax.lax.cond if simplified else lambda holds, f, _, x: f(x)
    one = lambda x: inside(True, lambda x: x * large[0], lambda x: x, x)
    before = jax.config.jax_use_simplified_jaxpr_constants
    jax.config.update("jax_use_simplified_jaxpr_constants", simplified)
    try:
        with pytest.warns(UserWarning, match=r"train_one has 2\.0 MB of arrays in its closure, .*shared=\(data,\)"):
            training.population(one, jnp.ones(2))
    finally:
        jax.config.update("jax_use_simplified_jaxpr_constants", before)
