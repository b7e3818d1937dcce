"""The operating system: files, locks, signals, start-up of jax and several processes.

This package is a private part of jaxdl and may change in any version.
"""

__all__: list[str] = []
