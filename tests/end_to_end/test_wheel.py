"""The wheel, installed without the repository: it adds one name, and tests the claims of the course."""

import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

from jaxdl.experiment.registration import read_registrations
from jaxdl.runs import files

pytestmark = pytest.mark.slow
ROOT = pathlib.Path(__file__).parents[2]
UV = pathlib.Path(sys.executable).with_name("uv")
KEPT = ROOT / "experiments" / "results"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel, with hatchling from the cache of uv or from the package index."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([UV, "build", "--quiet", "--wheel", "--out-dir", folder, ROOT], check=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return the folder of a virtual environment with the wheel, and links to the packages that it depends on."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    packages = pathlib.Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    for path in pathlib.Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and not path.name.startswith("jaxdl"):
            (packages / path.name).symlink_to(path)
    install = [UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python", "--no-deps", "--offline", wheel]
    subprocess.run(install, check=True)
    return folder


@pytest.fixture
def run(environment, tmp_path):
    """Return a function that runs a program of the environment in an empty folder and returns its output."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["XLA_FLAGS"] = ""  # with the optimizations that users have

    def run_program(*words, status=0):
        command = [environment / "bin" / words[0], *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=variables)
        assert done.returncode == status, done.stderr
        return done.stderr if status else done.stdout

    return run_program


def test_the_only_name_is_jaxdl_and_the_kept_results_are_in_it(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"jaxdl", "jaxdl_lab"}
    assert {name.partition("/")[0] for name in names if name.startswith("jaxdl_lab")} == {
        f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"
    }
    carried = {name.rpartition("/")[2] for name in names if name.startswith("jaxdl/course/experiments/results/")}
    assert carried == {path.name for path in KEPT.iterdir()}


def test_list_and_table_are_those_of_the_clone(run):
    listed = run("jaxdl", "claims", "list")
    assert all(path.stem in listed for path in KEPT.glob("*.json"))
    page = (ROOT / "docs" / "guides" / "claims.md").read_text()
    assert run("jaxdl", "claims", "table") in page


def test_a_verdict_and_its_seeds_are_those_of_the_clone_and_stay_cached(run, environment, tmp_path):
    """Nothing is written into the installed package. The kept results cannot be replaced."""
    installed = next(environment.glob("lib/*/site-packages/jaxdl/course/experiments/results"))
    before = {path.name: path.stat().st_mtime_ns for path in installed.iterdir()}
    assert "commutative literal: supported" in run("jaxdl", "claims", "run", "commutative", "--out", "run")
    result, kept = (files.read_json(path / "commutative.json") for path in (tmp_path / "run" / "experiments", KEPT))
    for name in ("registration", "registrations", "unknown", "functions"):
        assert result[name] == kept[name]
    verdicts = [[claim["verdict"] for claim in each["claims"]] for each in (result, kept)]
    assert verdicts[0] == verdicts[1]
    registered = read_registrations(tmp_path / "run" / "experiments" / "registrations.jsonl")
    assert registered == read_registrations(KEPT / "registrations.jsonl")
    run("jaxdl", "claims", "run", "commutative", "--out", "run")
    again = files.read_json(tmp_path / "run" / "experiments" / "commutative.json")
    assert (again["key"], again["seconds"]) == (result["key"], result["seconds"])
    assert "not replaced" in run("jaxdl", "claims", "keep", "run", status=2)
    assert {path.name: path.stat().st_mtime_ns for path in installed.iterdir()} == before


def test_every_deciding_hash_is_that_of_the_clone(run):
    program = """
import json
from jaxdl.cli import claims
from jaxdl.experiment.checks import confidence_of
from jaxdl.experiment.registration import deciding_hash
found = claims.every_experiment(claims.course_package()).values()
print(json.dumps({each.name: deciding_hash(each, each.measure, confidence_of(each)) for each in found}))
"""
    hashes = json.loads(run("python", "-c", program))
    assert hashes == {path.stem: files.read_json(path)["registration"] for path in KEPT.glob("*.json")}
