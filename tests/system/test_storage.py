import os
import subprocess
import sys

import pytest

from jaxdl.system.storage import LOCK, cache_dir, limit_size, locked, whole_file


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
    sentence = "cannot write .*file/below: (Not a|File exists)"
    with pytest.raises(OSError, match=sentence), whole_file(tmp_path / "file" / "below"):
        pass


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAXDL_CACHE", raising=False)
    assert cache_dir() == tmp_path / "jaxdl"
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "mine"))
    assert cache_dir() == tmp_path / "mine"


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    hold = "with locked(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
    code = f"import sys, time, pathlib\nfrom jaxdl.system.storage import locked\n{hold}"
    holder = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(BlockingIOError, match=f"process {holder.pid} on"), locked(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    assert (tmp_path / LOCK).exists()
    with locked(tmp_path):
        pass
    assert not (tmp_path / LOCK).exists()


def test_a_folder_is_kept_within_its_bytes_by_what_was_not_used_for_the_longest_time(tmp_path):
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
