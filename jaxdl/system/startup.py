"""Start-up of the command line, the experiments and the benchmarks; importing jaxdl itself changes no setting."""

import contextlib
import functools
import gc
import os
import pathlib
import time
import warnings
from typing import Any

MAX_CACHE = 2**30  # bytes of compiled programs kept on disk; the least recently used are deleted first
WRITTEN_WITHIN = 60  # seconds, after which a file in the cache is complete
DAMAGED = "Error reading persistent compilation cache entry"  # beginning of a warning of jax
PLACE, DETECT = "JAXDL_PLACE", "detect"  # "address,processes,number" of one of several processes, or "detect"


def prepare() -> None:
    """Make every CPU core a device, and cache compiled programs on disk.

    The cache is JAX_COMPILATION_CACHE_DIR if set, else a folder below `cache_dir()`, unless others can write to it.
    """
    import jax

    from jaxdl.system.storage import limit_size, private_cache

    join_processes()
    with contextlib.suppress(RuntimeError):  # jax has started, for example for an earlier command in this process
        use_all_cores()

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR") and (compiled := private_cache("compiled")) is not None:
        jax.config.update("jax_compilation_cache_dir", str(compiled))
        limit_size(compiled, MAX_CACHE)
        rebuild_if_damaged(compiled)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    gc.freeze()  # imported modules stay alive: scanning them again took an eighth of the time of tracing


@functools.cache
def rebuild_if_damaged(compiled: pathlib.Path) -> None:
    """Delete the compiled programs as soon as jax warns that it cannot read one, so that they are written anew.

    jax itself keeps a damaged file, and warns in every process. Its warning does not name the file. New files stay,
    because another process may be writing them.
    """
    show = warnings.showwarning

    def showwarning(message: Any, *arguments: Any) -> None:
        if str(message).startswith(DAMAGED):
            for entry in compiled.glob("*-cache"):
                with contextlib.suppress(FileNotFoundError):  # deleted by another process
                    if time.time() - entry.stat().st_mtime > WRITTEN_WITHIN:
                        entry.unlink()
        show(message, *arguments)

    warnings.showwarning = showwarning  # ty: ignore[invalid-assignment]


def use_all_cores() -> int:
    """Make every CPU core a device of jax, so that populations are divided over all cores.

    Call it directly after the imports, before jax computes anything. A single program still uses all cores. The
    environment variable JAX_NUM_CPU_DEVICES overrides the number of cores.

    Returns:
        The number of CPU devices.

    Raises:
        RuntimeError: jax has already started with fewer devices.

    Example:
        >>> from jaxdl import training
        >>> training.use_all_cores()  # doctest: +SKIP
        8
    """
    import jax

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = int(os.environ.get("JAX_NUM_CPU_DEVICES") or cores)

    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        if jax.device_count("cpu") < cores:
            raise RuntimeError(
                f"use_all_cores() must be called before jax computes anything: jax already runs with "
                f"{jax.device_count('cpu')} of {cores} cores. Call it directly after the imports."
            ) from error
    return cores


def join_processes() -> None:
    """Join the other processes if `jaxdl launch` or a cluster has started this one."""
    import jax

    place = os.environ.pop(PLACE, None)  # removed, so that child processes do not inherit it
    if place == DETECT:
        try:
            jax.distributed.initialize()
        except ValueError as error:
            if "coordinator_address" not in str(error):
                raise
            raise ValueError(
                "jax detects no cluster that has started this process: start it with srun or mpirun, or write "
                "jaxdl launch -n 2 for two processes of this machine."
            ) from error
    elif place is not None:
        address, count, number = place.split(",")
        jax.distributed.initialize(address, int(count), int(number), cluster_detection_method="deactivate")


def without_accelerators() -> None:
    """Keep this process on the CPU; call it before jax is imported."""
    os.environ["JAX_PLATFORMS"] = "cpu"
