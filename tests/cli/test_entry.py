"""Parsing, exit statuses, and errors as one line."""

import importlib.metadata
import signal
import subprocess
import sys
import types
from dataclasses import dataclass

import jax
import pytest

import jaxdl
from jaxdl.__main__ import ALONE, COMMANDS, main
from jaxdl.cli.entry import exit_with, find_instances, run_command_line, select


@dataclass(frozen=True)
class Greet:
    """Greet somebody."""

    name: str = "Ada"


def greet(run, *arguments):
    return run_command_line(Greet, run, prog="greet", description=None, arguments=list(arguments))


def raising(error):
    def run(settings):
        raise error

    return run


def test_the_status_of_the_command_is_returned():
    assert greet(lambda settings: len(settings.name), "--name", "Emmy") == 4


@pytest.mark.parametrize("kind", [ValueError, TypeError, OSError, FileNotFoundError, ModuleNotFoundError])
def test_an_error_is_printed_in_one_line_with_status_2(kind, capsys, monkeypatch):
    monkeypatch.delenv("JAXDL_TRACEBACK", raising=False)
    assert greet(raising(kind("name must be short."))) == 2
    assert capsys.readouterr().err == "error: name must be short.\n"


def test_the_environment_variable_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("JAXDL_TRACEBACK", "1")
    with pytest.raises(ValueError, match="short"):
        greet(raising(ValueError("name must be short.")))


def test_a_programming_error_is_not_caught():
    with pytest.raises(ZeroDivisionError):
        greet(raising(ZeroDivisionError()))


def test_ctrl_c_gives_status_130(capsys):
    assert greet(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), 130), (SystemExit(143), 143), (SystemExit(), 0), (SystemExit("text"), 1), (None, 7)],
)
def test_the_process_exits_with_the_status_of_main(error, status, monkeypatch):
    handlers = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.append((number, handler)))

    def main():
        if error is not None:
            raise error
        return 7

    with pytest.raises(SystemExit) as end:
        exit_with(main)
    assert end.value.code == status
    assert handlers == [(signal.SIGINT, signal.SIG_IGN)]


@pytest.mark.parametrize("arguments", [["train", "--epoch", "3"], ["tran"], ["train", "--model", "vgg"], []])
def test_an_unknown_option_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_the_list_of_commands_has_one_line_each(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "•" in line]
    assert [line.split("•")[1].split()[0] for line in lines] == [*COMMANDS, *ALONE]


def test_help_imports_no_jax():
    code = """
import sys
from jaxdl.__main__ import main
try: main(["train", "--help"])
except SystemExit: print("jax" in sys.modules)
"""
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.endswith("False\n")
    assert "--data-dir" in output


def test_the_version_names_that_of_jax_without_importing_it():
    code = "import sys; from jaxdl.__main__ import main; print(main(['--version']), 'jax' in sys.modules)"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output == f"jaxdl {jaxdl.__version__} (jax {jax.__version__})\n0 False\n"


def test_the_version_is_that_of_the_distribution():
    assert importlib.metadata.version("jaxdl-lab") == jaxdl.__version__


def test_objects_of_a_package_are_found_by_type_and_name(tmp_path, monkeypatch):
    (tmp_path / "greetings").mkdir()
    (tmp_path / "greetings" / "polite.py").write_text(
        "from tests.cli.test_entry import Greet\nada, emmy, other = Greet(), Greet('Emmy'), 3\n"
    )
    (tmp_path / "greetings" / "__main__.py").write_text("raise AssertionError\n")
    package = types.ModuleType("greetings")
    package.__path__ = [str(tmp_path / "greetings")]
    monkeypatch.setitem(sys.modules, "greetings", package)
    from tests.cli import test_entry

    assert find_instances(package, test_entry.Greet) == {name: test_entry.Greet(name) for name in ("Ada", "Emmy")}


def test_names_select_objects_and_no_name_selects_all():
    known = {"a": 1, "b": 2}
    assert select(known, ["b"], "letter") == [2]
    assert select(known, [], "letter") == [1, 2]
    with pytest.raises(ValueError, match=r"^unknown letter 'c'. Available: a, b.$"):
        select(known, ["a", "c"], "letter")
