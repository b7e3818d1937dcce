"""Fixtures of the tests of experiments."""

import pytest


@pytest.fixture(autouse=True)
def registrations(monkeypatch, tmp_path):
    """Write registrations elsewhere, so that those of the repository stay as they are."""
    path = tmp_path / "registrations.jsonl"
    monkeypatch.setattr("jaxdl.cli.claims.registrations_for", lambda package, results: path)
    return path
