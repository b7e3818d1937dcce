"""Code is jaxdl's, installed, or the experiment's own."""

import functools
import json
import types

import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl import data, training
from jaxdl.experiment import origins
from tests.experiment import test_fingerprint


@pytest.mark.parametrize(
    ("module", "own"),
    [
        *((np, False), (np.linalg, False), (json, False), (types, False), (functools, False), (jnp, False)),
        *((F, True), (origins, True), (test_fingerprint, True), (None, True), (types.ModuleType("by_hand"), True)),
    ],
)
def test_modules_outside_the_installed_packages_are_own(module, own):
    assert origins.is_own(module) is own


def test_a_name_in_an_installed_package_stands_for_a_value():
    assert [*map(origins.is_by_name, (np.exp, jnp.exp, len, dict, json.dumps, functools.partial))] == [True] * 6
    local = functools.wraps(json.dumps)(lambda: None)
    assert [*map(origins.is_by_name, (local, F.relu, 3, np.zeros(2), test_fingerprint.coins))] == [False] * 5


def test_the_module_of_code():
    wrapper = functools.wraps(json.dumps)(lambda: None)
    assert wrapper.__module__ == "json"
    assert origins.module_of(wrapper).__name__ == __name__
    assert origins.module_of(data.Dataset).__name__ == "jaxdl.data.dataset"


def test_the_experiments_of_a_wheel_are_own_and_not_part_of_jaxdl():
    carried = "jaxdl.course.experiments"
    assert origins.is_own(types.ModuleType(f"{carried}.xor"))
    names = (carried, f"{carried}.xor.measure", f"{carried}_of_others", "jaxdl.course", "experiments.xor")
    assert [*map(origins.is_jaxdl, names)] == [False, False, True, True, False]
    assert [*map(origins.name_in_repository, names)] == [
        *("experiments", "experiments.xor.measure", f"{carried}_of_others", "jaxdl.course", "experiments.xor")
    ]


def test_public_names():
    values = (F.relu, training.fit, data.Dataset, origins.is_own, np.exp, 3)
    assert [[*origins.public_names(value)] for value in values] == [
        *(["functional.relu"], ["training.fit"], ["data.Dataset"], [], [], [])
    ]
