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
    assert repr(answer).endswith("With 16 seeds, the power at a true effect of 0.1 is above 99.9 %.")
    assert [*answer.measured] == ["dropout", "plain"]
    assert answer.result["item"] is None


def test_the_level_is_shared_by_all_tests():
    both = AllOf((RULE, RULE._replace(margin=0.04)))
    answer = ask("Both.", ARMS, both, seeds=32, level=0.01)
    assert {comparison["confidence"] for comparison in answer.result["claims"][0]["comparisons"]} == {0.99}
    with pytest.raises(ValueError, match="seeds must be at least 9 for the 99.5 % interval of a median, got 6"):
        ask("Both.", ARMS, both, seeds=6, level=0.01)


def test_a_changed_rule_or_arm_gets_new_seeds_and_shared_data_are_passed(tmp_path):
    arms = {name: lambda data, key, f=f: f(key) + data.sum() for name, f in ARMS.items()}
    shared = (jnp.zeros(3),)
    for margin in (0.05, 0.05, 0.06):
        answer = ask("It is so.", arms, RULE._replace(margin=margin), seeds=16, shared=shared, out=tmp_path / "run")
    lines = read_registrations(tmp_path / "run" / "experiments" / "registrations.jsonl")
    assert [line.outcome for line in lines] == ["supported", "supported"]
    assert answer.result["registrations"] == 2
    assert repr(answer).endswith("2 rules have been measured for this question.")
    assert [result["name"] for result, _ in results(tmp_path / "run" / "experiments")] == ["it_is_so"]


def test_the_answer_is_drawn_and_has_a_page(tmp_path):
    pytest.importorskip("altair")
    from jaxdl import reports

    metric = Metric("accuracy", larger_is_better=True, step=0.001)
    answer = ask("Dropout helps, it is said.", ARMS, RULE, seeds=16, metric=metric, out=tmp_path / "run")
    assert '"mark": "threshold 0.05"' in str(reports.figure(answer).chart.to_json(indent=None))
    page = reports.write_report(tmp_path / "run").read_text()
    assert "<h1>Dropout helps, it is said.</h1>" in page
    assert "of the course" not in page


@pytest.mark.parametrize("arms", [{}, [noisy(1.0, 0.1)], {"a": 3}, {1: noisy(1.0, 0.1)}])
def test_wrong_arms_raise(unchecked, arms):
    with pytest.raises(TypeError, match="arms must be a dictionary of functions of a key by name"):
        unchecked(ask)("So?", arms, RULE)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"question": 5}, TypeError, "question must be a sentence, got 5"),
        ({"metric": "accuracy"}, TypeError, "metric must be a Metric, got 'accuracy': write Metric"),
        (
            {"dropout": lambda key: jnp.ones(3)},
            ValueError,
            "the arm 'dropout' must return one number, got .*: return one",
        ),
        ({"dropout": lambda data, key: 1.0}, TypeError, "the arm 'dropout' cannot be measured: train_one must be"),
        ({"dropout": lambda key: float(jax.random.normal(key))}, TypeError, "the arm 'dropout' cannot be measured"),
    ],
)
def test_mistakes_name_the_argument_or_the_arm(unchecked, change, error, sentence):
    arms = {**ARMS, **{name: arm for name, arm in change.items() if name in ARMS}}
    settings = {name: value for name, value in change.items() if name == "metric"}
    with pytest.raises(error, match=sentence):
        unchecked(ask)(change.get("question", "So?"), arms, RULE, seeds=16, **settings)


def test_an_arm_that_ignores_its_key_gives_a_warning():
    with pytest.warns(UserWarning, match="the arm 'plain' has the same number for every seed: does it use its key"):
        ask("So?", {**ARMS, "plain": lambda key: jnp.float32(0.5)}, RULE, seeds=16)
