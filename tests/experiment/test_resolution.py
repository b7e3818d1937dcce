"""Names that code looks up are found with their attributes; code that is found by a text is unknown."""

import importlib
import math
import os
import sys

import numpy as np

import jaxdl.functional as F
from jaxdl.experiment.bytecode import lookups
from jaxdl.experiment.reached import reached_by
from jaxdl.experiment.resolution import Found, found_by

VALUES = (1, 2)


class Settings(dict):
    pass


def test_names_are_found_with_their_attributes():
    def code(x):
        import math

        return np.linalg.norm(x) + F.relu(x) + len(VALUES) + unknown_name + math.pi

    found = [each for lookup in lookups(code.__code__) for each in found_by(code, lookup)]
    assert found == [
        *(Found("math", math, "math"), Found("np.linalg.norm", np.linalg.norm, "numpy"), Found("F.relu", F.relu)),
        *(Found("len", len), Found("VALUES", VALUES), Found("unknown_name", None)),
    ]


def test_code_that_is_found_by_its_name_is_unknown():
    def measure(keys):
        return importlib.import_module("math").sqrt(4)

    assert "uses importlib.import_module, which finds code or values by their names" in reached_by(measure).unknown[0]
    for other in (
        lambda keys: eval("keys"),
        lambda keys: globals()["VALUES"],
        lambda keys: sys.modules["main"].SCALE,
        lambda keys: [kind.size for kind in Settings.__subclasses__()],
    ):
        assert len(reached_by(other).unknown) == 1


def test_environment_variables_and_attributes_of_functions_count(monkeypatch):
    def measure(keys):
        return [os.environ.get("FACTOR_OF_THE_TEST", 1), measure.factor]

    digests = []
    for factor, variable in ((1, "1"), (2, "1"), (2, "2")):
        measure.factor = factor
        monkeypatch.setenv("FACTOR_OF_THE_TEST", variable)
        digests.append(reached_by(measure).digest)
    assert len(set(digests)) == 3
    monkeypatch.setenv("ANOTHER_OF_THE_TEST", "1")
    assert reached_by(measure).digest == digests[-1]
