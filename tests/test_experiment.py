import jax
import numpy as np
import pytest

from jaxdl import run
from jaxdl.experiment import Experiment, Judgement, conduct, conduct_all, results


def made(measure=None, judge=None, name="coin", item=1):
    return Experiment(
        name=name,
        item=item,
        sentence="A coin falls.",
        claim="Both arms fall alike.",
        arms={"left": "the left one", "right": "the right one"},
        metric="height",
        rule="supported if the means differ by less than 1",
        thresholds=(),
        seeds=8,
        measure=measure
        or (lambda keys: {arm: jax.vmap(jax.random.uniform)(jax.random.clone(keys)) for arm in ("left", "right")}),
        judge=judge
        or (lambda measured: Judgement("supported", f"{np.ptp([v.mean() for v in measured.values()])} apart")),
    )


def test_the_arms_get_the_same_keys_and_the_numbers_are_written(tmp_path):
    result = conduct(made(), tmp_path)
    table = run.read_table(tmp_path / "coin.parquet")
    assert table["left"] == table["right"]
    assert table["seed"] == list(range(8))
    assert (result["verdict"], result["finding"]) == ("supported", "0.0 apart")
    written = run.read_json(tmp_path / "coin.json")
    assert written["rule"] == made().rule
    assert written["sentence"] == "A coin falls."


def test_the_same_seeds_measure_the_same(tmp_path):
    conduct(made(), tmp_path / "one")
    conduct(made(), tmp_path / "two")
    assert run.read_table(tmp_path / "one" / "coin.parquet") == run.read_table(tmp_path / "two" / "coin.parquet")


@pytest.mark.parametrize(
    ("experiment", "sentence"),
    [
        (
            made(measure=lambda keys: {"left": np.zeros(8)}),
            "measure must give 8 numbers for each of left, right, but gave",
        ),
        (made(measure=lambda keys: {"left": np.zeros(7), "right": np.zeros(8)}), "measure must give 8 numbers"),
        (made(judge=lambda measured: Judgement("true", "")), "verdict must be one of supported, refuted"),
    ],
)
def test_a_measurement_that_is_not_what_was_announced_is_refused(tmp_path, experiment, sentence):
    with pytest.raises(ValueError, match=sentence):
        conduct(experiment, tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_that_fails_stops_no_other(tmp_path, capsys):
    def fail(keys):
        raise RuntimeError("the coin is lost")

    told = []
    failed = conduct_all([made(fail, name="lost"), made(name="found", item=2)], tmp_path, told.append)
    assert failed == ["lost"]
    assert [result["name"] for result in told] == ["found"]
    assert "the coin is lost" in capsys.readouterr().err


def test_results_are_read_in_the_order_of_the_course(tmp_path):
    for name, item in [("b", 2), ("a", 9), ("c", 1), ("d", 2)]:
        conduct(made(name=name, item=item), tmp_path)
    assert [result["name"] for result, _ in results(tmp_path)] == ["c", "b", "d", "a"]
    assert set(results(tmp_path)[0][1]) == {"left", "right"}
