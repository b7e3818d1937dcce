"""A measurement yields one number per seed for each arm, and names the files that it read."""

import numpy as np
import pytest

from jaxdl.experiment.measurement import measure_arms
from tests.experiment.test_fingerprint import coins, made


def test_arms_are_in_the_order_of_the_panels(tmp_path):
    reports = []
    experiment = made(lambda keys: [*coins(keys)][::-1], seeds=3)
    found = measure_arms(
        experiment, experiment.measure, 0, tmp_path, on_progress=lambda *counts: reports.append(counts)
    )
    assert [*found.measured] == ["left", "right"]
    assert found.measured["left"].tolist() == [0.0, 0.0, 0.0]
    assert reports == [(0, 2), (1, 2), (2, 2)]
    assert found.seconds > 0


def test_the_keys_derive_from_the_seed(tmp_path):
    import jax

    def measure(keys):
        for arm in ("left", "right"):
            yield arm, jax.vmap(jax.random.uniform)(jax.random.clone(keys))

    first, again, other = (measure_arms(made(measure), measure, seed, tmp_path).measured["left"] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.isin(first, other).any()


def test_files_are_named(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("1")

    def measure(keys):
        path.read_text()
        return coins(keys)

    names = [file["path"] for file in measure_arms(made(), measure, 0, tmp_path / "results").inputs.files]
    assert any(name.endswith("data.txt") for name in names)


@pytest.mark.parametrize(
    ("measure", "error", "sentence"),
    [
        (lambda keys: {"left": keys}, TypeError, "measure must yield pairs of an arm and its numbers, got dict"),
        (lambda keys: None, TypeError, "measure must yield pairs"),
        (lambda keys: [("left", [0.0] * 16)], ValueError, "missing .None. or in no panel: .'right': None."),
        (lambda keys: [*coins(keys), ("up", [0.0])], ValueError, "'up': .1,."),
        (lambda keys: coins(keys[1:]), ValueError, "must yield 16 numbers for each arm"),
    ],
)
def test_wrong_measurements_raise(tmp_path, measure, error, sentence):
    with pytest.raises(error, match=sentence):
        measure_arms(made(), measure, 0, tmp_path)
