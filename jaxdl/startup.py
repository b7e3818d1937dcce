"""What the command line, the experiments and the benchmarks set before jax starts; importing jaxdl sets nothing."""

import contextlib
import gc
import os

CACHED = 2**30  # bytes of compiled programs that are kept; those that were not used for the longest time go first
PLACE, DETECT = "JAXDL_PLACE", "detect"  # "address,processes,number" of a process among several; or as jax detects it


def prepare() -> None:
    """Make every core a device, and keep compiled programs on disk, below JAX_COMPILATION_CACHE_DIR where it is set."""
    import jax

    from jaxdl.storage import cache_dir, keep_within

    join()
    with contextlib.suppress(RuntimeError):  # jax has begun, as where one command follows another in one process
        use_all_cores()

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "compiled"))
        keep_within(cache_dir() / "compiled", CACHED)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    gc.freeze()  # what is imported stays: looking through it again took an eighth of the time of tracing


def use_all_cores() -> int:
    """Make every core of the CPU a device of jax, which a population is divided among; how many there then are.

    To be called before jax computes anything. One device of several still uses all cores for what it computes alone.
    JAX_NUM_CPU_DEVICES, where it is set, says how many instead. Raises RuntimeError where jax has begun with fewer.
    """
    import jax

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = int(os.environ.get("JAX_NUM_CPU_DEVICES") or cores)

    try:
        jax.config.update("jax_num_cpu_devices", cores)
    except RuntimeError as error:
        if jax.device_count("cpu") < cores:
            raise RuntimeError(
                f"use_all_cores must come before jax computes anything, but jax runs on {jax.device_count('cpu')} of "
                f"{cores} cores already: call it directly after the imports."
            ) from error
    return cores


def join() -> None:
    """Become one of the processes that `jaxdl launch` has started, or that a cluster has, where it is one."""
    import jax

    place = os.environ.pop(PLACE, None)  # this process has it, and none that it starts
    if place == DETECT:
        jax.distributed.initialize()
    elif place is not None:
        address, count, number = place.split(",")
        jax.distributed.initialize(address, int(count), int(number), cluster_detection_method="deactivate")


def without_accelerators() -> None:
    """Keep a process that has not imported jax yet off what another computes on."""
    os.environ["JAX_PLATFORMS"] = "cpu"
