"""A table with a column of every kind."""

import numpy as np

from jaxdl.data.dataset import Dataset


def table(rows=12):
    """Return examples with columns of numbers, text and dates, missing values and a constant, and two classes."""
    numbers = np.arange(rows, dtype=float)
    columns = {
        "number": np.where(numbers == 3, np.nan, numbers**2),
        "name": np.array([("a", "b", None)[row % 3] for row in range(rows)], object),
        "date": np.datetime64("2020-01-01", "us") + (numbers * 17).astype("timedelta64[D]"),
        "constant": np.ones(rows),
    }
    return Dataset(columns, np.array(["no", "yes"], object)[np.arange(rows) % 2], np.ones(rows, np.float32))
