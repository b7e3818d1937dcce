"""Fingerprint of a measurement: a hash of everything its numbers depend on. If it changes, jaxdl measures again."""

import functools
import hashlib
import importlib.metadata
import os
import pathlib
import sys
import uuid
from typing import Any

import jax

from jaxdl._display import summarized
from jaxdl.experiment.bytecode import digest_of_source
from jaxdl.experiment.claim import Experiment
from jaxdl.experiment.reached import Reached

MEASUREMENT = pathlib.Path(__file__).with_name("measurement.py")
ALWAYS = ("jax", "jaxlib", "numpy")  # packages that every measurement uses
OPTIONS = (  # of jax, which change numbers
    *("jax_default_prng_impl", "jax_threefry_partitionable", "jax_enable_x64", "jax_default_matmul_precision"),
    *("jax_numpy_dtype_promotion", "jax_numpy_rank_promotion"),
)


def fingerprint(experiment: Experiment, reached: Reached, stream: str) -> str:
    """Return a hash of all that the numbers depend on, but the files that are read: code, versions, device, seeds.

    Claims and rules are not part of it, except where `stream`, which decides the seeds, is that of a rule. It is a
    random text if something that the measurement depends on cannot be read.
    """
    if reached.unknown:
        return uuid.uuid4().hex
    parts = (
        reached.digest,
        digest_of_source(MEASUREMENT),
        repr((experiment.columns(), experiment.seeds, stream)),
        repr(versions(reached)),
        repr([getattr(jax.config, name) for name in OPTIONS]),
        os.environ.get("JAXDL_DATA", ""),
        f"{jax.default_backend()} {jax.devices()[0].device_kind} {jax.device_count()}",
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def versions(reached: Reached) -> dict[str, str]:
    """Return the versions of Python and of the installed packages that a measurement uses."""
    packages = sorted({*ALWAYS, *reached.packages} - {*sys.stdlib_module_names, "builtins"})
    found = {package: _version(package) for package in packages}
    return {"python": ".".join(map(str, sys.version_info[:2])), **{name: text for name, text in found.items() if text}}


def settings_of(measure: Any) -> str:
    """Return the arguments of a partial application as text, such as "images digits, epochs 40"; else ""."""
    if not isinstance(measure, functools.partial):
        return ""
    named = [("", value) for value in measure.args] + [(f"{name} ", value) for name, value in measure.keywords.items()]
    return ", ".join(f"{name}{getattr(value, '__name__', None) or summarized(value)}" for name, value in named)


@functools.cache
def _version(package) -> str:
    """Return the version of an import package; its distribution may have another name."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        names = importlib.metadata.packages_distributions().get(package, ())
        return importlib.metadata.version(names[0]) if names else ""
