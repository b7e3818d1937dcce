"""A run of `jaxdl train --data houses.csv --label price`, which the pages use."""

import sys

import pytest

from jaxdl.__main__ import main
from tests.docs.pages import ROOT

sys.path.append(str(ROOT / "docs" / "_extensions"))
import houses_table


@pytest.fixture(scope="session")
def houses(tmp_path_factory):
    """Return a folder with houses.csv, new.csv and runs/houses."""
    folder = tmp_path_factory.mktemp("houses")
    houses_table.write_tables(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("JAXDL_CACHE", str(folder / "cache"))
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        patch.setattr("jaxdl.cli.train.print_page", lambda directory, console: None)
        assert main(houses_table.TRAINING.split()) == 0
    return folder


@pytest.fixture
def in_houses(houses, monkeypatch, tmp_path):
    """Change to a temporary directory with links to houses.csv, new.csv and runs/houses."""
    for name in ("houses.csv", "new.csv"):
        (tmp_path / name).symlink_to(houses / name)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "houses").symlink_to(houses / "runs" / "houses")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAX_NUM_CPU_DEVICES", "2")
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
