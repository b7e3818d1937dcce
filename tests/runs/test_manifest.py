"""A flipped bit, a lost file or a file of another run is noticed; a process may be killed at any moment."""

import json
import os
import random
import shutil
from contextlib import nullcontext, suppress

import pytest

from jaxdl import runs
from jaxdl.reports.page import run_charts
from jaxdl.runs import files, manifest
from jaxdl.runs.manifest import COMPLETE, FOR_PREDICTIONS, FOR_REPORT, MANIFEST, READ_BACK, complete_run, verify_files


@pytest.fixture
def copy(classes_run, tmp_path):
    """A copy of a run that may be damaged."""
    leave_out = shutil.ignore_patterns("checkpoints", "figures", "report.html")
    return shutil.copytree(classes_run, tmp_path / "copy", ignore=leave_out)


def listed(directory):
    return list(files.read_json(directory / MANIFEST)["files"])


def test_every_file_that_is_read_back_is_listed(classes_run, regression_run):
    written = {path.name for run in (classes_run, regression_run) for path in run.iterdir() if path.is_file()}
    assert {*listed(classes_run), *listed(regression_run)} == written - {MANIFEST, "report.html", "metrics.jsonl"}
    assert verify_files(classes_run, READ_BACK)
    assert verify_files(regression_run, READ_BACK)


def test_a_flipped_bit_of_any_file_is_noticed_and_the_file_is_named(copy):
    generator = random.Random(0)
    for name in listed(copy):
        whole = (copy / name).read_bytes()
        for _ in range(5):
            flipped, bit = bytearray(whole), generator.randrange(8 * len(whole))
            flipped[bit // 8] ^= 1 << bit % 8
            (copy / name).write_bytes(flipped)
            with pytest.raises(ValueError, match=rf"copy/{name} is damaged or belongs to .*(delete|again)"):
                verify_files(copy, READ_BACK)
        (copy / name).write_bytes(whole)


def test_a_flipped_bit_of_the_manifest_is_noticed_or_changes_only_white_space(copy):
    whole, generator = (copy / MANIFEST).read_bytes(), random.Random(1)
    for _ in range(40):
        flipped, bit = bytearray(whole), generator.randrange(8 * len(whole))
        flipped[bit // 8] ^= 1 << bit % 8
        (copy / MANIFEST).write_bytes(flipped)
        harmless = {whole[bit // 8], flipped[bit // 8]} <= {*b" \n\t\r"}
        with (
            nullcontext() if harmless else pytest.raises(ValueError, match=f"copy/{MANIFEST} is damaged: .* Restore it")
        ):
            verify_files(copy, READ_BACK)


def test_what_reads_a_file_verifies_it(copy):
    for name in listed(copy):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole + b"\n")  # the content is the same for a reader of JSON
        for read, names in ((runs.load_run, FOR_PREDICTIONS), (run_charts, (*FOR_REPORT, COMPLETE))):
            if name in names:
                with pytest.raises(ValueError, match=f"copy/{name} is damaged"):
                    read(copy)
        (copy / name).write_bytes(whole)


def test_files_of_another_run_are_noticed(copy, regression_run):
    for name in {*listed(copy), *listed(regression_run)} & {path.name for path in regression_run.iterdir()}:
        before = (copy / name).read_bytes() if (copy / name).exists() else None
        shutil.copy(regression_run / name, copy / name)
        with pytest.raises(ValueError, match=f"copy/{name} is damaged or belongs to another run"):
            verify_files(copy, READ_BACK)
        (copy / name).unlink() if before is None else (copy / name).write_bytes(before)
    shutil.copy(regression_run / MANIFEST, copy / MANIFEST)
    with pytest.raises(ValueError, match=r"copy/settings.json is damaged or belongs to another run"):
        runs.load_run(copy)


def test_a_lost_file_is_noticed(copy):
    (copy / "members.parquet").unlink()
    with pytest.raises(ValueError, match=r"members.parquet is missing, .* or delete cost.json and repeat the command"):
        verify_files(copy, READ_BACK)
    assert verify_files(copy, FOR_PREDICTIONS)
    (copy / MANIFEST).unlink()
    with pytest.raises(ValueError, match=r"copy/manifest.json is missing, although the run has written it"):
        runs.load_run(copy)


def test_a_run_of_an_earlier_version_is_loaded_with_a_warning(copy):
    (copy / MANIFEST).unlink()
    cost = files.read_json(copy / COMPLETE)
    del cost["manifest"]
    files.write_json(copy / COMPLETE, cost)
    with pytest.warns(UserWarning, match=r"copy has no manifest.json, as runs of earlier versions of jaxdl and unfini"):
        assert runs.load_run(copy).members == 3
    assert len(run_charts(copy)) == 2


def test_a_manifest_of_a_later_version_is_an_error(copy, monkeypatch):
    monkeypatch.setattr(manifest, "FORMAT", 2)
    complete_run(copy, {})
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"manifest.json has format 2, but this version of jaxdl reads format 1: use"):
        verify_files(copy, READ_BACK)


def test_a_process_may_be_killed_at_any_moment(copy, monkeypatch):
    """Before each change of a name in the directory; the run is then unfinished, or complete and verified."""
    states, calls, change = [], 0, {"unlink": os.unlink, "replace": os.replace}

    def killed_before(number):
        def kill(name):
            def changed(*arguments, **settings):
                nonlocal calls
                calls += 1
                if calls > number:
                    raise KeyboardInterrupt
                return change[name](*arguments, **settings)

            return changed

        return kill

    for number in range(9):
        with monkeypatch.context() as patch:
            calls = 0
            for name in change:
                patch.setattr(os, name, killed_before(number)(name))
            with suppress(KeyboardInterrupt):
                complete_run(copy, {"run": float(number)})
        states.append(manifest.is_complete(copy))
        if states[-1]:
            assert verify_files(copy, READ_BACK)
        complete_run(copy, {"run": -1.0})
    assert states[0]  # still the complete run of before
    assert not states[1]
    assert states[-1]
    assert json.loads((copy / COMPLETE).read_text()) == {"run": -1.0, "manifest": True}
