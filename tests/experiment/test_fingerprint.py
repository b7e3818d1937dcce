"""The fingerprint of an experiment covers everything that its numbers depend on."""

import ast
import functools
import itertools
import sys
import types

import pytest

from jaxdl.experiment import Claim, Exact, Experiment, Panel, chapter_of, conduct
from jaxdl.experiment.fingerprint import MEASURED_WITH, PACKAGE, _library_digest, fingerprint, settings_of, source_of


def coins(keys):
    """Measure two arms of zeros."""
    for arm in ("left", "right"):
        yield arm, [0.0] * len(keys)


def made(measure=coins, seeds=16):
    rule = Exact("they are equal", lambda measured: measured["left"] == measured["right"], lambda measured: "Found.")
    panel = Panel("height", {"left": "the left one", "right": "the right one"})
    return Experiment("coin", 1, "A coin falls.", (Claim("Both are equal.", rule),), (panel,), seeds, measure)


MODULE = '''
"""A module."""
import jax
import jax.numpy as jnp
import jaxdl.functional as F
from jaxdl.training import population
from {package}.sibling import doubled

SCALE = {scale}
{more}
UNUSED = {unused}


def inner(key):
    """{words}"""
    return F.{function}(jnp.full(3, SCALE)).sum() + doubled(jax.random.uniform(key))


def measure(keys):
    yield "left", population(inner, keys)
    yield "right", population(inner, keys)


RULE = {rule}
'''


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a module from the text above, with these parts, and return its `measure`."""
    number = itertools.count()

    def write(factor="2", **parts):
        package = f"package_{next(number)}"
        folder = tmp_path / package
        folder.mkdir()
        filled = {"scale": 1.0, "unused": 1, "words": "One.", "function": "relu", "rule": 1, "more": "", **parts}
        texts = {
            "sibling": f"def doubled(x):\n    return {factor} * x\n",
            "main": MODULE.format(package=package, **filled),
        }
        for name, text in texts.items():
            text = text.replace(package, "package")
            (folder / f"{name}.py").write_text(text)
            module = types.ModuleType(f"package.{name}")
            module.__file__ = str(folder / f"{name}.py")
            monkeypatch.setitem(sys.modules, f"package.{name}", module)
            exec(compile(text, module.__file__, "exec"), module.__dict__)
        return module.measure

    return write


def fingerprint_of(measure, seed=0, **more):
    return fingerprint(made(measure, **more), source_of(measure).text, seed)


def test_the_fingerprint_covers_the_measuring_source_but_not_the_rules(written):
    first = fingerprint_of(written())
    assert first == fingerprint_of(written(rule=2))
    assert first == fingerprint_of(written(unused=2))
    assert first == fingerprint_of(written(words="Two."))
    more = ({"more": text} for text in ("SCALE = SCALE + 1", "SCALE *= 3", "if SCALE:\n    SCALE = 7.0", "SCALE.real"))
    changes = {"scale": 2.0}, {"function": "softplus"}, {"factor": "3"}, *more
    fingerprints = [first, *(fingerprint_of(written(**change)) for change in changes)]
    fingerprints += [fingerprint_of(written(), seed=1), fingerprint_of(written(), seeds=17)]
    assert len(set(fingerprints)) == len(fingerprints)


def test_a_function_without_a_source_file_is_measured_every_time(tmp_path):
    typed = {"__name__": "builtins"}
    exec("def measure(keys):\n    yield 'left', [0.0] * len(keys)\n    yield 'right', [0.0] * len(keys)\n", typed)
    experiment = made(typed["measure"])
    results = [conduct(experiment, tmp_path) for _ in range(2)]
    assert results[0]["key"] != results[1]["key"]
    assert results[1]["claims"][0]["verdict"] == "supported"


def test_the_whole_module_counts_for_a_function_that_is_not_at_its_top(written):
    local = lambda keys: coins(keys)
    assert "def test_the_whole_module_counts" in source_of(local).text
    assert source_of(written()).text.count("UNUSED") == 0


def test_the_fingerprint_covers_the_library(written, monkeypatch):
    measure = written()
    first = fingerprint_of(measure)
    monkeypatch.setattr("jaxdl.experiment.fingerprint._library_digest", lambda: "another")
    assert fingerprint_of(measure) != first


def test_every_listed_part_of_the_library_changes_its_digest(tmp_path, monkeypatch):
    package = tmp_path / "package"
    for part in MEASURED_WITH:
        file = package / part if part.endswith(".py") else package / part / "inside.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1")
    monkeypatch.setattr("jaxdl.experiment.fingerprint.PACKAGE", package)
    digests = [_library_digest.__wrapped__()]
    for file in package.rglob("*.py"):
        file.write_text("2")
        digests.append(_library_digest.__wrapped__())
    assert len(set(digests)) == len(MEASURED_WITH) + 1


def test_a_listed_path_that_does_not_exist_raises(monkeypatch):
    monkeypatch.setattr("jaxdl.experiment.fingerprint.MEASURED_WITH", ("functional", "no_such_part.py"))
    with pytest.raises(FileNotFoundError, match=r"MEASURED_WITH .* lists no_such_part.py, but .* does not exist"):
        _library_digest.__wrapped__()


NOT_MEASURED_WITH = (  # judge, write, read and display; of these only conduct.py also measures
    *("experiment", "runs", "statistics.py", "_types.py", "_names.py", "_display.py", "_formatting.py"),
)


def test_every_module_that_experiments_import_is_listed():
    """List the modules that experiments import, except those that only judge and write."""
    files = set(PACKAGE.parent.joinpath("experiments").glob("*.py")) - {
        PACKAGE.parent / "experiments" / f"{name}.py" for name in ("__main__", "welcome")
    }
    reached = set()
    while files:
        imported = {path for file in files for path in jaxdl_files_imported_by(file)}
        files = {path for path in imported - reached if not is_part(path, NOT_MEASURED_WITH)}
        reached |= files
    assert {PACKAGE / "training" / "__init__.py", PACKAGE / "functional" / "affine.py"} <= reached
    assert [path for path in reached if not is_part(path, (*MEASURED_WITH, "__init__.py"))] == []


def is_part(path, parts):
    return any(path == PACKAGE / part or PACKAGE / part in path.parents for part in parts)


def jaxdl_files_imported_by(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in (*module, *(".".join([*module, alias.name]) for alias in node.names)):
                place = PACKAGE.parent.joinpath(*name.split("."))
                yield from (
                    path
                    for path in (place.with_suffix(".py"), place / "__init__.py")
                    if name.split(".")[0] == "jaxdl" and path.is_file()
                )


def test_bound_arguments_are_part_of_the_fingerprint(tmp_path, written):
    fingerprints = {
        fingerprint_of(measure)
        for measure in (
            functools.partial(written(), 1),
            functools.partial(written(), 2),
            functools.partial(written(), images=chapter_of),
        )
    }
    assert len(fingerprints) == 3
    assert settings_of(functools.partial(coins, 3, size=4, of=chapter_of)) == "3, size 4, of chapter_of"
    result = conduct(made(functools.partial(coins)), tmp_path)
    assert result["settings"] == ""
    assert source_of(functools.partial(coins)).functions == ()


def test_the_functions_that_an_experiment_calls_are_listed(written):
    assert source_of(written()).functions == ("functional.relu", "training.population")
