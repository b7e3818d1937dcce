"""The table houses.csv that the pages name, and the training on it; the tests of the pages use both, too."""

import pathlib

import numpy as np

TRAINING = "train --data houses.csv --label price --seeds 2 --epochs 1 --hidden 4 --out runs/houses"


def write_tables(folder: pathlib.Path) -> None:
    """Write houses.csv, and new.csv with five of its rows without the price."""
    random = np.random.default_rng(0)
    area, rooms = random.uniform(40, 200, 60), random.integers(1, 7, 60)
    price = 3000 * area + 10_000 * rooms + random.normal(0, 1e4, 60)
    np.savetxt(folder / "houses.csv", np.c_[area, rooms, price], delimiter=",", header="area,rooms,price", comments="")
    np.savetxt(folder / "new.csv", np.c_[area, rooms][:5], delimiter=",", header="area,rooms", comments="")
