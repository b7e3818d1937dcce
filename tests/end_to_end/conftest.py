"""Every test here runs commands in a temporary directory; the shared runs are in tests/trained_runs.py."""

import pytest


@pytest.fixture(autouse=True)
def _isolated(isolated):
    """Write nowhere but into a temporary directory."""
