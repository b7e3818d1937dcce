"""Archives with arrays for each part."""

import numpy as np
import pytest

from jaxdl.data.readers.npz import array_parts, load_npz, load_npz_inputs


def test_load_npz_selects_the_part_by_name(tmp_path):
    train = {"x_train": np.eye(3), "y_train": np.array([0, 1, 2]), "weights_train": np.array([1, 2, 3])}
    np.savez(tmp_path / "a.npz", **train, x_test=np.eye(3)[:2], y_test=np.array([2, 1]))
    assert array_parts(tmp_path / "a.npz") == ("train", "test")
    assert load_npz(tmp_path / "a.npz").weights.tolist() == [1, 2, 3]
    assert load_npz(tmp_path / "a.npz", part="test").labels.tolist() == [2, 1]
    np.savez(tmp_path / "a.npz", **train)
    with pytest.raises(ValueError, match=r"; x_test and y_test\. It holds x_train float64 \(3, 3\), y_train"):
        load_npz(tmp_path / "a.npz", part="test")
    with pytest.raises(ValueError, match="part must be 'train', 'dev' or 'test', got 'valid'"):
        load_npz(tmp_path / "a.npz", part="valid")
    for name in ("val", "dev", "valid", "validation"):
        own = {f"x_{name}": np.eye(3)[:1], f"y_{name}": [2], f"weights_{name}": [0.5]}
        np.savez(tmp_path / "a.npz", **train, **own)
        assert array_parts(tmp_path / "a.npz") == ("train", "dev")
        dev = load_npz(tmp_path / "a.npz", part="dev")
        assert (dev.labels.tolist(), dev.weights.tolist()) == ([2], [0.5])
        assert load_npz_inputs(tmp_path / "a.npz", part="dev").tolist() == [[1, 0, 0]]
    np.savez(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="inputs and labels; x and y; .*It holds no array: rename them"):
        load_npz(tmp_path / "a.npz")
