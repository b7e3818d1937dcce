"""`jaxdl check`: the table, the counts, and the exit status."""

import pathlib
import shutil
import sys

import pytest

from jaxdl.__main__ import main
from tests.derivation import own_derivations


def test_the_named_functions_are_checked(capsys):
    assert main(["check", "dense", "relu"]) == 0
    output = capsys.readouterr().out
    assert output.count("holds") == 2
    assert "2 of 2 derivations hold." in output
    assert "wrong gradients" not in output


def test_wrong_versions_of_a_gradient_are_detected(capsys):
    assert main(["check", "sigmoid", "--mutants"]) == 0
    assert "6 of 6 wrong gradients are detected." in capsys.readouterr().out


def test_an_undetected_wrong_gradient_is_named_with_status_1(monkeypatch, capsys):
    monkeypatch.setattr("jaxdl.derivation.comparison.mutants", lambda f_vjp: [("unchanged", f_vjp)])
    assert main(["check", "relu", "--mutants"]) == 1
    output = capsys.readouterr().out
    assert "0 of 1 wrong gradients are detected." in output
    assert "not detected: relu: unchanged" in output


def test_a_wrong_gradient_gives_status_1(monkeypatch, capsys):
    def relu_vjp(g, z):
        return (g * (z >= 0),)

    relu_vjp.__module__ = "jaxdl.functional.rectifiers"
    monkeypatch.setattr("jaxdl.functional.rectifiers.relu_vjp", relu_vjp)
    assert main(["check", "relu", "tanh"]) == 1
    assert "1 of 2 derivations hold." in capsys.readouterr().out


@pytest.mark.parametrize("more", [[], ["--mutants"]])
def test_an_unknown_function_is_an_error(more, capsys):
    assert main(["check", "rellu", *more]) == 2
    assert (
        "error: unknown function 'rellu'. Did you mean 'relu'? Functions with a hand-derived VJP: "
        in capsys.readouterr().err
    )


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """Return the path of a file with a wrong derivation, three right ones, and a function without."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    return shutil.copy(pathlib.Path(own_derivations.__file__), tmp_path / "mine.py")


def test_all_pairs_of_a_file_are_checked(own_file, capsys):
    assert main(["check", str(own_file)]) == 1
    output = capsys.readouterr().out
    assert output.count("holds") == 3
    assert "3 of 4 derivations hold." in output
    assert "float64 error 1.0e+00 is over 1e-12, largest at x[" in " ".join(output.split())


def test_named_functions_of_a_file_are_checked_with_wrong_versions(own_file, capsys):
    assert main(["check", "--mutants", "log_loss", str(own_file)]) == 0
    output = capsys.readouterr().out
    assert "1 of 1 derivations hold." in output
    assert "6 of 6 wrong gradients are detected." in output


@pytest.mark.parametrize(
    ("text", "names", "message"),
    [
        (None, [], "error: no such file: own.py."),
        ("def f(x): return x", [], "error: own.py has no pair of functions f and f_vjp. Define the gradient of f as "),
        ("1 / 0", [], "error: own.py cannot be imported: ZeroDivisionError: division by zero"),
        ("def f(x): return x\ndef f_vjp(g, x): return (g,)", ["h"], "error: unknown function 'h'. Functions with a "),
    ],
)
def test_a_file_that_cannot_be_checked_is_an_error_in_one_sentence(text, names, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    if text is not None:
        pathlib.Path("own.py").write_text(text)
    assert main(["check", "own.py", *names]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_pairs_without_examples_are_named_and_the_others_are_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])
    path = tmp_path / "own.py"
    path.write_text(
        "def bare(x): return x\n"
        "def bare_vjp(g, x): return (g,)\n"
        "def broken(x): return x\n"
        "def broken_vjp(g, x): return (g,)\n"
        "def broken_examples(random): yield (1 / 0,)\n"
        "def good(x): return 3 * x\n"
        "def good_vjp(g, x): return (3 * g,)\n"
        "def good_examples(random): yield (random.normal(size=3),)\n"
    )
    assert main(["check", str(path), "--mutants"]) == 1
    output = capsys.readouterr().out
    assert output.count("not checked: ") == 2
    assert "not checked: bare(x) has no shape annotation: give examples with bare_examples(random)\n" in output
    assert "not checked: broken_examples(random) raised ZeroDivisionError: division by zero\n" in output
    assert "1 of 1 derivations hold.\n" in output
    assert "wrong gradients are detected." in output
    assert main(["check", str(path), "good"]) == 0
    assert "not checked" not in capsys.readouterr().out
    assert main(["check", str(path), "bare"]) == 1
    assert capsys.readouterr().out == (
        "not checked: bare(x) has no shape annotation: give examples with bare_examples(random)\n"
    )


def test_a_file_may_import_one_beside_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "beside_own.py").write_text("SCALE = 3.0")
    (tmp_path / "own.py").write_text(
        "from beside_own import SCALE\n"
        "def f(x): return SCALE * x\n"
        "def f_vjp(g, x): return (SCALE * g,)\n"
        "def f_examples(random): yield (random.normal(size=3),)\n"
    )
    assert main(["check", str(tmp_path / "own.py")]) == 0
    assert "1 of 1 derivations hold." in capsys.readouterr().out


def test_names_may_follow_an_option(capsys):
    assert main(["check", "sigmoid", "--mutants", "tanh"]) == 0
    assert "2 of 2 derivations hold.\n17 of 17 wrong gradients are detected." in capsys.readouterr().out


def test_two_files_and_a_file_without_its_ending_are_errors(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("own.py").write_text("")
    assert main(["check", "own.py", "mine.py"]) == 2
    assert main(["check", "own"]) == 2
    assert capsys.readouterr().err == (
        "error: check takes one Python file, got own.py, mine.py. Check one after another.\n"
        "error: own is no function of jaxdl. For the file of this name write own.py.\n"
    )


@pytest.mark.parametrize(("name", "kind"), [(".", "a folder"), ("notes.txt", "no Python file")])
def test_a_folder_or_another_file_is_an_error(name, kind, capsys):
    assert main(["check", name]) == 2
    assert f"error: {name} is {kind}. Name a function, or a file that ends in .py." in capsys.readouterr().err


def test_settings_that_no_example_sets_and_all_shapes_are_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own.py").write_text(
        "def f(x, y, *, mode=None): return x * y\n"
        "def f_vjp(g, x, y, *, mode=None): return g * y, g * x\n"
        "def f_examples(random): yield random.normal(size=(2, 3)), random.normal(size=3)\n"
        "def h(x): return 3 * x\n"
        "def h_vjp(g, x): return (g,)\n"
        "def h_examples(random): yield (random.normal(size=3),)\n"
    )
    assert main(["check", str(tmp_path / "own.py")]) == 1
    output = capsys.readouterr().out
    assert "2×3, 3" in output
    assert "\nf: no example sets mode: the gradient may ignore it\n" in output
    assert "\nh: case 0: float64 error 6.7e-01 is over 1e-12, largest at x[" in output
