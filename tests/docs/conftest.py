"""A run of `jaxdl train --data houses.csv --label price`, which the pages use."""

import numpy as np
import pytest

from jaxdl.__main__ import main


@pytest.fixture(scope="session")
def houses(tmp_path_factory):
    """Return a folder with houses.csv, new.csv and runs/houses."""
    folder, random = tmp_path_factory.mktemp("houses"), np.random.default_rng(0)
    area, rooms = random.uniform(40, 200, 60), random.integers(1, 7, 60)
    price = 3000 * area + 10_000 * rooms + random.normal(0, 1e4, 60)
    np.savetxt(folder / "houses.csv", np.c_[area, rooms, price], delimiter=",", header="area,rooms,price", comments="")
    np.savetxt(folder / "new.csv", np.c_[area, rooms][:5], delimiter=",", header="area,rooms", comments="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("JAXDL_CACHE", str(folder / "cache"))
        patch.setattr("jaxdl.system.startup.prepare", lambda: None)
        patch.setattr("jaxdl.cli.train.print_page", lambda directory, console: None)
        small = ("--seeds", "2", "--epochs", "1", "--hidden", "4", "--out", "runs/houses")
        assert main(["train", "--data", "houses.csv", "--label", "price", *small]) == 0
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
