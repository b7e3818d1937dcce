"""What README shows runs as it stands."""

import pathlib
import re

import jax
import pytest

from experiments.__main__ import every_experiment
from jaxdl.cli import claims
from jaxdl.runs import files

ROOT = pathlib.Path(__file__).parents[2]


def test_the_python_of_the_readme_runs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "".join(re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL))
    with jax.debug_key_reuse(False):  # a reader may use a key twice
        exec(compile(code, "README.md", "exec"), {})
    told = capsys.readouterr().out
    for line in (
        "Field(size=(18, 18), step=(8, 8))",
        "61,706",
        "relu 0.0 holds",
        "∂L/∂weights1 x0ᵀ @ ∂L/∂x1 (3, 3)",
        "network[1].layers[0] (layer_norm)",
    ):
        assert line in told
    assert "over" not in told


def test_the_table_of_claims_is_that_of_the_kept_results():
    readme = (ROOT / "README.md").read_text()
    told = readme.split("<!-- claims: python -m experiments table -->\n")[1].split("<!-- claims end -->")[0]
    assert told == claims.table(ROOT / "experiments" / "results")


@pytest.mark.parametrize("experiment", every_experiment().values(), ids=lambda each: each.name)
def test_the_kept_results_are_those_of_the_experiments_as_they_are(experiment):
    """Of all that does not need to be measured again: claims, rules, arms, seeds."""
    kept = files.read_json(ROOT / "experiments" / "results" / f"{experiment.name}.json")
    claims = [(claim["says"], claim["reading"], claim["rule"]) for claim in kept["claims"]]
    assert claims == [(claim.says, claim.reading, claim.rule.told(experiment.name_of)) for claim in experiment.claims]
    assert [panel["arms"] for panel in kept["panels"]] == [panel.arms for panel in experiment.panels]
    assert (kept["item"], kept["sentence"], kept["seeds"]) == (experiment.item, experiment.sentence, experiment.seeds)


def test_the_test_command_is_the_one_that_ci_calls():
    assert "make test" in (ROOT / "README.md").read_text()
    assert "\nmake test\n" in (ROOT / ".ci" / "run").read_text()


def test_the_lock_holds_hashes_and_no_addresses():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert lock.count("--hash=sha256:") > 500
