"""Every change of code or values that can change a number of a measurement changes the digest."""

import functools
import itertools
import subprocess
import sys

import jax
import pytest

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.experiment.reached import reached_by

MODULES = {
    "main": '''
"""A module."""
import functools
import pathlib
import numpy as np
import jaxdl.functional as F
from jaxdl.training import population
from . import near
from package.helper import TABLE, Net, doubled

SCALE = 1.0
TEXT = pathlib.Path({path!r}).read_text()
UNUSED = 1


def inner(key, power=2):
    """One."""
    import package.late
    return F.relu(SCALE * doubled(key) ** power) + near.add(key) + len(TEXT) + TABLE.sum() + package.late.shift(key)


class Shift:
    size = 3

    def __init__(self, by):
        self.by = by

    def __call__(self, keys):
        yield "a", [self.by * self.size] * len(keys)

    def method(self, keys):
        return self(keys)


def closure(factor):
    return lambda keys: [("a", [factor] * len(keys))]


def measure(keys):
    yield "a", population(inner, keys)


def second(keys):
    yield "a", population(functools.partial(inner, power=3), keys)


RULE = 1
''',
    "helper": """
import functools
import numpy as np
TABLE = np.arange(5000.0)


@functools.cache
def doubled(x):
    return 2 * x + other(x)


def other(x):
    return x


class Net:
    pass
""",
    "near": "from .deep import constant\n\n\ndef add(x):\n    return x + constant()\n",
    "deep": "def constant():\n    return 1\n",
    "late": "def shift(x):\n    return x + 1\n",
}


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a package from the texts above, with a text replaced by another, and return its module main."""
    numbers = itertools.count()
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(module="main", old="", new="", text="data"):
        root = tmp_path / str(next(numbers))
        folder = root / "package"
        folder.mkdir(parents=True)
        (root / "data.txt").write_text(text)
        for name, source in {"__init__": "", **MODULES}.items():
            source = source.replace("{path!r}", repr(str(root / "data.txt")))
            if name == module:
                assert old in source
                source = source.replace(old, new, 1) if old else source
            (folder / f"{name}.py").write_text(source)
        for name in [name for name in sys.modules if name.partition(".")[0] == "package"]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.syspath_prepend(str(root))
        import package.main

        return package.main

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "package"]:
        del sys.modules[name]


CHANGES = {
    "a constant": ("main", "SCALE = 1.0", "SCALE = 2.0"),
    "a constant that changes afterwards": ("main", "UNUSED = 1", "SCALE += 2"),
    "a function of jaxdl": ("main", "F.relu", "F.softplus"),
    "a default": ("main", "power=2", "power=3"),
    "a helper module": ("helper", "2 * x", "3 * x"),
    "a function that a helper calls": ("helper", "    return x\n", "    return -x\n"),
    "anything in a helper module": ("helper", "class Net:\n    pass", "class Net:\n    size = 2"),
    "an array": ("helper", "np.arange(5000.0)", "np.where(np.arange(5000) == 2500, -1.0, np.arange(5000.0))"),
    "from . import": ("near", "x + constant()", "x - constant()"),
    "the helper of a helper": ("deep", "return 1", "return 2"),
    "an import inside a function": ("late", "x + 1", "x + 2"),
}


def test_every_change_of_the_code_changes_the_digest(written):
    first = reached_by(written().measure)
    digests = {name: reached_by(written(*change).measure).digest for name, change in CHANGES.items()}
    digests["a file read by the module"] = reached_by(written(text="other").measure).digest
    assert [name for name, digest in digests.items() if digest == first.digest] == []
    assert len(set(digests.values())) == len(digests)
    assert first.unknown == ()
    assert first.functions == ("functional.relu", "training.population")


def test_rules_comments_and_docstrings_do_not_change_it(written):
    first = reached_by(written().measure).digest
    for change in [
        ("main", "RULE = 1", "RULE = 2"),
        ("main", "UNUSED = 1", "UNUSED = 2"),
        ("main", '"""One."""', '"""Two, with more text."""'),
        ("main", "    return self(keys)", "    # a comment\n\n        return self(keys)"),
        ("helper", "def other(x):", 'def other(x):\n    """Return x."""'),
    ]:
        assert reached_by(written(*change).measure).digest == first, change


def test_measures_of_one_module_differ(written):
    main = written()
    measures = [
        *(main.measure, main.second, main.closure(1), main.closure(2), main.Shift(1), main.Shift(2)),
        *(main.Shift(1).method, main.Shift(2).method, functools.partial(main.inner, power=4)),
        *(lambda keys: [("a", keys)], lambda keys: [("b", keys)]),
    ]
    assert len({reached_by(measure).digest for measure in measures}) == len(measures)
    assert reached_by(main.closure(1)).digest == reached_by(main.closure(1)).digest
    changed = written("main", "size = 3", "size = 4")
    assert reached_by(changed.Shift(1)).digest != reached_by(main.Shift(1)).digest


@pytest.mark.slow
def test_the_digest_is_the_same_in_another_process(tmp_path):
    script = (
        "from experiments import xor, majority_vote\nfrom jaxdl.experiment.reached import reached_by\n"
        "print([reached_by(module.experiment.measure).digest for module in (xor, majority_vote)])\n"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", more + script],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ".", "PATH": "", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, more in (("1", ""), ("2", "import jaxdl.reports\n"))
    ]
    assert texts[0] == texts[1]
    assert len(texts[0]) > 64


def test_training_does_not_change_it():
    def measure(keys):
        task = training.Task(models.mlp((), 2), F.cross_entropy, optimizers.sgd(0.1), 8)
        moons = data.moons(jax.random.key(0), examples=8)
        state = training.start(task, moons, jax.random.key(1))
        yield "a", [float(training.evaluate(task, state, moons)["loss"])]

    first = reached_by(measure).digest
    list(measure([0]))
    assert reached_by(measure).digest == first
