"""Laws of all experiments: what they say beforehand, and that it is enough to decide."""

import math
import pathlib
import sys
from collections import Counter

import pytest

from experiments.__main__ import every_experiment
from jaxdl.experiment import CHAPTERS, RATIO, Every, More, Regimes, Same, chapter_of
from jaxdl.experiment.conduct import FEWEST_SEEDS
from jaxdl.statistics import power

EXPERIMENTS = every_experiment()
every = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=lambda each: each.name)


def statistical(rule):
    """The statistical tests that a rule consists of."""
    if isinstance(rule, More | Same):
        yield rule
    elif isinstance(rule, Every | Regimes):
        for part in rule.parts if isinstance(rule, Every) else rule.regimes.values():
            yield from statistical(part)


@every
def test_it_says_what_would_refute_it_before_it_runs(experiment):
    for claim in experiment.claims:
        said = claim.rule.told(experiment.name_of)
        assert "supported if" in said
        assert "refuted" in said
        assert claim.says.rstrip(")").endswith(".")
        assert claim.reading in ("", "as it stands", "careful")


@every
def test_it_compares_what_it_measures(experiment):
    columns = experiment.columns()
    assert len(columns) >= 2
    for claim in experiment.claims:
        for test in statistical(claim.rule):
            arms = [arm for arm in (test.of, test.against) if isinstance(arm, str | tuple)]
            assert set(arms) <= set(columns)
            assert len({experiment.name_of(arm) for arm in arms}) == len(arms)


@every
def test_margin_and_seeds_give_the_power_to_see(experiment):
    """Four of five times, where the difference is as large as the margin and varies as it did before."""
    tests = [test for claim in experiment.claims for test in statistical(claim.rule)]
    assert len(tests) == experiment.tests
    assert not tests or experiment.seeds >= FEWEST_SEEDS
    for test in tests:
        margin = math.log(test.margin) if test.scale is RATIO else test.margin
        assert margin > 0
        assert power(margin, test.expected_sd, experiment.seeds, level=chapter_of(experiment.item).confidence) >= 0.8


def test_no_chapter_takes_more_tests_than_it_may():
    taken = Counter()
    for experiment in EXPERIMENTS.values():
        taken[chapter_of(experiment.item).number] += experiment.tests
    for chapter in CHAPTERS:
        assert taken[chapter.number] <= chapter.tests


@every
def test_its_sentence_is_the_course_s(experiment, data_dir):
    path = data_dir.parent / "course" / "notes.md"
    if not path.is_file():
        pytest.skip("the notes of the course are not beside the project")
    notes = " ".join(path.read_text().replace("**", "").split())
    for part in experiment.sentence.split(" … "):
        assert " ".join(part.split()) in notes


@every
def test_it_is_read_in_a_minute(experiment):
    module = next(module for name, module in sys.modules.items() if name == f"experiments.{experiment.name}")
    assert f"python -m experiments run {experiment.name}" in module.__doc__
    assert len(pathlib.Path(module.__file__).read_text().splitlines()) <= 160
