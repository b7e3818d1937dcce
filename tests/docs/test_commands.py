"""Every command line of the pages parses, names things that exist, and runs if it is cheap."""

import re
import shlex
import tomllib

import pytest
import tyro

import benchmarks.__main__
import experiments.__main__
import jaxdl.__main__
from jaxdl.cli.launch import split_arguments
from jaxdl.experiment import CHAPTERS
from tests.docs.pages import PAGES, ROOT, blocks

MAIN = {"jaxdl": jaxdl.__main__.main, "benchmarks": benchmarks.__main__.main}
CHEAP = (
    "jaxdl shapes 784-16-10",
    "jaxdl shapes 32x32x1-6@5-max2-16@5-max2-120-84-10",
    "jaxdl trace xor",
    "jaxdl predict runs/houses --data new.csv --out predictions.parquet",
    "jaxdl export runs/houses",
    "jaxdl claims list",
    "jaxdl claims table",
    "python -m benchmarks list",
)


class Parsed(BaseException):
    """The settings that tyro parsed: raised in place of running the command."""


def words_of(line):
    """Return the words of a line of a shell, without comment, environment folder and cluster launcher."""
    words = shlex.split(line, comments=True)
    if words[:1] == ["srun"]:
        words = words[1:]
    return [re.sub(r"^\.venv(-onnx)?/bin/", "", words[0]), *words[1:]] if words else []


LINES = [
    (page, line) for page in PAGES for block in blocks(page, "sh") for line in block.splitlines() if words_of(line)
]


def parse(program, arguments, monkeypatch):
    """Return the settings that a command line is parsed to, without running it."""
    parse_arguments = tyro.cli

    def cli(*args, **kwargs):
        raise Parsed(parse_arguments(*args, **kwargs))

    with monkeypatch.context() as patch, pytest.raises(Parsed) as parsed:
        patch.setattr(tyro, "cli", cli)
        MAIN[program](arguments)
    return parsed.value.args[0]


@pytest.mark.parametrize(("page", "line"), LINES, ids=[f"{page.name}: {line}" for page, line in LINES])
def test_a_command_line_parses_and_names_things_that_exist(page, line, monkeypatch):
    match words_of(line):
        case ["jaxdl", "launch", *rest]:
            own, command = split_arguments(rest, jaxdl.__main__.COMMANDS)
            parse("jaxdl", ["launch", *own], monkeypatch)
            parse("jaxdl", command, monkeypatch)
        case ["jaxdl", "claims", *arguments]:
            settings = parse("jaxdl", ["claims", *arguments], monkeypatch).command
            assert {*getattr(settings, "names", ())} <= {*experiments.__main__.every_experiment()}
            assert getattr(settings, "chapter", None) in (None, *(chapter.number for chapter in CHAPTERS))
        case ["jaxdl", *arguments]:
            parse("jaxdl", arguments, monkeypatch)
        case ["python", "-m", "benchmarks", *arguments]:
            settings = parse("benchmarks", arguments, monkeypatch)
            assert {*getattr(settings, "names", ())} <= {*benchmarks.__main__.all_benchmarks()}
        case ["make", *words]:
            targets = [word for word in words if "=" not in word]
            makefile = (ROOT / "Makefile").read_text()
            assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
        case ["pip", "install", *packages]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = [extra for package in packages for extra in re.findall(r"^\.\[(.*)\]$", package)]
            assert {*named} <= {*extras}
        case words:
            assert (words[0], page.name) == ("gcloud", "scaling.md")


@pytest.mark.parametrize("line", CHEAP)
def test_a_cheap_command_runs(line, in_houses, capsys):
    assert line in {" ".join(shlex.split(each, comments=True)) for _, each in LINES}
    words = words_of(line)
    program, arguments = (words[2], words[3:]) if words[0] == "python" else (words[0], words[1:])
    assert MAIN[program](arguments) == 0
    assert capsys.readouterr().out
