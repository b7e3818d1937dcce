import numpy as np
import pytest

from jaxdl.data.catalog.decode_cache import cached


@pytest.fixture
def decode(tmp_path, monkeypatch):
    """Return a decoder that counts its calls, with an empty cache."""
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))

    def decode():
        decode.calls += 1
        return np.full((1, 2, 2, 1), decode.calls, np.uint8), np.array([7])

    decode.calls = 0
    return decode


def test_images_are_decoded_once_for_each_kind_and_digest(decode):
    first, again = cached("a", "0", decode), cached("a", "0", decode)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert decode.calls == 1
    assert cached("a", "1", decode)[0].max() == 2
    assert cached("b", "0", decode)[0].max() == 3


@pytest.mark.parametrize("names", [{}, {"image": np.zeros(3)}, {"label": np.zeros(3)}])
def test_an_entry_without_both_arrays_is_decoded_again(decode, tmp_path, names):
    cached("a", "0", decode)
    np.savez(tmp_path / "a" / "0.npz", **names)
    assert cached("a", "0", decode)[0].max() == 2
    assert cached("a", "0", decode)[0].max() == 2
