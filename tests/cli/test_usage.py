"""Advice for command lines that cannot be parsed."""

import pathlib

import pytest

from jaxdl.__main__ import ALONE, COMMANDS, main
from jaxdl.cli.usage import usage_advice

ALL_COMMANDS = [*COMMANDS, *ALONE]


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("train --lr 0.1 --optimizer adam", "the optimizer comes last, followed by its own options: jaxdl train"),
        ("train --hidden 64,32 --seeds 2", "separate numbers by spaces: 64 32."),
        ("train mine.csv", "name the data with an option: --data mine.csv."),
        ("predict run mine.csv", "name the data with an option: --data mine.csv."),
        ("evaluate run", "jaxdl predict RUN --data FILE also prints the accuracy"),
        ("experiments list", "the command is jaxdl claims."),
        ("chekc relu", "did you mean jaxdl check?"),
        ("trian --epochs 3", "did you mean jaxdl train?"),
        ("compare a b", "jaxdl report RUN shows one run; compare results in Python with statistics.compare."),
    ],
)
def test_one_sentence_explains_a_usual_mistake(line, start, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("mine.csv").touch()
    (sentence,) = usage_advice(line.split(), ALL_COMMANDS)
    assert sentence.startswith(start)


@pytest.mark.parametrize("line", ["", "train --data mine.csv --hidden 64 32", "predict run nothere.csv", "train a,b"])
def test_other_command_lines_get_no_advice(line):
    assert not list(usage_advice(line.split(), ALL_COMMANDS))


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_advice_knows_every_command(command, capsys):
    with pytest.raises(SystemExit):
        main([command[:-1]])
    assert capsys.readouterr().err.endswith(f"\nhint: did you mean jaxdl {command}?\n")


def test_the_advice_follows_the_message_of_the_parser(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--lr", "0.1"])
    assert end.value.code == 2
    assert capsys.readouterr().err.endswith(
        "\nhint: the optimizer comes last, followed by its own options: "
        "jaxdl train --epochs 5 adam --learning-rate 0.01.\n"
    )
