"""`jaxdl check`: the table, the counts, and the exit status."""

import pytest

from jaxdl.__main__ import main


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
    assert "error: unknown function 'rellu'. Functions with a hand-derived VJP: " in capsys.readouterr().err
