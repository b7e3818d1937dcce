"""Limits of memory, so that readers reject data that cannot fit, or that a small file could hardly hold."""

import os
import pathlib
import sys

UNSUSPICIOUS = 1 << 30  # bytes that any file may expand to
MAX_EXPANSION = 250  # of larger data, in sizes of their file; a file that someone has made to exhaust memory has 1000s


def check_expansion(path: str | os.PathLike, needed: int) -> None:
    """Raise ValueError if the content of a file needs more memory than there is, or than its size makes plausible."""
    memory, size = physical_memory(), pathlib.Path(path).stat().st_size
    if needed > memory:
        raise ValueError(f"{path} needs {needed:,} bytes of memory, but this machine has {memory:,}: save fewer data.")
    if needed > max(UNSUSPICIOUS, MAX_EXPANSION * size):
        raise ValueError(
            f"{path} has {size:,} bytes but would need {needed:,} bytes of memory, over {MAX_EXPANSION} times as many: "
            "it may have been made to exhaust the memory; if not, save it without compression and dictionaries."
        )


def check_file(path: pathlib.Path) -> None:
    """Raise FileNotFoundError if there is no such file, and ValueError for a link in a circle, a pipe or a device."""
    if path.is_symlink() and not path.exists():
        raise FileNotFoundError(f"{path} is a link that leads to no file: replace it by a file.")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}.")
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "a pipe, socket or device"
        raise ValueError(f"{path} must be a regular file, but is {kind}: save the data to a file.")


def physical_memory() -> int:
    """Return the memory of this machine in bytes, or `sys.maxsize` if the system does not report it."""
    if not hasattr(os, "sysconf"):
        return sys.maxsize
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
