"""What the numbers of an experiment depend on is read off its source."""

import functools
import itertools
import sys
import types

import pytest

from jaxdl.experiment import Claim, Exact, Experiment, Panel, chapter_of, conduct
from jaxdl.experiment.fingerprint import content, fingerprint


def coins(keys):
    """Two arms, of zeros."""
    for arm in ("left", "right"):
        yield arm, [0.0] * len(keys)


def made(measure=coins, seeds=16):
    rule = Exact("they are alike", lambda measured: measured["left"] == measured["right"], lambda measured: "So.")
    panel = Panel("height", {"left": "the left one", "right": "the right one"})
    return Experiment("coin", 1, "A coin falls.", (Claim("Both fall alike.", rule),), (panel,), seeds, measure)


MODULE = '''
"""A module."""
import jax
import jax.numpy as jnp
import jaxdl.functional as F
from jaxdl.training import population
from {package}.beside import doubled

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
    """Makes a module of its own from the text above, with these parts."""
    number = itertools.count()

    def write(beside="2", **parts):
        package = f"package_{next(number)}"
        folder = tmp_path / package
        folder.mkdir()
        filled = {"scale": 1.0, "unused": 1, "words": "One.", "function": "relu", "rule": 1, "more": "", **parts}
        texts = {
            "beside": f"def doubled(x):\n    return {beside} * x\n",
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


def printed(measure, seed=0, **more):
    return fingerprint(made(measure, **more), content(measure).source, seed)


def test_numbers_depend_on_the_source_that_measures_and_on_nothing_that_judges(written):
    first = printed(written())
    assert first == printed(written(rule=2)) == printed(written(unused=2)) == printed(written(words="Two."))
    more = ({"more": text} for text in ("SCALE = SCALE + 1", "SCALE *= 3", "if SCALE:\n    SCALE = 7.0", "SCALE.real"))
    changes = {"scale": 2.0}, {"function": "softplus"}, {"beside": "3"}, *more
    prints = [first, *(printed(written(**change)) for change in changes)]
    prints += [printed(written(), seed=1), printed(written(), seeds=17)]
    assert len(set(prints)) == len(prints)


def test_what_was_typed_without_a_file_is_measured_every_time(tmp_path):
    typed = {"__name__": "builtins"}
    exec("def measure(keys):\n    yield 'left', [0.0] * len(keys)\n    yield 'right', [0.0] * len(keys)\n", typed)
    experiment = made(typed["measure"])
    results = [conduct(experiment, tmp_path) for _ in range(2)]
    assert results[0]["key"] != results[1]["key"]
    assert results[1]["claims"][0]["verdict"] == "supported"


def test_of_what_has_no_name_of_its_own_the_whole_module_counts(written):
    unnamed = lambda keys: coins(keys)
    assert "def test_of_what_has_no_name_of_its_own" in content(unnamed).source
    assert content(written()).source.count("UNUSED") == 0


def test_numbers_depend_on_the_library_they_are_measured_with(written, monkeypatch):
    measure = written()
    first = printed(measure)
    monkeypatch.setattr("jaxdl.experiment.fingerprint._library", lambda: "another")
    assert printed(measure) != first


def test_what_a_measurement_is_given_counts_and_is_told(tmp_path, written):
    prints = {
        printed(measure)
        for measure in (
            functools.partial(written(), 1),
            functools.partial(written(), 2),
            functools.partial(written(), images=chapter_of),
        )
    }
    assert len(prints) == 3
    sized = lambda keys, size: coins(keys)
    sized.__name__ = "coins"
    result = conduct(made(functools.partial(coins)), tmp_path)
    assert result["settings"] == ""
    assert content(functools.partial(coins)).functions == ()


def test_the_functions_that_an_experiment_exercises_are_told(written):
    assert content(written()).functions == ("functional.relu", "training.population")
