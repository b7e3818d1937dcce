"""Strict jax for every test: several CPU devices, key reuse checked, full matmul precision, a quick compiler."""

import atexit
import gc
import importlib.metadata
import inspect
import os
import pathlib
import shutil
import signal
import tempfile

# Compile quickly: only numbers matter here. The last flag halves the time; newer jaxlibs do not know it.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
    + (" --xla_cpu_use_fusion_emitters=false" if importlib.metadata.version("jaxlib") < "0.11" else ""),
)

# What one test has compiled, in any of the processes, no other compiles again; a fresh folder for every run.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="jaxdl-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

import jax
import numpy as np
import pytest

gc.set_threshold(200_000, 20, 100)  # jax makes many small objects that live long
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_default_matmul_precision", "highest")


LONG = (  # first: none is the last, alone on its core
    *("test_resume.py", "test_main.py", "test_experiments.py", "test_launch.py", "test_readme.py"),
    *("test_derivations.py", "test_hard_tables.py", "test_models.py", "test_streaming.py", "test_streamed.py"),
)


def pytest_sessionstart():
    from jaxdl.system import startup  # not before the run-time type checks are installed

    startup.prepare()
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)  # to write less costs more than to compile it


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)
    if jax.default_backend() == "cpu":
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="jax finds no accelerator here"))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Raise KeyboardInterrupt at SIGINT, here and in child processes: a background job of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def torch():
    """PyTorch as an oracle; the project does not install it."""
    return pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch, the CPU build, to compare")


@pytest.fixture(scope="session")
def data_dir():
    """Data sets that are not part of the project: JAXDL_DATA, or shared/data beside the project."""
    beside = pathlib.Path(__file__).parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("JAXDL_DATA") or beside)
    if not folder.is_dir():
        pytest.skip("the data sets are not here: name their folder in JAXDL_DATA")
    return folder


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def double():
    """Compute in float64."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def unchecked():
    """A function without the run-time type checks that the tests switch on: as users call it."""
    return inspect.unwrap
