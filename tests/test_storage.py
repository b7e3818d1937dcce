import pytest

from jaxdl.storage import cache_dir, whole_file


def test_a_file_is_there_when_all_is_written_and_not_before(tmp_path):
    with whole_file(tmp_path / "deep" / "file") as file:
        file.write(b"half")
        assert not (tmp_path / "deep" / "file").exists()
    assert (tmp_path / "deep" / "file").read_bytes() == b"half"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), whole_file(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    sentence = "file/below must be a file that can be written, but is not: (Not a|File exists)"
    with pytest.raises(OSError, match=sentence), whole_file(tmp_path / "file" / "below"):
        pass


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAXDL_CACHE", raising=False)
    assert cache_dir() == tmp_path / "jaxdl"
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"
