"""Run directories: new ones, resumed ones, and directories that belong to something else."""

import contextlib
import json
import os
import stat

import pytest

from jaxdl.runs import files
from jaxdl.runs.directory import (
    check_same_settings,
    checked_folder,
    environment,
    has_measurements,
    is_file_name,
    kept_in_place,
    new_run,
    next_free,
    resumable_run,
    run_name,
)
from jaxdl.system.storage import locked

LINES = [{"epoch": 1}]


def test_a_run_is_never_written_over_another(tmp_path):
    with new_run(tmp_path / "one") as directory:
        files.append_lines(directory / "metrics.jsonl", LINES)
    with (
        pytest.raises(FileExistsError, match="one is not empty: choose a new or an empty directory with --out."),
        new_run(tmp_path / "one"),
    ):
        pass
    assert json.loads((tmp_path / "one" / "metrics.jsonl").read_text()) == {"epoch": 1}


def test_an_empty_directory_becomes_a_run(tmp_path):
    with new_run(tmp_path) as directory:
        files.append_lines(directory / "metrics.jsonl", LINES)
    assert has_measurements(tmp_path)


def test_a_file_is_not_a_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file is not empty: choose a new"), new_run(tmp_path / "file"):
        pass
    with (
        pytest.raises(OSError, match="cannot write to the run directory .*below: Not a directory. Choose another"),
        new_run(tmp_path / "file" / "below"),
    ):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_without_write_permission_is_an_error(tmp_path):
    tmp_path.chmod(stat.S_IREAD | stat.S_IEXEC)
    with pytest.raises(OSError, match="cannot write to the run directory"), new_run(tmp_path / "run"):
        pass


@pytest.mark.parametrize("create", [new_run, lambda path: resumable_run(path, {})], ids=["new", "resumable"])
def test_a_run_that_fails_before_it_measures_anything_is_removed(create, tmp_path):
    with pytest.raises(RuntimeError), create(tmp_path / "run") as directory:
        files.write_json(directory / "settings.json", {})
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("create", [new_run, lambda path: resumable_run(path, {})], ids=["new", "resumable"])
def test_a_run_that_fails_later_keeps_its_measurements(create, tmp_path):
    with pytest.raises(RuntimeError), create(tmp_path / "run") as directory:
        files.append_lines(directory / "metrics.jsonl", LINES)
        raise RuntimeError
    assert (tmp_path / "run" / "metrics.jsonl").exists()


def test_an_existing_directory_stays_if_a_run_in_it_fails_early(tmp_path):
    (tmp_path / "settings.json").write_text('{"seeds": 2}')
    with pytest.raises(ZeroDivisionError), resumable_run(tmp_path, {"seeds": 3}):
        raise ZeroDivisionError
    assert (tmp_path / "settings.json").exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("xor", True),
        ("größe 2.5", True),
        *((name, False) for name in ("../a", "a/b", "a\\b", "c:a", ".", "", "a\0", 3)),
    ],
)
def test_a_name_from_a_file_is_no_path(name, safe):
    assert is_file_name(name) == safe


def test_a_folder_of_a_run_is_inside_it(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    assert checked_folder(tmp_path / "link", "figures") == tmp_path / "link" / "figures"
    (tmp_path / "run" / "figures").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"run/figures is a link to .*, outside the run directory: delete the link."):
        checked_folder(tmp_path / "run", "figures")


@pytest.mark.parametrize(
    ("data", "name"),
    [("digits", "digits"), ("a/houses.csv", "houses"), (".", "here"), ("below/..", "here"), ("/", "data")],
)
def test_a_run_is_named_like_its_data(data, name, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run_name(data) == name


def test_a_directory_that_is_moved_or_replaced_is_noticed_and_what_followed_is_removed(tmp_path):
    run = tmp_path / "run"
    for remains in ([], ["checkpoints"], ["mine"]):
        run.mkdir()
        with pytest.raises(FileNotFoundError, match="run was moved or removed during the training"):  # noqa: SIM117
            with kept_in_place(run) as check_in_place:
                check_in_place()
                run.rename(tmp_path / f"moved{len(list(tmp_path.iterdir()))}")
                for name in remains:
                    (run / name).mkdir(parents=True)
                check_in_place()
        assert run.exists() == (remains == ["mine"])


def test_a_run_in_the_place_of_one_that_was_moved_is_not_removed(tmp_path):
    with pytest.raises(ZeroDivisionError), new_run(tmp_path / "run") as directory:
        directory.rename(tmp_path / "moved")
        directory.mkdir()
        raise ZeroDivisionError
    assert (tmp_path / "run").exists()


def test_the_next_free_name_counts_up(tmp_path):
    assert next_free(tmp_path / "run") == tmp_path / "run"
    (tmp_path / "run").mkdir()
    (tmp_path / "run-2").mkdir()
    assert next_free(tmp_path / "run") == tmp_path / "run-3"


def test_a_run_with_the_same_settings_is_resumed(tmp_path):
    with resumable_run(tmp_path / "run", {"seeds": 3, "epochs": None}) as directory:
        files.append_lines(directory / "metrics.jsonl", LINES)
    files.write_json(tmp_path / "run" / "settings.json", {"seeds": 3, "epochs": 30})
    with resumable_run(tmp_path / "run", {"seeds": 3, "epochs": None}, left_open=("epochs",)) as directory:
        assert files.read_lines(directory / "metrics.jsonl") == {"epoch": [1]}
    with (
        pytest.raises(ValueError, match=r"run belongs to a run with other settings: epochs \(30 there, None here\)"),
        resumable_run(tmp_path / "run", {"seeds": 3, "epochs": None}),
    ):
        pass
    with (
        pytest.raises(ValueError, match=r"seeds \(3 there, 4 here\). Choose another directory with --out, or repeat"),
        resumable_run(tmp_path / "run", {"seeds": 4, "epochs": 30}),
    ):
        pass


def test_more_epochs_continue_a_run_whose_schedule_does_not_depend_on_their_number(tmp_path):
    for schedule, ends in (
        ("constant", contextlib.nullcontext()),
        ("cosine", pytest.raises(ValueError, match="Only a")),
    ):
        run = {"epochs": 3, "schedule": schedule}
        files.write_json(tmp_path / "settings.json", run)
        with ends:
            check_same_settings(tmp_path, {**run, "epochs": 5})
        with pytest.raises(ValueError, match=r"epochs \(3 there, 2 here\).*resume it\.$"):
            check_same_settings(tmp_path, {**run, "epochs": 2})


REMAINS = [
    [".jaxdl.lock", ".writable"],
    [".settings.json.12.partial"],
    ["settings.json", "quality.json", "checkpoints"],
]


@pytest.mark.parametrize("remains", REMAINS)
def test_the_remains_of_a_run_that_was_killed_early_are_replaced(remains, tmp_path):
    for name in remains:
        (tmp_path / name).mkdir() if name == "checkpoints" else (tmp_path / name).write_text('{"seeds": 2}')
    with resumable_run(tmp_path, {"seeds": 3}):
        assert json.loads((tmp_path / "settings.json").read_text()) == {"seeds": 3}
        (tmp_path / "metrics.jsonl").touch()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".") and path.name != ".writable"]


FOREIGN_FILES = {
    "thesis.tex": "mine",
    "settings.json": '{"editor": 1}',
    "checkpoints/resnet.pt": "PK",
    "film.partial": "half",
    "metrics.jsonl": '{"mine": 1}',
    ".lock": "",
}


@pytest.mark.parametrize("name", FOREIGN_FILES)
def test_a_directory_with_files_of_something_else_is_left_alone(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(FOREIGN_FILES[name])
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(FileExistsError, match="is not empty: choose a new or an empty directory with --out."),
        resumable_run(tmp_path, {"seeds": 3}),
    ):
        pass
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / name).read_text() == FOREIGN_FILES[name]


def test_a_second_process_is_an_error(tmp_path):
    with locked(tmp_path), pytest.raises(BlockingIOError, match=f"process {os.getpid()}"), resumable_run(tmp_path, {}):
        pass
    assert not list(tmp_path.iterdir())


def test_the_environment_lists_everything_that_a_run_depends_on():
    names = {"command", "date", "device", "cores", "machine", "python", "jax", "jaxlib", "flax", "optax", "jaxdl"}
    assert names <= environment().keys()
