"""Files that a measurement reads are its inputs: a changed one makes jaxdl measure again."""

import functools
import importlib
import pathlib
import subprocess

import numpy as np
import pytest

from jaxdl import data
from jaxdl.experiment import conduct, files_read
from jaxdl.runs import files
from tests.experiment.test_fingerprint import made


def npz(path, values):
    path = path.with_suffix(".npz")
    np.savez(path, x=np.asarray(values, np.float32).reshape(-1, 1), y=np.zeros(len(values), int))
    return path


def csv(path, values):
    path = path.with_suffix(".csv")
    path.write_text("x,label\n" + "".join(f"{value},{number % 2}\n" for number, value in enumerate(values)))
    return path


def parquet(path, values):
    path = path.with_suffix(".parquet")
    files.write_table(path, {"x": values, "label": [number % 2 for number in range(len(values))]})
    return path


def text(path, values):
    path.write_text("\n".join(map(str, values)))
    return path


READERS = {
    "np.load": (npz, lambda path: np.load(path)["x"]),
    "np.loadtxt": (text, np.loadtxt),
    "open": (text, lambda path: [float(line) for line in path.read_text().split()]),
    "data.load of an archive": (npz, lambda path: data.load(path).inputs),
    "data.load of a table": (csv, lambda path: [float(x) for x in data.load(path, label="label").inputs["x"]]),
    "data.load of Parquet": (parquet, lambda path: [float(x) for x in data.load(path, label="label").inputs["x"]]),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_changed_file_is_measured_again(tmp_path, monkeypatch, reader):
    write, read = READERS[reader]
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "table", [1.0, 2.0, 3.0, 4.0])
    results = tmp_path / "results"
    means = []
    for values in ([1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 5.0]):
        write(tmp_path / "table", values)
        result = conduct(made(functools.partial(_mean, path, reader)), results)
        means.append(result["panels"][0]["means"][0]["estimate"])
    assert means == [2.5, 2.5, 2.75]
    assert path.name in [file["path"] for file in result["inputs"]]
    assert not [file for file in result["inputs"] if file["path"].startswith("results")]


def _mean(path, reader, keys):
    values = [float(np.mean(READERS[reader][1](path)))] * len(keys)
    return [("left", values), ("right", values)]


def recorded(action, results, has_cache=False):
    files_read.begin()
    action()
    return files_read.end(results, has_cache=has_cache)


def names_of(inputs):
    return [pathlib.Path(file["path"]).name for file in inputs.files]


def test_a_file_that_the_measurement_wrote_is_no_input(tmp_path):
    path = tmp_path / "own"
    assert names_of(recorded(lambda: (path.write_text("1"), path.read_text()), tmp_path / "results")) == []
    assert names_of(recorded(path.read_text, tmp_path / "results")) == ["own"]  # but of the next measurement


def test_files_that_a_cache_may_hold_are_inputs(tmp_path, monkeypatch):
    path = text(tmp_path / "cached", [1.0])

    @functools.cache
    def load():
        return float(path.read_text())

    def measure(keys):
        return [("left", [load()] * len(keys)), ("right", [load()] * len(keys))]

    load()  # the measurement itself reads no file
    assert "cached" in names_of(files_read.Inputs(conduct(made(measure), tmp_path / "results")["inputs"], []))
    text(path, [2.0])
    load.cache_clear()
    assert conduct(made(measure), tmp_path / "results")["panels"][0]["means"][0]["estimate"] == 2.0


def test_a_file_that_appears_later_counts(tmp_path):
    path = tmp_path / "optional"

    def measure(keys):
        try:
            value = float(path.read_text())
        except FileNotFoundError:
            value = 0.0
        return [("left", [value] * len(keys)), ("right", [value] * len(keys))]

    conduct(made(measure), tmp_path / "results")
    path.write_text("1")
    assert conduct(made(measure), tmp_path / "results")["panels"][0]["means"][0]["estimate"] == 1.0


def test_modules_that_the_measurement_loads_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    module = text(tmp_path / "loaded_by_the_test.py", ["SCALE = 1.0"])

    def measure(keys):
        value = load(module.stem).SCALE
        return [("left", [value] * len(keys)), ("right", [value] * len(keys))]

    load = functools.partial(__import__)
    result = conduct(made(measure), tmp_path / "results")
    assert "loaded_by_the_test.py" in names_of(files_read.Inputs(result["inputs"], []))


def test_what_leaves_the_inputs_unknown_is_named(tmp_path):
    path = tmp_path / "state"
    path.write_text("1")

    def count():
        path.write_text(str(int(path.read_text()) + 1))

    assert "changes" in recorded(count, tmp_path / "results").unknown[0]
    start = functools.partial(subprocess.run, ["true"], check=True)
    assert recorded(start, tmp_path / "results").unknown == ["it calls subprocess.Popen"]
    assert recorded(lambda: None, tmp_path / "results").unknown == []


def test_a_new_file_in_a_directory_counts(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    inputs = recorded(lambda: [*folder.iterdir()], tmp_path / "results")
    assert files_read.are_unchanged(inputs.files)
    (folder / "new").touch()
    assert not files_read.are_unchanged(inputs.files)


def test_reading_of_results_and_importing_are_not_recorded(tmp_path):
    path = text(tmp_path / "result", [1.0])
    module = text(tmp_path / "a_module_of_the_test.py", ["x = 1"])

    def action():
        importlib.import_module(module.stem)
        with files_read.unrecorded():
            path.read_text()

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(tmp_path))
        assert not {"result", tmp_path.name}.intersection(names_of(recorded(action, tmp_path / "results")))
