"""Seeds derive from a hash of what decides, and every rule that was measured is kept."""

import jax
import numpy as np
import pytest

from jaxdl.experiment import Conditions, Exact, conduct
from jaxdl.experiment.registration import Registration, keys_of, read_registrations, register
from tests.experiment.test_conduct import close, finding, made


def test_keys_derive_from_the_hash_and_the_replication():
    streams = [("draft", 1), ("a" * 64, 1), ("a" * 64, 2), ("a" * 8 + "b" * 56, 1), ("f" * 64, 1)]
    bits = [tuple(np.asarray(jax.random.key_data(keys_of(*stream, 4))).ravel().tolist()) for stream in streams]
    assert len(set(bits)) == len(bits)
    longer = np.asarray(jax.random.key_data(keys_of("a" * 64, 1, 6)))
    assert longer[:4].ravel().tolist() == [*bits[1]]


def test_every_hash_is_one_line_with_the_first_outcome(tmp_path):
    path = tmp_path / "results" / "registrations.jsonl"
    assert read_registrations(path) == []
    begun, done = (Registration("2026-01-01", "coin", "abc", outcome) for outcome in ("", "supported"))
    assert register(path, begun) == 1
    assert register(path, done) == 1
    assert register(path, begun) == 1
    assert register(path, done._replace(hash="abd", outcome="refuted")) == 2
    assert register(path, done._replace(experiment="die")) == 1
    assert read_registrations(path) == [
        done,
        done._replace(hash="abd", outcome="refuted"),
        done._replace(experiment="die"),
    ]
    assert register(path, done._replace(outcome="refuted")) == 3  # another outcome of the same rule
    path.write_text('{"date": 1}\n')
    with pytest.raises(ValueError, match="registrations.jsonl is damaged"):
        read_registrations(path)


def test_a_changed_rule_is_registered_again_but_drafts_and_replications_are_not(tmp_path):
    stricter = Exact("they differ by less than 1", lambda measured: ~close(measured), finding)
    path = tmp_path / "registrations.jsonl"
    for rule, conditions in (
        (None, Conditions()),
        (None, Conditions()),
        (None, Conditions(draft=True)),
        (None, Conditions(replication=2)),
        (stricter, Conditions()),
    ):
        name = "draft" if conditions.draft else f"replication_{conditions.replication}"
        result = conduct(made(rule=rule), tmp_path / name, conditions._replace(registrations=path))
    assert [line.outcome for line in read_registrations(path)] == ["supported", "refuted"]
    assert result["registrations"] == 2


@pytest.mark.parametrize("conditions", [Conditions(draft=True), Conditions(replication=2)])
def test_a_verdict_is_not_replaced(tmp_path, conditions):
    conduct(made(), tmp_path)
    with pytest.raises(FileExistsError, match="coin.json holds a verdict, which a .* must not replace: choose another"):
        conduct(made(), tmp_path, conditions)
    assert conduct(made(), tmp_path)["claims"][0]["verdict"] == "supported"


def test_a_damaged_file_of_registrations_keeps_the_verdict(tmp_path):
    conduct(made(), tmp_path)
    (tmp_path / "registrations.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="registrations.jsonl is damaged"):
        conduct(made(seeds=17), tmp_path)
    assert (tmp_path / "coin.json").is_file()


def test_a_measurement_that_does_not_end_is_registered_without_an_outcome(tmp_path):
    def measure(keys):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        conduct(made(measure), tmp_path)
    (line,) = read_registrations(tmp_path / "registrations.jsonl")
    assert (line.experiment, line.outcome) == ("coin", "")
