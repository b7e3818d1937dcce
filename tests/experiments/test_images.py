"""Data files of the experiments."""

import pytest

from experiments import images
from jaxdl.experiment import Unavailable


def test_a_missing_file_raises_and_says_where_it_is_expected(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXDL_DATA", str(tmp_path))
    with pytest.raises(
        Unavailable, match="mnist.npz does not exist. Set JAXDL_DATA to the folder that holds mnist.npz"
    ):
        images.mnist()
