import os
import subprocess
import sys
import time

import jax
import pytest

from jaxdl.system.startup import (
    DAMAGED,
    DETECT,
    PLACE,
    WRITTEN_WITHIN,
    join_processes,
    prepare,
    use_all_cores,
    without_accelerators,
)


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


def test_a_process_without_a_cluster_names_the_ways_to_start_several(monkeypatch):
    def initialize():
        raise ValueError("coordinator_address should be defined.")

    monkeypatch.setattr(jax.distributed, "initialize", initialize)
    monkeypatch.setenv(PLACE, DETECT)
    with pytest.raises(ValueError, match="jax detects no cluster .*: start it with srun or mpirun, or .* launch -n 2"):
        join_processes()


def test_a_process_can_be_kept_on_the_cpu(monkeypatch):
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    without_accelerators()
    assert os.environ["JAX_PLATFORMS"] == "cpu"


def test_compiled_programs_come_from_a_private_cache_only(monkeypatch, tmp_path):
    changed = {}
    monkeypatch.setattr("jax.config.update", changed.__setitem__)
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    prepare()
    assert changed.pop("jax_compilation_cache_dir") == str(tmp_path / "compiled")
    tmp_path.chmod(0o777)
    with pytest.warns(UserWarning, match="reads no programs"):
        prepare()
    assert "jax_compilation_cache_dir" not in changed


def test_a_damaged_compiled_program_is_warned_of_once_and_written_anew(tmp_path):
    """Flip bytes in the program that one process compiled: the next warns and rebuilds it, the third reads it."""
    code = (
        "from jaxdl.system import startup; startup.prepare()\n"
        "import jax; print(jax.jit(lambda x: x * 3 + 1)(jax.numpy.arange(7.0)).sum())"
    )
    folder = tmp_path / "compiled"
    environment = {**os.environ, "JAXDL_CACHE": str(tmp_path), "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "default"}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)

    def run():
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=True
        )
        assert done.stdout.strip() == "70.0"
        return done.stderr

    assert DAMAGED not in run()
    entries = list(folder.glob("*-cache"))
    assert entries
    for entry in entries:
        content = bytearray(entry.read_bytes())
        content[len(content) // 2] ^= 255
        entry.write_bytes(content)
        os.utime(entry, (0, time.time() - 2 * WRITTEN_WITHIN))
    assert DAMAGED in run()
    assert DAMAGED not in run()
