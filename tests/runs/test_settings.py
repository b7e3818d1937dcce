"""Defaults of the optimizers come from the functions of `jaxdl.optimizers`."""

import dataclasses
import inspect
import subprocess
import sys
import typing

import pytest

from jaxdl import optimizers
from jaxdl.runs.build import OPTIMIZERS
from jaxdl.runs.settings import AdamW, Optimizer, Train, optimizer_defaults


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_defaults_are_those_of_the_function(kind):
    parameters = inspect.signature(OPTIMIZERS[kind]).parameters
    for field in dataclasses.fields(kind):
        if field.name != "learning_rate":
            assert field.default == parameters[field.name].default


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_every_hyperparameter_of_the_function_is_a_setting(kind):
    names = {name for name in inspect.signature(OPTIMIZERS[kind]).parameters if name != "mask"}
    assert {field.name for field in dataclasses.fields(kind)} == names


def test_defaults_read_from_the_source_are_those_of_the_functions():
    for name, defaults in optimizer_defaults().items():
        if hasattr(optimizers, name):
            parameters = inspect.signature(getattr(optimizers, name)).parameters
            assert defaults == {key: p.default for key, p in parameters.items() if isinstance(p.default, float)}


def test_the_default_optimizer_is_adamw_and_every_optimizer_can_be_chosen():
    assert Train().optimizer == AdamW()
    chosen = {typing.get_args(kind)[0] if typing.get_args(kind) else kind for kind in typing.get_args(Optimizer)}
    assert chosen == {*OPTIMIZERS}


def test_the_settings_import_no_jax():
    code = "import sys, jaxdl.runs.settings; print('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"
