import errno
import hashlib

import numpy as np
import pytest

from jaxdl.data.catalog import decode_cache
from jaxdl.data.catalog.decode_cache import DECODED, cached, digest_of_arrays
from jaxdl.data.catalog.downloads import remote_files
from jaxdl.data.catalog.originals import ORIGINALS


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


def test_from_a_cache_that_others_can_write_only_known_arrays_are_read(decode, tmp_path, monkeypatch):
    right = cached("a", "0", decode)
    tmp_path.chmod(0o777)
    with pytest.warns(UserWarning, match="only data with a known SHA-256"):
        assert cached("a", "0", decode)[0].max() == 2
    monkeypatch.setitem(DECODED, "0", digest_of_arrays(*right))
    assert cached("a", "0", decode)[0].max() == 3  # what the last call has written is not right
    np.savez(tmp_path / "a" / "0.npz", image=right[0], label=right[1])
    assert cached("a", "0", decode)[0].max() == 1
    np.savez(tmp_path / "a" / "0.npz", image=right[0], label=right[1] + 1)
    assert cached("a", "0", decode)[0].max() == 4


def test_a_cache_that_cannot_be_written_is_no_error(decode, monkeypatch):
    def read_only(path):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(decode_cache, "whole_file", read_only)
    assert cached("a", "0", decode)[0].max() == 1
    assert cached("a", "0", decode)[0].max() == 2


@pytest.mark.parametrize(("name", "part"), [(name, part) for name in ("mnist", "fashion_mnist") for part in ("test",)])
def test_the_known_digests_are_those_of_the_published_images(data_dir, name, part):
    with np.load(data_dir / f"{name}.npz") as arrays:
        found = digest_of_arrays(arrays[f"x_{part}"][..., None], arrays[f"y_{part}"])
    files = [remote_files(name)[file].sha256 for file in ORIGINALS[name].parts[part].files]
    assert DECODED[hashlib.sha256(" ".join([part, *files]).encode()).hexdigest()] == found
