"""The competitors that train the same workload, each written as the users of its library would write it.

Each function returns a `Competitor` that trains `members` networks. Optional libraries are imported when the competitor
is prepared, so this module can be imported without them.
"""

import importlib
from collections.abc import Callable
from typing import Any

from benchmarks.competitors.workload import Workload
from benchmarks.harness.measure import Competitor


def jaxdl_single(workload: Workload) -> Competitor:
    """Return jaxdl training one network: `training.train` under `jax.jit`."""
    from benchmarks.competitors import by_jaxdl

    return Competitor("jaxdl", lambda: by_jaxdl.single(workload))


def jaxdl_population(workload: Workload, members: int) -> Competitor:
    """Return jaxdl training many networks: `training.train` as a population."""
    from benchmarks.competitors import by_jaxdl

    return Competitor("jaxdl", lambda: by_jaxdl.population(workload, members), members)


def flax_loop(workload: Workload) -> Competitor:
    """Return Flax and optax: a Python loop around a compiled step."""
    from benchmarks.competitors import by_flax

    return Competitor("Flax and optax, Python loop", lambda: by_flax.single(workload))


def flax_vmap(workload: Workload, members: int) -> Competitor:
    """Return Flax and optax with `jax.vmap` over the step of that loop."""
    from benchmarks.competitors import by_flax

    return Competitor("jax.vmap over Flax", lambda: by_flax.vmapped(workload, members), members)


def equinox_loop(workload: Workload) -> Competitor:
    """Return Equinox and optax: a Python loop around a compiled step."""
    prepare = _import_and_call("by_equinox", "single", workload)
    return Competitor("Equinox and optax, Python loop", prepare, requires=("equinox",))


def pytorch_loop(workload: Workload, members: int = 1, *, name: str = "PyTorch", **options: Any) -> Competitor:
    """Return PyTorch training one network after another; `options` are fields of `by_pytorch.PyTorchOptions`."""

    def prepare():
        from benchmarks.competitors import by_pytorch

        return by_pytorch.loop(workload, members, by_pytorch.PyTorchOptions(**options))

    return Competitor(name, prepare, members, requires=("torch",))


def pytorch_vmap(workload: Workload, members: int) -> Competitor:
    """Return PyTorch with `torch.func.vmap` over all networks."""
    prepare = _import_and_call("by_pytorch", "vmapped", workload, members)
    return Competitor("torch.func.vmap", prepare, members, requires=("torch",))


def scikit_learn_loop(workload: Workload, members: int = 1) -> Competitor:
    """Return scikit-learn's `MLPClassifier`, one after another."""
    prepare = _import_and_call("by_scikit_learn", "loop", workload, members)
    return Competitor("scikit-learn", prepare, members, requires=("sklearn",))


def scikit_learn_joblib(workload: Workload, members: int) -> Competitor:
    """Return scikit-learn's `MLPClassifier`, one on each core."""
    prepare = _import_and_call("by_scikit_learn", "by_joblib", workload, members)
    return Competitor("scikit-learn with joblib", prepare, members, requires=("sklearn", "joblib"))


def _import_and_call(module: str, function: str, *arguments: Any) -> Callable[[], Any]:
    """Return a function that imports a module of this directory and then calls one of its functions."""

    def prepare():
        return getattr(importlib.import_module(f"benchmarks.competitors.{module}"), function)(*arguments)

    return prepare
