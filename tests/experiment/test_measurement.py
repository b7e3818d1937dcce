"""A measurement yields one number per seed for each arm, and names the files that it read."""

import jax
import pytest

from jaxdl.experiment.measurement import measure_arms
from tests.experiment.test_fingerprint import coins, made


def keys(seeds=16):
    return jax.random.split(jax.random.key(0), seeds)


def test_arms_are_in_the_order_of_the_panels(tmp_path):
    reports = []
    experiment = made(lambda keys: [*coins(keys)][::-1], seeds=3)
    found = measure_arms(
        experiment, experiment.measure, keys(3), tmp_path, on_progress=lambda *counts: reports.append(counts)
    )
    assert [*found.measured] == ["left", "right"]
    assert found.measured["left"].tolist() == [0.0, 0.0, 0.0]
    assert reports == [(0, 2), (1, 2), (2, 2)]
    assert found.seconds > 0


def test_files_are_named(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("1")

    def measure(keys):
        path.read_text()
        return coins(keys)

    names = [file["path"] for file in measure_arms(made(), measure, keys(), tmp_path / "results").inputs.files]
    assert any(name.endswith("data.txt") for name in names)


@pytest.mark.parametrize(
    ("measure", "error", "sentence"),
    [
        (lambda keys: {"left": keys}, TypeError, "measure must yield pairs of an arm and its numbers, got dict"),
        (lambda keys: None, TypeError, "measure must yield pairs"),
        (lambda keys: [("left", [0.0] * 16)], ValueError, "missing .None. or in no panel: .'right': None."),
        (lambda keys: [*coins(keys), ("up", [0.0])], ValueError, "'up': .1,."),
        (lambda keys: coins(keys[1:]), ValueError, "must yield 16 numbers for each arm"),
        (lambda keys: ["left", "right"], TypeError, "got 'left' in place of a pair: write yield arm, numbers"),
        (lambda keys: [("left", [1j] * 16)], TypeError, "must yield real numbers for the arm 'left'"),
        (lambda keys: [("left", "x")], TypeError, "must yield real numbers for the arm 'left', .* got 'x'"),
    ],
)
def test_wrong_measurements_raise(tmp_path, measure, error, sentence):
    with pytest.raises(error, match=sentence):
        measure_arms(made(), measure, keys(), tmp_path)
