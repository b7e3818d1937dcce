"""A question of one's own gives a verdict, a figure and a page without an item of the course."""

import jax
import jax.numpy as jnp
import pytest

from jaxdl.experiment import MEDIAN, AllOf, Greater, Metric, ask, results
from jaxdl.experiment.registration import read_registrations


def noisy(center, noise):
    """Return an arm that measures a number near its center."""
    return lambda key: center + noise * jax.random.normal(key)


ARMS = {"dropout": noisy(0.9, 0.01), "plain": noisy(0.8, 0.02)}
RULE = Greater("dropout", "plain", 0.05, MEDIAN, effect=0.1, expected_sd=0.015)


def test_a_question_is_decided_with_interval_and_power():
    answer = ask("Dropout raises the accuracy.", ARMS, RULE, seeds=16)
    assert answer.verdict == "supported"
    assert answer.finding.startswith("dropout − plain: median 0.")
    assert repr(answer).startswith("Dropout raises the accuracy. Supported. dropout − plain: median 0.")
    assert "With 16 seeds, the power at the stated effect is 100.0%" in repr(answer)
    assert [*answer.measured] == ["dropout", "plain"]
    assert answer.result["item"] is None


def test_the_level_is_shared_by_all_tests():
    both = AllOf((RULE, RULE._replace(margin=0.04)))
    answer = ask("Both.", ARMS, both, seeds=32, level=0.01)
    assert {comparison["confidence"] for comparison in answer.result["claims"][0]["comparisons"]} == {0.99}
    with pytest.raises(ValueError, match="seeds must be at least 8 for the 99 % interval of a median, got 6"):
        ask("Both.", ARMS, both, seeds=6, level=0.01)


def test_a_changed_rule_or_arm_gets_new_seeds_and_shared_data_are_passed(tmp_path):
    arms = {name: lambda data, key, f=f: f(key) + data.sum() for name, f in ARMS.items()}
    shared = (jnp.zeros(3),)
    for margin in (0.05, 0.05, 0.06):
        answer = ask("It is so.", arms, RULE._replace(margin=margin), seeds=16, shared=shared, out=tmp_path / "run")
    lines = read_registrations(tmp_path / "run" / "experiments" / "registrations.jsonl")
    assert [line.outcome for line in lines] == ["supported", "supported"]
    assert answer.result["registrations"] == 2
    assert [result["name"] for result, _ in results(tmp_path / "run" / "experiments")] == ["it_is_so"]


def test_the_answer_is_drawn_and_has_a_page(tmp_path):
    pytest.importorskip("altair")
    from jaxdl import reports

    metric = Metric("accuracy", larger_is_better=True, step=0.001)
    answer = ask("Dropout helps, it is said.", ARMS, RULE, seeds=16, metric=metric, out=tmp_path / "run")
    assert '"mark": "threshold"' in str(reports.figure(answer).chart.to_json(indent=None))
    page = reports.write_report(tmp_path / "run").read_text()
    assert "<h1>Dropout helps, it is said.</h1>" in page
    assert "of the course" not in page


@pytest.mark.parametrize("arms", [{}, [noisy(1.0, 0.1)], {"a": 3}])
def test_wrong_arms_raise(unchecked, arms):
    with pytest.raises(TypeError, match="arms must be a dictionary of functions of a key by name"):
        unchecked(ask)("So?", arms, RULE)
