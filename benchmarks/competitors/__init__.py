"""Those who do the same work, each as its users would write it, at its best setting; a package only where it is there.

Each function gives a Competitor that trains `members` networks; what it needs is imported when it is prepared.
"""

from collections.abc import Callable
from typing import Any

from benchmarks.benchmark import Competitor
from benchmarks.competitors.work import Work


def jaxdl_alone(work: Work) -> Competitor:
    """`training.train` under `jax.jit`."""
    from benchmarks.competitors import by_jaxdl

    return Competitor("jaxdl", lambda: by_jaxdl.alone(work))


def jaxdl_population(work: Work, members: int) -> Competitor:
    """`training.train` as a population."""
    from benchmarks.competitors import by_jaxdl

    return Competitor("jaxdl", lambda: by_jaxdl.population(work, members), members)


def flax_loop(work: Work) -> Competitor:
    """A Python loop around a compiled step."""
    from benchmarks.competitors import by_flax

    return Competitor("Flax and optax, a Python loop", lambda: by_flax.alone(work))


def flax_vmap(work: Work, members: int) -> Competitor:
    """`jax.vmap` of that loop's step."""
    from benchmarks.competitors import by_flax

    return Competitor("jax.vmap over Flax", lambda: by_flax.vmapped(work, members), members)


def equinox_loop(work: Work) -> Competitor:
    """A Python loop around a compiled step."""
    return Competitor("Equinox and optax, a Python loop", _later("by_equinox", "alone", work), needs=("equinox",))


def pytorch_loop(work: Work, members: int = 1, *, name: str = "PyTorch", **ways: Any) -> Competitor:
    """One network after another; `ways` narrow what is tried."""

    def prepare():
        from benchmarks.competitors import by_pytorch

        return by_pytorch.loop(work, members, by_pytorch.Ways(**ways))

    return Competitor(name, prepare, members, needs=("torch",))


def pytorch_vmap(work: Work, members: int) -> Competitor:
    """`torch.func.vmap` over all networks."""
    prepare = _later("by_pytorch", "vmapped", work, members)
    return Competitor("torch.func.vmap", prepare, members, needs=("torch",))


def scikit_learn_loop(work: Work, members: int = 1) -> Competitor:
    """`MLPClassifier`, one after another."""
    prepare = _later("by_scikit_learn", "loop", work, members)
    return Competitor("scikit-learn", prepare, members, needs=("sklearn",))


def scikit_learn_joblib(work: Work, members: int) -> Competitor:
    """`MLPClassifier`, one on each core."""
    prepare = _later("by_scikit_learn", "by_joblib", work, members)
    return Competitor("scikit-learn with joblib", prepare, members, needs=("sklearn", "joblib"))


def _later(module: str, function: str, *arguments: Any) -> Callable[[], Any]:
    """A call of a function of a module of this folder, which is imported only then."""

    def prepare():
        import importlib

        return getattr(importlib.import_module(f"benchmarks.competitors.{module}"), function)(*arguments)

    return prepare
