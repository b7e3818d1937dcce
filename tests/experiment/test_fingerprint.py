"""The fingerprint of an experiment covers everything that its numbers depend on."""

import functools

import jax
import numpy as np
import pytest

from jaxdl.experiment import Claim, Exact, Experiment, Panel, chapter_of, conduct
from jaxdl.experiment.fingerprint import fingerprint, settings_of, versions
from jaxdl.experiment.reached import reached_by


def coins(keys, height=0.0):
    """Measure two arms of zeros."""
    for arm in ("left", "right"):
        yield arm, [height] * len(keys)


def made(measure=coins, seeds=16, condition="they are equal", arms=("left", "right"), name="coin"):
    rule = Exact(condition, lambda measured: measured["left"] == measured["right"], lambda measured: "Found.")
    panel = Panel("height", dict.fromkeys(arms, "one"))
    return Experiment(name, 1, "A coin falls.", (Claim("Both are equal.", rule),), (panel,), seeds, measure)


def fingerprint_of(measure=coins, stream="draft", **more):
    return fingerprint(made(measure, **more), reached_by(measure), stream)


def test_the_fingerprint_covers_code_seeds_arms_and_options_but_not_the_rules(monkeypatch):
    first = fingerprint_of()
    assert first == fingerprint_of() == fingerprint_of(condition="another") == fingerprint_of(name="other")
    changed = [fingerprint_of(stream="other"), fingerprint_of(seeds=17), fingerprint_of(arms=("left",))]
    changed += [fingerprint_of(functools.partial(coins, height=height)) for height in (1.0, 2.0)]
    with jax.enable_x64(not jax.config.jax_enable_x64):
        changed.append(fingerprint_of())
    monkeypatch.setenv("JAXDL_DATA", "elsewhere")
    changed.append(fingerprint_of())
    monkeypatch.setattr("jaxdl.experiment.fingerprint._version", lambda package: f"{package} 0")
    changed.append(fingerprint_of())
    assert len({first, *changed}) == 1 + len(changed)


def test_it_covers_the_module_that_measures(monkeypatch, tmp_path):
    first = fingerprint_of()
    other = tmp_path / "measurement.py"
    other.write_text("1")
    monkeypatch.setattr("jaxdl.experiment.fingerprint.MEASUREMENT", other)
    assert fingerprint_of() != first


def test_what_cannot_be_read_is_measured_every_time(tmp_path):
    numbers = (number for number in range(2))
    experiment = made(lambda keys, numbers=numbers: coins(keys, next(numbers)))
    results = [conduct(experiment, tmp_path) for _ in range(2)]
    assert [result["panels"][0]["means"][0]["estimate"] for result in results] == [0.0, 1.0]
    assert "refers to" in results[0]["unknown"][0] or "generator" in results[0]["unknown"][0]
    assert results[0]["key"] != results[1]["key"]


def test_a_function_without_a_source_file_is_known_by_its_bytecode(tmp_path):
    scope = {"__name__": "builtins"}
    text = "def measure(keys):\n    yield 'left', [{}] * len(keys)\n    yield 'right', [0.0] * len(keys)\n"
    keys = []
    for number in ("0.0", "0.0", "1.0"):
        exec(text.format(number), scope)
        keys.append(conduct(made(scope["measure"]), tmp_path)["key"])
    assert keys[0] == keys[1] != keys[2]


def test_bound_arguments_are_part_of_a_result(tmp_path):
    assert settings_of(functools.partial(coins, 3, size=4, of=chapter_of)) == "3, size 4, of chapter_of"
    assert settings_of(functools.partial(coins, height=np.zeros(1000))) == "height float64[1000]"
    assert conduct(made(functools.partial(coins)), tmp_path)["settings"] == ""


def test_versions_are_those_of_the_packages_that_a_measurement_uses():
    assert list(versions(reached_by(coins))) == ["python", "jax", "jaxlib", "numpy"]
    found = versions(reached_by(lambda keys: pytest.approx(1)))
    assert found["pytest"] == pytest.__version__
    assert found["jax"] == jax.__version__
