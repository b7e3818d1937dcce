import pytest

from jaxdl.training import CheckpointWriter
from jaxdl.training.checkpoints.resume import CheckpointManager, differences


class SlowWriter(CheckpointWriter):
    """A writer whose last save took some seconds, and a clock."""

    def __init__(self, seconds):
        self.seconds, self.now, self.saved = seconds, 100.0, []

    def is_busy(self):
        return False

    def save(self, number, tree, *, note=None):
        self.saved.append(number)


@pytest.mark.parametrize(("seconds", "duration", "wait"), [(10.0, 0.1, 10.0), (10.0, 1.0, 50.0), (0.0, 0.0, 0.0)])
def test_the_first_save_is_due_at_once_and_later_ones_after_50_times_their_duration(
    monkeypatch, seconds, duration, wait
):
    writer = SlowWriter(duration)
    monkeypatch.setattr("time.perf_counter", lambda: writer.now)
    manager = CheckpointManager(None, writer, seconds, {})
    assert manager.is_due()
    manager.save(1, {}, {"seconds": 0.0})
    if wait:
        writer.now += wait - 0.1
        assert not manager.is_due()
    writer.now += 0.1
    assert manager.is_due()
    manager.save(1, {}, {"seconds": 0.0})
    assert writer.saved == [1]


def test_differences_are_described_by_name():
    there = {"a": 1, "of": {"b": 2.0, "gone": None}, "same": (1, 2)}
    assert differences(there, there) == ""
    here = {"a": 2, "of": {"b": 2.0}, "same": [1, 2], "new": "x"}
    expected = "a (1 there, 2 here), of.gone (None there, nothing here), new (nothing there, x here)"
    assert differences(there, here) == expected
