import json
import os
import stat

import pytest

from jaxdl.runs import files
from jaxdl.runs.directory import environment, new_run, next_free


def test_a_run_is_never_written_over_another(tmp_path):
    with new_run(tmp_path / "one") as directory:
        files.append_lines(directory / "metrics.jsonl", [{"epoch": 1}])
    with (
        pytest.raises(FileExistsError, match="out must be a new or an empty directory, but .*one is not"),
        new_run(tmp_path / "one"),
    ):
        pass
    assert json.loads((tmp_path / "one" / "metrics.jsonl").read_text()) == {"epoch": 1}


def test_a_file_is_no_directory(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(FileExistsError, match="out must be a new or an empty directory"),
        new_run(tmp_path / "file"),
    ):
        pass
    with (
        pytest.raises(OSError, match="out must be a directory that can be written"),
        new_run(tmp_path / "file" / "below"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(OSError, match="out must be a directory that can be written"), new_run(tmp_path / "run"):
        pass


def test_what_fails_before_it_has_measured_leaves_nothing_behind(tmp_path):
    with pytest.raises(RuntimeError), new_run(tmp_path / "run") as directory:
        files.write_json(directory / "settings.json", {})
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_what_fails_later_keeps_what_was_measured(tmp_path):
    with pytest.raises(RuntimeError), new_run(tmp_path / "run") as directory:
        files.append_lines(directory / "metrics.jsonl", [{"epoch": 1}])
        raise RuntimeError
    assert (tmp_path / "run" / "metrics.jsonl").exists()


def test_the_next_free_name_is_counted_up(tmp_path):
    assert next_free(tmp_path / "run") == tmp_path / "run"
    (tmp_path / "run").mkdir()
    (tmp_path / "run-2").mkdir()
    assert next_free(tmp_path / "run") == tmp_path / "run-3"


def test_tables_and_json_come_back_as_they_went(tmp_path):
    files.write_table(tmp_path / "deep" / "table.parquet", {"a": [1, 2], "b": [b"x", b"y"]})
    assert files.read_table(tmp_path / "deep" / "table.parquet") == {"a": [1, 2], "b": [b"x", b"y"]}
    files.write_json(tmp_path / "deep" / "note.json", {"π": [1.5, None]})
    assert files.read_json(tmp_path / "deep" / "note.json") == {"π": [1.5, None]}
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["note.json", "table.parquet"]


def test_the_environment_names_what_a_run_depends_on():
    told = environment()
    assert {"command", "date", "device", "cores", "python", "jax", "jaxlib", "flax", "optax", "jaxdl"} <= told.keys()
