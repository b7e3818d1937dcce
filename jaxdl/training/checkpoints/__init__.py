"""Checkpoints: `serialization` digests arrays, `checkpoint` writes and verifies trees, `resume` finds the newest.

This package is a private part of `jaxdl.training`, which exports its public functions.
"""

__all__: list[str] = []
