import os
import sys

from jaxdl.data.readers.memory import physical_memory


def test_this_machine_has_memory_and_an_unknown_system_has_no_limit(monkeypatch):
    assert 10**8 < physical_memory() < 10**15
    monkeypatch.delattr(os, "sysconf")
    assert physical_memory() == sys.maxsize
