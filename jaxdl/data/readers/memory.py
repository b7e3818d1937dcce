"""Size of this machine's memory, so that readers reject data that cannot fit."""

import os
import sys


def physical_memory() -> int:
    """Return the memory of this machine in bytes, or `sys.maxsize` if the system does not report it."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
