import os
import subprocess
import sys

import pytest

from jaxdl.system.storage import (
    LOCK,
    cache_dir,
    flush_directory,
    limit_size,
    locked,
    private_cache,
    watched_directory,
    whole_file,
)


def test_a_file_appears_when_it_is_complete_and_not_before(tmp_path):
    with whole_file(tmp_path / "deep" / "file") as file:
        file.write(b"half")
        assert not (tmp_path / "deep" / "file").exists()
    assert (tmp_path / "deep" / "file").read_bytes() == b"half"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_exception_while_writing_leaves_only_the_old_file(tmp_path, error):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(error), whole_file(tmp_path / "file") as file:
        file.write(b"new")
        raise error
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_link_at_the_temporary_name_is_not_followed(tmp_path):
    (tmp_path / "other").write_bytes(b"other")
    (tmp_path / f".file.{os.getpid()}.partial").symlink_to(tmp_path / "other")
    with whole_file(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "other").read_bytes() == b"other"


def test_a_directory_that_is_removed_and_made_again_is_another_one(tmp_path):
    flush_directory(tmp_path)
    (tmp_path / "run").mkdir()
    with watched_directory(tmp_path / "run") as is_in_place:
        assert is_in_place()
        (tmp_path / "run").rmdir()
        assert not is_in_place()
        (tmp_path / "run").mkdir()
        assert not is_in_place()


def test_a_path_that_cannot_be_written_raises_with_its_name(tmp_path):
    (tmp_path / "file").touch()
    message = "cannot write .*file/below: (Not a|File exists)"
    with pytest.raises(OSError, match=message), whole_file(tmp_path / "file" / "below"):
        pass


def test_environment_variables_determine_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAXDL_CACHE", raising=False)
    assert cache_dir() == tmp_path / "jaxdl"
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache with one file, as it is created with a generous umask."""
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "above" / "cache"))
    before = os.umask(0o002)
    folder = private_cache("kind")
    (folder / "entry").touch()
    os.umask(before)
    return folder


def test_a_new_cache_is_private(cache):
    assert private_cache("kind") == cache == cache_dir() / "kind"
    assert cache.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("place", "mode"), [(".", 0o775), ("..", 0o707), ("..", 0o1777), ("../..", 0o777), ("entry", 0o666)]
)
def test_a_cache_that_others_can_write_gives_no_programs_and_warns_once(cache, place, mode):
    cache.parent.chmod(0o755)  # so that permissions inside matter
    (cache / "entry").chmod(0o644)
    assert private_cache("kind") == cache
    (cache / place).chmod(mode)
    with pytest.warns(UserWarning, match=r"cache .* reads no programs .* set JAXDL_CACHE to a folder of your own"):
        assert private_cache("kind") is None
    assert private_cache("kind") is None  # a second warning would be an error


@pytest.mark.parametrize("place", [".", "..", "entry"])
def test_a_cache_with_files_of_another_user_gives_no_programs(cache, place):
    if os.geteuid():
        pytest.skip("needs root, to give a file to another user")
    os.chown(cache / place, 12345, -1)
    with pytest.warns(UserWarning, match="other users can write"):
        assert private_cache("kind") is None


def test_a_cache_that_cannot_be_created_gives_none(cache, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(cache / "entry"))
    assert private_cache("kind") is None


def test_a_directory_is_locked_until_the_process_that_holds_it_ends(tmp_path):
    hold = "with locked(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    code = f"import sys, time, pathlib\nfrom jaxdl.system.storage import locked\n{hold}"
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError, match=f"is in use by process {holder.pid} on"), locked(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_the_least_recently_used_files_are_deleted_to_limit_the_size_of_a_folder(tmp_path):
    for age, name in enumerate("cab"):
        (tmp_path / name).write_bytes(bytes(100))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    limit_size(tmp_path, 300)
    assert {path.name for path in tmp_path.iterdir()} == set("abc")
    limit_size(tmp_path, 299)
    assert {path.name for path in tmp_path.iterdir()} == set("ac")
    limit_size(tmp_path, 0)
    assert not list(tmp_path.iterdir())
    limit_size(tmp_path / "nowhere", 0)
