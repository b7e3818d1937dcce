"""What the command line, the experiments and the benchmarks set before jax starts; importing jaxdl sets nothing."""

import gc
import os


def prepare() -> None:
    """Keep compiled programs on disk for the next run, below JAX_COMPILATION_CACHE_DIR where that is set."""
    import jax

    from jaxdl.storage import cache_dir

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        jax.config.update("jax_compilation_cache_dir", str(cache_dir() / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    gc.freeze()  # what is imported stays: looking through it again took an eighth of the time of tracing
