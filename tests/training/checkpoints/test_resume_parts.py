import json
import random

import pytest

from jaxdl.training import Checkpoint, CheckpointWriter
from jaxdl.training.checkpoints import resume
from jaxdl.training.checkpoints.resume import CheckpointManager, differences, identity_of
from tests.hostile import HOSTILE, NESTED, is_read, json_of, places, replaced

SHALLOW = [value for value in HOSTILE if value != NESTED]  # which the reader of JSON has refused


class SlowWriter(CheckpointWriter):
    """A writer whose last save took some seconds, and a clock."""

    def __init__(self, seconds):
        self.seconds, self.now, self.saved = seconds, 100.0, []

    def is_busy(self):
        return False

    def save(self, number, tree, *, note=None):
        self.saved.append(number)


def saves(monkeypatch, seconds, duration, until, restored=None):
    """Return the seconds, in halves, at which a training saves."""
    writer = SlowWriter(duration)
    monkeypatch.setattr("time.perf_counter", lambda: writer.now)
    manager = CheckpointManager(restored, writer, seconds, {})
    for number in range(1, 2 * until + 1):
        writer.now += 0.5
        if manager.is_due():
            manager.save(number, {}, {})
            manager.save(number, {}, {})  # saved already
    return [number / 2 for number in writer.saved]


@pytest.mark.parametrize("restored", [None, Checkpoint(0, {}, {})])
def test_saves_are_frequent_in_the_beginning_and_after_every_resumption(monkeypatch, restored):
    assert saves(monkeypatch, None, 0.01, 60, restored) == [0.5, 1, 2, 4, 8, 16, 26, 36, 46, 56]
    assert saves(monkeypatch, None, 1.0, 200, restored) == [0.5, 10.5, 21, 42, 84, 134, 184]  # 10 and 50 times a save


def test_a_number_of_seconds_is_obeyed(monkeypatch):
    assert saves(monkeypatch, 3.0, 1.0, 10) == [0.5, 3.5, 6.5, 9.5]
    assert len(saves(monkeypatch, 0.0, 1.0, 10)) == 20
    assert saves(monkeypatch, 1e9, 0.0, 10) == [0.5]


def test_differences_are_described_by_name():
    there = {"a": 1, "of": {"b": 2.0, "gone": None}, "same": (1, 2)}
    assert differences(there, there) == ""
    here = {"a": 2, "of": {"b": 2.0}, "same": [1, 2], "new": "x"}
    expected = "a (1 there, 2 here), of.gone (None there, nothing here), new (nothing there, x here)"
    assert differences(there, here) == expected
    assert differences({"keys": "a" * 64}, {"keys": "b" * 64}) == "keys (other values)"


def test_long_settings_are_described_by_their_first_difference():
    filters = list(range(1000))
    changed = [*filters[:998], "x" * 99, 7]
    assert differences({"a": filters}, {"a": filters[:9]}) == "a (1000 values there, 9 here)"
    assert differences({"a": filters}, {"a": changed}) == f"a (value 999 of 1000: 998 there, {'x' * 63}… here)"
    assert differences({"a": [1, 2]}, {"a": [1]}) == "a ([1, 2] there, [1] here)"


@pytest.mark.filterwarnings("ignore:the checkpoints below")
def test_whatever_a_note_holds_it_is_accepted_or_named_in_one_sentence(tmp_path):
    identity = identity_of({"members": 2, "keys": "0" * 64}, "program", {"hidden": [3]}, epochs=2)
    note, generator, accepted = {"identity": identity, "seconds": 1.5, "layout": [1, 1, 2]}, random.Random(0), 0
    for _ in range(200):
        changed = json.loads(json_of(replaced(note, generator.choice(list(places(note))), generator.choice(SHALLOW))))
        accepted += is_read(lambda: resume._accept(tmp_path, changed, identity))
    assert 5 < accepted < 80
    assert is_read(lambda: resume._accept(tmp_path, note, identity))
