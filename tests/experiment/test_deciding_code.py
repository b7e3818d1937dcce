"""The deciding seeds change with everything that decides, and with nothing else."""

import functools
import importlib.util
import pathlib
import sys

import pytest

import jaxdl.course
from jaxdl.experiment.checks import confidence_of
from jaxdl.experiment.origins import COURSE
from jaxdl.experiment.registration import deciding_hash
from tests.experiment.test_conduct import made

SOURCE = '''"""An experiment."""

import functools

import numpy as np

from jaxdl.experiment import MEDIAN, AllOf, Claim, Column, Exact, Experiment, Greater, Panel

LIMIT = 0.5
OTHER = 3
NAMES = {"a": "first", "b": "second"}


def helper(keys):
    """Return numbers."""
    return np.arange(len(keys)) / len(keys)


def measure(keys, offset=0.0):
    """Measure."""
    for arm in NAMES:
        yield arm, helper(keys) + offset


def finding(measured):
    """Say it."""
    return f"At most {measured['a'].max()}."


def unused(measured):
    return 1


experiment = Experiment(
    name="example",
    item=1,
    sentence="A sentence.",
    claims=(
        Claim("It is small.", Exact("it is below 1", lambda m: m["a"] < LIMIT + 1, finding, lambda m: m["b"] > -1, "")),
        Claim("It is more.", Greater("a", Column("b", ("b",), lambda b: b - 1), 0.5, MEDIAN, effect=2.0), "careful"),
        Claim("Both.", AllOf((Greater("a", 0.0, 0.1, MEDIAN), Greater("b", 0.0, 0.1, MEDIAN)))),
    ),
    panels=(Panel("height", {"a": "the first", "b": "the second"}, thresholds=(0.5,)),),
    seeds=16,
    measure=functools.partial(measure, offset=0.25),
    level=0.003,
    limits="One.",
)
'''
KEPT = [  # texts, captions, findings, what is planned, and what nothing uses
    ('"""An experiment."""', '"""Another text."""'),
    ('"""Measure."""', '"""Measure it."""'),
    ("A sentence.", "Another one."),
    ("It is small.", "It is tiny."),
    ("it is below 1", "it is less than 1"),
    ('> -1, "")', '> -1, "b is")'),
    ("At most {measured['a'].max()}", "Not above {measured['a'].max():.1f}"),
    ('"the first"', '"arm one"'),
    ("thresholds=(0.5,)", "thresholds=(0.6,)"),
    ("return 1", "return 2"),
    ("OTHER = 3", "OTHER = 4"),
    ("effect=2.0", "effect=3.0"),
    ('Column("b",', 'Column("the second",'),
    ("One.", "Two."),
    ('"careful"', '"literal"'),
    ("import functools\n", "import functools  # for the arguments\n"),
]
CHANGED = [
    ("LIMIT = 0.5", "LIMIT = 0.6"),
    ("/ len(keys)", "/ (1 + len(keys))"),
    ("+ offset", "- offset"),
    ("offset=0.25", "offset=0.5"),
    ("< LIMIT + 1", "<= LIMIT + 1"),
    ('m["b"] > -1', 'm["b"] > -2'),
    ("b - 1", "b - 2"),
    ("0.5, MEDIAN, effect", "0.6, MEDIAN, effect"),
    ('Greater("b", 0.0', 'Greater("b", 0.01'),
    ("AllOf((", "AnyOf(("),
    ("seeds=16", "seeds=17"),
    ("level=0.003", "level=0.002"),
    ('Panel("height"', 'Panel("width"'),
    ('"b": "second"', '"b": "second", "c": "third"'),
]


@pytest.fixture
def hash_of(tmp_path):
    """Return a function that writes the module with a change, imports it, and returns its deciding hash."""
    counter = iter(range(1000))

    def hashed(old="", new=""):
        name = f"registered_{next(counter)}"
        path = tmp_path / f"{name}.py"
        assert old in SOURCE
        path.write_text(SOURCE.replace(old, new).replace("AllOf, Claim", "AllOf, AnyOf, Claim"))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        experiment = module.experiment
        return deciding_hash(experiment, experiment.measure, confidence_of(experiment))

    yield hashed
    for name in [name for name in sys.modules if name.startswith("registered_")]:
        del sys.modules[name]


def test_sentences_captions_and_findings_keep_the_seeds(hash_of):
    first = hash_of()
    assert [old for old, new in KEPT if hash_of(old, new) != first] == []


def test_everything_that_decides_changes_the_seeds(hash_of):
    hashes = [hash_of(), *(hash_of(old, new) for old, new in CHANGED)]
    assert len(set(hashes)) == len(hashes)


def test_the_folder_of_a_file_keeps_the_seeds(hash_of):
    assert hash_of("LIMIT = 0.5", "LIMIT = len(__file__)") == hash_of("LIMIT = 0.5", "LIMIT = len(__file__)")


IMPORT = "from jaxdl.experiment import MEDIAN, AllOf, Claim, Column, Exact, Experiment, Greater, Panel\n"


@pytest.fixture
def import_once():
    """Return a function that imports a module; after the test it is removed, with its package."""
    packages = set()

    def imported(package, name):
        packages.add(package)
        return importlib.import_module(f"{package}.{name}")

    yield imported
    for name in [name for name in sys.modules if any(f"{name}.".startswith(f"{package}.") for package in packages)]:
        del sys.modules[name]


def hash_in(module, which="measure"):
    """Return the deciding hash of the experiment of a module."""
    experiment = module.experiment
    return deciding_hash(experiment, getattr(experiment, which), confidence_of(experiment))


def test_relative_imports_have_the_seeds_of_absolute_ones_in_their_place(import_once, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    source = SOURCE.replace("LIMIT = 0.5\n", "")
    sources = {
        "limits": "LIMIT = 0.5\n",
        "absolute": source.replace(IMPORT, f"from club.limits import LIMIT\n{IMPORT}"),
        "relative": source.replace(IMPORT, f"{IMPORT}\nfrom .limits import LIMIT\n"),
    }
    for package in ("club", "union"):
        (tmp_path / package).mkdir()
        for name, text in sources.items():
            (tmp_path / package / f"{name}.py").write_text(text)
    absolute, relative = (hash_in(import_once("club", name)) for name in ("absolute", "relative"))
    assert relative == absolute
    assert hash_in(import_once("union", "relative")) != absolute


@pytest.mark.parametrize(("name", "which"), [("majority_vote", "measure"), ("small_batches", "full")])
def test_the_experiments_of_a_wheel_have_the_seeds_of_a_clone(name, which, import_once, monkeypatch):
    clone = importlib.import_module(f"experiments.{name}")
    monkeypatch.setattr(jaxdl.course, "__path__", [str(pathlib.Path(clone.__file__).parents[1])])
    monkeypatch.setattr(jaxdl.course, "experiments", None, raising=False)  # and remove what the import sets
    carried = import_once(COURSE, name)
    assert carried.__file__ == clone.__file__
    assert carried.experiment.measure is not clone.experiment.measure
    assert hash_in(carried, which) == hash_in(clone, which)


SCRIPT = """
import jax
from jaxdl.experiment import MEDIAN, Greater
from jaxdl.experiment.question import ask

CENTER = 0.5
def noise(key):
    return jax.random.normal(key)
arms = {"a": lambda key: CENTER + noise(key), "b": noise}
answer = ask("It is more.", arms, Greater("a", "b", 0.1, MEDIAN), seeds=8)
print("Done.")
"""


def test_a_question_is_known_by_the_lambdas_that_it_compares(tmp_path):
    """The rest of a script, such as what it prints, does not count."""
    counter = iter(range(10))

    def hashed(old="", new=""):
        path = tmp_path / f"script_{next(counter)}.py"
        path.write_text(SCRIPT.replace(old, new))
        spec = importlib.util.spec_from_file_location(f"registered_{path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.answer.result["registration"]

    first = hashed()
    assert first == hashed("Done.", "Finished.") == hashed("It is more.", "It is larger.")
    changed = [
        hashed("CENTER = 0.5", "CENTER = 0.6"),
        hashed("CENTER + noise", "CENTER - noise"),
        hashed("0.1,", "0.2,"),
    ]
    changed += [hashed("normal(key)", "laplace(key)"), hashed("seeds=8", "seeds=9")]
    assert len({first, *changed}) == 6


def test_code_without_a_file_is_known_by_its_bytecode():
    scope: dict = {"__name__": "__nothing__"}
    exec(SOURCE, scope)
    first = deciding_hash(scope["experiment"], scope["measure"], 0.95)
    exec(SOURCE.replace("/ len(keys)", "/ (1 + len(keys))"), scope)
    assert deciding_hash(scope["experiment"], scope["measure"], 0.95) != first
    exec(SOURCE.replace("A sentence.", "Another."), scope)
    assert deciding_hash(scope["experiment"], scope["measure"], 0.95) == first


def test_the_direction_of_failures_and_values_outside_the_code_change_the_seeds():
    def stream(experiment):
        return deciding_hash(experiment, experiment.measure, 0.95)

    panel = made().panels[0]
    hashes = [
        stream(made()),
        *(stream(made()._replace(panels=(panel._replace(larger_is_better=b),))) for b in (True, False)),
    ]

    def factory(limit, keywords=None):
        def measure(keys, height=limit):
            yield from (("left", [height] * len(keys)), ("right", [limit] * len(keys)))

        return functools.partial(measure, **(keywords or {}))

    class Runner:
        def __init__(self, rate):
            self.rate = rate

        def measure(self, keys):
            yield from (("left", [self.rate] * len(keys)), ("right", [self.rate] * len(keys)))

    measures = [factory(0.1), factory(0.2), factory(0.1, {"height": 0.3}), Runner(0.1).measure, Runner(0.2).measure]
    hashes += [stream(made(measure)) for measure in measures]
    assert len(set(hashes)) == len(hashes)
    assert stream(made(Runner(0.1).measure)) == hashes[6]
