"""Every option is described, and every default is shown as a user would write it."""

import dataclasses

import docstring_parser
import pytest

from jaxdl.__main__ import COMMANDS, main
from jaxdl.cli import settings
from jaxdl.cli.launch import Launch
from jaxdl.runs import settings as run_settings

OF_CLAIMS = {
    "claims run": settings.RunExperiments,
    "claims report": settings.WriteReport,
    "claims keep": settings.KeepResults,
    "claims table": settings.PrintTable,
    "claims welcome": settings.RunWelcome,
}
KINDS = COMMANDS | {"launch": Launch} | OF_CLAIMS
POSITIONAL = {"run", "names", "network", "page", "optimizer", "results"}


def help_of(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        main([*arguments, "--help"])
    assert end.value.code == 0
    return " ".join(capsys.readouterr().out.replace("│", " ").split())


@pytest.mark.parametrize("name", KINDS)
def test_help_describes_every_option_and_default(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    text = help_of(capsys, *name.split())
    docstring = docstring_parser.parse(KINDS[name].__doc__)
    assert " ".join(docstring.description.split()) in text
    described = {entry.arg_name: entry.description for entry in docstring.params}
    for field in dataclasses.fields(KINDS[name]):
        assert field.name in POSITIONAL or f"--{field.name.replace('_', '-')}" in text
        assert " ".join(described.get(field.name, "").split()) in text
    for unclear in ("(default: None)", "(default: )", "{None}"):
        assert unclear not in text
    assert text.count("(default:") + text.count("(required)") == len(dataclasses.fields(KINDS[name]))


@pytest.mark.parametrize(
    "name", ["sgd", "adamw", "adam-l2", "nadam", "momentum", "rmsprop", "centered-rmsprop", "adadelta", "lion"]
)
def test_help_describes_the_hyperparameters_of_an_optimizer(name, capsys):
    text = help_of(capsys, "train", name)
    kind = next(
        kind
        for kind in vars(run_settings).values()
        if isinstance(kind, type) and kind.__name__.lower() == name.replace("-", "")
    )
    for field in dataclasses.fields(kind):
        option = f"--{field.name.replace('_', '-')} FLOAT "
        described = text.split(option)[-1]
        assert not described.startswith("(default"), f"{option} has no description"
        assert f"(default: {field.default})" in described


def test_optimizers_keep_their_names_on_the_command_line(capsys):
    text = help_of(capsys, "train")
    names = "adamw,adam,adam-l2,adamax,nadam,radam,amsgrad,momentum,nesterov,sgd,adagrad,rmsprop,centered-rmsprop"
    assert f"{{{names},adadelta,lion}}" in text
