import os

import jax
import pytest

from jaxdl.system.startup import DETECT, PLACE, join_processes, use_all_cores, without_accelerators


def test_cores_become_devices_only_before_jax_starts(monkeypatch):
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", str(jax.device_count()))
    assert use_all_cores() == jax.device_count()
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "64")
    message = rf"must be called before jax computes anything: jax already runs with {jax.device_count()} of 64 cores\."
    with pytest.raises(RuntimeError, match=message):
        use_all_cores()


@pytest.mark.parametrize(
    ("place", "calls"),
    [
        (None, []),
        (DETECT, [((), {})]),
        ("localhost:1234,4,2", [(("localhost:1234", 4, 2), {"cluster_detection_method": "deactivate"})]),
    ],
    ids=["alone", "cluster", "launched"],
)
def test_a_process_joins_others_if_the_environment_names_them(monkeypatch, place, calls):
    """The variable is removed, so that child processes do not join."""
    found = []
    monkeypatch.setattr(
        "jax.distributed.initialize", lambda *arguments, **settings: found.append((arguments, settings))
    )
    if place is None:
        monkeypatch.delenv(PLACE, raising=False)
    else:
        monkeypatch.setenv(PLACE, place)
    join_processes()
    assert found == calls
    assert PLACE not in os.environ


def test_a_process_can_be_kept_on_the_cpu(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    without_accelerators()
    assert os.environ["JAX_PLATFORMS"] == "cpu"
