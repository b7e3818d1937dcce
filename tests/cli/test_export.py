"""`jaxdl export`: its output and mistakes; tests/end_to_end/test_export.py compares the numbers."""

import shutil
import sys

import pytest

from jaxdl.__main__ import main


@pytest.mark.parametrize(("to", "file"), [("torch", "model.safetensors"), ("stablehlo", "model.stablehlo")])
def test_the_output_names_the_files_and_their_directory(digits_run, tmp_path, capsys, to, file):
    assert main(["export", str(digits_run), "--to", to, "--out", "out"]) == 0
    expected = f"wrote {file}, and model.json, which describes its inputs and outputs, to out\n"
    assert capsys.readouterr().out == expected
    assert {file, "model.json"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--member", "3"], "--member must be between 0 and 2, got 3."),
        (["--member", "-1"], "--member must be between 0 and 2, got -1."),
        (["--out", "."], ". is not empty: choose a new or an empty directory with --out."),
        (
            ["--to", "onnx", "--out", "new"],
            "onnx needs jax2onnx, whose requirements conflict with jaxdl's. Run `make onnx`",
        ),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing_behind(
    digits_run, tmp_path, capsys, monkeypatch, arguments, sentence
):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    (tmp_path / "file").write_text("mine")
    assert main(["export", str(digits_run), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert not (digits_run / "export").exists()


def test_a_link_out_of_the_run_is_not_followed(digits_run, tmp_path, capsys):
    leave_out = shutil.ignore_patterns("checkpoints", "figures", "export")
    shutil.copytree(digits_run, tmp_path / "run", ignore=leave_out)
    (tmp_path / "run" / "export").symlink_to(tmp_path)
    assert main(["export", "run"]) == 2
    assert "run/export/torch is a link to" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_another_directory_is_not_a_run(capsys):
    assert main(["export", "nowhere"]) == 2
    assert "nowhere is not a finished run of jaxdl train: it has no settings.json." in capsys.readouterr().err
