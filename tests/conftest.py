"""Settings of jax for all tests: two CPU devices, checked key reuse, full matmul precision, fast compilation."""

import atexit
import gc
import importlib.metadata
import inspect
import os
import pathlib
import shutil
import signal
import tempfile

# Compile with few optimizations: tests look at numbers only. The last flag halves the time; jaxlib 0.11 drops it.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
    + (" --xla_cpu_use_fusion_emitters=false" if importlib.metadata.version("jaxlib") < "0.11" else ""),
)

# Child processes may write bytecode: without it, each of them compiles all sources of jaxdl again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Share compiled programs and other cached files among the processes of one test run, in a new folder.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="jaxdl-tests-")
    os.environ |= {"JAX_COMPILATION_CACHE_DIR": folder, "JAXDL_CACHE": os.path.join(folder, "jaxdl")}
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

import jax
import jaxtyping
import numpy as np
import pytest

gc.set_threshold(200_000, 20, 100)  # jax makes many small, long-lived objects
jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_default_matmul_precision", "highest")
jax.config.update("jax_traceback_in_locations_limit", 0)  # programs without the lines of their source lower faster
pytest_plugins = ["tests.trained_runs"]

# pytest's option --jaxtyping-packages makes jaxtyping wrap every function of jaxdl, also those inside others each time
# they are defined. A function without annotations has nothing to check: leaving it alone saves a tenth of the time.
_check_types = jaxtyping.jaxtyped


def _check_annotated(*, typechecker):
    decorate = _check_types(typechecker=typechecker)
    return lambda f: f if inspect.isfunction(f) and not f.__annotations__ else decorate(f)


jaxtyping.jaxtyped = _check_annotated


LONG = (  # files that take long run first, so that none of them runs alone at the end
    *("test_resume.py", "test_main.py", "test_launch.py", "test_derivations.py", "test_models.py"),
    *("test_hard_tables.py", "test_sharding.py", "test_streaming.py", "test_welcome.py", "test_pages.py"),
    *("test_docstrings.py", "test_optimizers.py", "test_purity.py", "test_convnet.py"),
    *("test_command_line.py", "test_arrays.py", "test_pytorch.py"),
)


def pytest_sessionstart():
    from jaxdl.system import startup  # imported here, after pytest has installed the run-time type checks

    startup.prepare()
    if os.environ.get("JAXDL_GRADIENTS") == "by_hand":
        use_hand_gradients()
    # The processes of a test run compile many equal programs, most of them in less than a second, the usual threshold.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def use_hand_gradients():
    """Let `jax.vjp` and `jax.grad` of every function of jaxdl.functional return its hand-derived gradient."""
    import jaxdl.functional
    from jaxdl import derivation

    vars(jaxdl.functional).update(
        {name: f for name, f in vars(derivation.by_hand()).items() if name in jaxdl.functional.__all__}
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Skip a test of second derivatives if the gradients are those by hand, which jax cannot differentiate forward."""
    try:
        return (yield)
    except TypeError as error:
        if os.environ.get("JAXDL_GRADIENTS") == "by_hand" and "(jvp) to a custom_vjp" in str(error):
            pytest.skip("a gradient by hand has no forward-mode derivative")
        raise


def pytest_configure(config):
    if hasattr(config, "workerinput"):  # a process of xdist
        atexit.register(os._exit, 0)  # jax would take five seconds to free its programs one by one


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)
    if os.environ.get("JAXDL_TESTS") != "all":
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes long: set JAXDL_TESTS=all to run it"))
    if jax.default_backend() == "cpu":
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="jax finds no accelerator"))


@pytest.fixture(scope="session", autouse=True)
def ctrl_c():
    """Raise KeyboardInterrupt at SIGINT, here and in child processes: a background job of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def pytest_collection_finish():
    gc.freeze()  # modules and tests stay alive: do not scan them again


def pytest_sessionfinish():
    gc.collect()
    gc.freeze()  # pytest collects five times more, to find errors in finalizers


@pytest.fixture(scope="session")
def torch():
    """Return PyTorch, the oracle of many tests; the project does not install it."""
    return pytest.importorskip(
        "torch", reason="PyTorch is not installed: pip install its CPU build to run this comparison"
    )


@pytest.fixture(scope="session")
def data_dir():
    """Return the folder of data sets that are not part of the project: JAXDL_DATA, else ../shared/data."""
    beside = pathlib.Path(__file__).parents[2] / "shared" / "data"
    folder = pathlib.Path(os.environ.get("JAXDL_DATA") or beside)
    if not folder.is_dir():
        pytest.skip("the data sets are not available: set JAXDL_DATA to their folder")
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
    """Return a function that removes the run-time type checks of the tests, so that a test can call what users call."""
    return inspect.unwrap
