"""Curves for TensorBoard."""

import sys

import pytest

from jaxdl.runs.tensorboard import tensorboard_curves

ROWS = [{"member": member, "epoch": 1, "train_loss": 0.5, "dev_r_squared": 0.25} for member in range(2)]


def events(directory):
    return [path.read_bytes() for path in sorted((directory / "tensorboard").rglob("events*"))]


def test_every_member_has_a_curve_for_each_column(regression_run):
    found = events(regression_run)
    assert len(found) == 3
    assert all(tag in event for event in found for tag in (b"train/loss", b"dev/loss", b"dev/r_squared"))


def test_a_resumed_run_replaces_its_curves(tmp_path):
    for _ in range(2):
        with tensorboard_curves(tmp_path, enabled=True) as draw:
            draw(ROWS)
    assert len(events(tmp_path)) == 2
    assert all(b"dev/r_squared" in event for event in events(tmp_path))


def test_nothing_is_written_if_curves_are_disabled(tmp_path):
    with tensorboard_curves(tmp_path, enabled=False) as draw:
        draw(ROWS)
    assert not list(tmp_path.iterdir())


def test_without_the_extra_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with (
        pytest.raises(
            ModuleNotFoundError, match="--tensorboard needs tensorboardX, .*: install the extra `tensorboard`"
        ),
        tensorboard_curves(tmp_path, enabled=True),
    ):
        pass
