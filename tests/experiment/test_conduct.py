"""An experiment is measured, judged and written; numbers that are still valid are not measured again."""

import jax
import numpy as np
import pytest

from jaxdl.cli import claims
from jaxdl.experiment import (
    MEDIAN,
    Claim,
    Conditions,
    Exact,
    Experiment,
    Greater,
    Panel,
    Unavailable,
    Verdict,
    conduct,
    conduct_all,
    results,
)
from jaxdl.runs import files

SEEDS = 16


def coins(keys):
    """Measure two arms that use the same keys."""
    for arm in ("left", "right"):
        yield arm, jax.vmap(jax.random.uniform)(jax.random.clone(keys))


def close(measured):
    return abs(measured["left"] - measured["right"]) < 1


def finding(measured):
    return f"They differ by {np.ptp([values.mean() for values in measured.values()])}."


def made(measure=coins, name="coin", item=1, rule=None, seeds=SEEDS, **more):
    return Experiment(
        name=name,
        item=item,
        sentence="A coin falls.",
        claims=(Claim("Both arms are equal.", rule or Exact("they differ by less than 1", close, finding)),),
        panels=(Panel("height", {"left": "the left one", "right": "the right one"}),),
        seeds=seeds,
        measure=measure,
        **more,
    )


def test_the_arms_get_the_same_keys_and_the_numbers_are_written(tmp_path):
    result = conduct(made(), tmp_path)
    table = files.read_table(tmp_path / "coin.parquet")
    assert table["left"] == table["right"]
    assert table["seed"] == list(range(SEEDS))
    (claim,) = result["claims"]
    assert (claim["verdict"], claim["finding"], claim["kind"]) == ("supported", "They differ by 0.0.", "exact")
    assert claim["rule"] == "supported if they differ by less than 1, otherwise refuted"
    assert {**result, "functions": list(result["functions"])}.keys() == files.read_json(tmp_path / "coin.json").keys()
    assert files.read_json(tmp_path / "coin.json")["sentence"] == "A coin falls."


def test_conditions_decide_the_numbers(tmp_path):
    each = {
        "one": Conditions(),
        "two": Conditions(),
        "draft": Conditions(draft=True),
        "again": Conditions(replication=2),
    }
    for name, conditions in each.items():
        conduct(made(), tmp_path / name, conditions)
    one, two, *others = (files.read_table(tmp_path / name / "coin.parquet")["left"] for name in each)
    assert one == two
    assert not {*others[0]} & {*others[1]}
    assert not {*one} & {*others[0], *others[1]}


def test_a_draft_has_a_finding_and_no_verdict(tmp_path):
    result = conduct(made(), tmp_path, Conditions(draft=True))
    assert result["claims"][0]["verdict"] == "draft"
    assert result["claims"][0]["finding"].startswith("Draft, no verdict. They differ by")
    assert (result["draft"], result["registration"]) == (True, "draft")
    with pytest.raises(ValueError, match="a draft has one set of seeds: give draft or replication, not both"):
        conduct(made(), tmp_path, Conditions(draft=True, replication=2))


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        (3, "conditions must be Conditions"),
        (Conditions(replication="3"), "replication must be an integer of at least 1"),
    ],
)
def test_wrong_conditions_raise(unchecked, tmp_path, conditions, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(conduct)(made(), tmp_path, conditions)


def pairs(**arms):
    return lambda keys: arms.items()


@pytest.mark.parametrize(
    ("experiment", "sentence"),
    [
        (
            made(pairs(left=np.zeros(SEEDS))),
            r"measure must yield 16 numbers for each arm of the panels and for no other arm.* \{'right': None\}",
        ),
        (made(pairs(left=np.zeros(7), right=np.zeros(SEEDS))), r"in no panel: \{'left': \(7,\)\}"),
        (made(pairs(left=np.zeros(SEEDS), right=np.zeros(SEEDS), up=np.zeros(SEEDS))), r"\{'up': \(16,\)\}"),
        (made(item=111), "item must be from 1 to 110, got 111"),
    ],
)
def test_a_measurement_that_does_not_match_the_experiment_raises(tmp_path, experiment, sentence):
    with pytest.raises(ValueError, match=sentence):
        conduct(experiment, tmp_path)
    assert not list(tmp_path.glob("*.json"))
    assert not list(tmp_path.glob("*.parquet"))


class Calls:
    """The numbers of seeds of all calls, which are not part of its state, and so not of a fingerprint."""

    def __init__(self):
        self.seeds = []

    def __reduce__(self):
        return Calls, ()


def counting(calls):
    def measure(keys):
        calls.seeds.append(len(keys))
        yield from coins(keys)

    return measure


@pytest.mark.parametrize("name", ["coin.json", "coin.parquet"])
def test_a_damaged_result_is_named_and_measured_again(tmp_path, name):
    calls, generator = Calls(), np.random.default_rng(0)
    conduct(made(counting(calls)), tmp_path)
    whole = (tmp_path / name).read_bytes()
    for _ in range(20):
        damaged, bit = bytearray(whole), int(generator.integers(8 * len(whole)))
        damaged[bit // 8] ^= 1 << bit % 8
        (tmp_path / name).write_bytes(damaged)
        if name == "coin.parquet" or not {whole[bit // 8], damaged[bit // 8]} <= {*b" \n\t\r"}:
            with pytest.raises(ValueError, match=f"{name} is .*damaged"):
                results(tmp_path)
    conduct(made(counting(calls)), tmp_path)
    assert len(calls.seeds) == 2
    assert len(results(tmp_path)) == 1


def test_a_result_of_an_earlier_version_has_no_digest(tmp_path):
    conduct(made(), tmp_path)
    result = files.read_json(tmp_path / "coin.json")
    for key in ("sha256", "numbers_sha256"):
        del result[key]
    files.write_json(tmp_path / "coin.json", result)
    assert len(results(tmp_path)) == 1


def test_valid_numbers_are_read_and_judged_again(tmp_path):
    calls, draft = Calls(), Conditions(draft=True)
    measure = counting(calls)
    first = conduct(made(measure), tmp_path, draft)
    other = Exact("they differ", close, lambda measured: "Another finding.")
    again = conduct(made(measure, rule=other), tmp_path, draft)
    assert calls.seeds == [SEEDS]
    assert first["claims"][0]["finding"] != again["claims"][0]["finding"]
    assert (first["seconds"], first["date"]) == (again["seconds"], again["date"])
    conduct(made(measure), tmp_path)
    conduct(made(measure, seeds=SEEDS + 1), tmp_path)
    assert calls.seeds == [SEEDS, SEEDS, SEEDS + 1]


@pytest.mark.parametrize("damage", ["parquet", "json", "missing"])
def test_damaged_results_are_measured_again(tmp_path, damage):
    calls = Calls()
    experiment = made(counting(calls))
    conduct(experiment, tmp_path)
    if damage == "missing":
        (tmp_path / "coin.parquet").unlink()
    else:
        (tmp_path / f"coin.{damage}").write_bytes(b"{")
    conduct(experiment, tmp_path)
    assert len(calls.seeds) == 2
    assert len(results(tmp_path)) == 1


def test_full_uses_the_larger_data_of_experiments_that_have_them(tmp_path):
    calls = Calls()
    both = made(counting(calls), full=lambda keys: pairs(left=np.ones(SEEDS), right=np.ones(SEEDS))(keys))
    assert conduct(both, tmp_path / "full", Conditions(full=True))["full"]
    assert not calls.seeds
    assert not conduct(made(counting(calls)), tmp_path / "none", Conditions(full=True))["full"]
    assert calls.seeds == [SEEDS]


def fail(keys):
    raise RuntimeError("the coin is lost")


def test_an_outdated_verdict_is_removed_even_if_measuring_fails(tmp_path):
    conduct(made(), tmp_path)
    assert conduct_all([made(fail)], tmp_path, print) == ["coin"]
    assert not results(tmp_path)


def lack(keys):
    raise Unavailable("no coin found.")


def test_an_experiment_that_fails_or_lacks_its_data_does_not_stop_the_others(tmp_path, capsys):
    finished = []
    experiments = [made(fail, name="lost"), made(lack, name="missing"), made(name="found", item=2)]
    failed = conduct_all(experiments, tmp_path, finished.append, on_failure=claims.print_failure)
    assert failed == ["lost"]
    assert [result["name"] for result in finished] == ["found"]
    errors = capsys.readouterr().err
    assert "the coin is lost" in errors
    assert "missing skipped: no coin found." in errors


def test_progress_is_reported_for_every_arm(tmp_path):
    calls = []
    report = lambda experiment, done, total: calls.append((experiment.name, done, total))
    conduct_all([made()], tmp_path, lambda result: None, on_progress=report)
    assert calls == [("coin", 0, 2), ("coin", 1, 2), ("coin", 2, 2)]


def test_results_are_read_in_the_order_of_the_course(tmp_path):
    for name, item in [("b", 2), ("a", 9), ("c", 1), ("d", 2)]:
        conduct(made(name=name, item=item), tmp_path)
    assert [result["name"] for result, _ in results(tmp_path)] == ["c", "b", "d", "a"]
    assert set(results(tmp_path)[0][1]) == {"left", "right"}


def test_arms_over_a_variable_are_measured_and_read_separately(tmp_path):
    panel = Panel("height", {"left": "the left one"}, over=("size", (1, 2)))
    both = made(pairs(), name="sizes")._replace(
        panels=(panel,),
        measure=lambda keys: ((("left", size), np.full(SEEDS, size)) for size in (1, 2)),
        claims=(Claim("Larger is more.", Greater(("left", 2), ("left", 1), 0.5, MEDIAN)),),
    )
    result = conduct(both, tmp_path)
    assert result["claims"][0]["finding"].startswith(
        "the left one (size = 2) − the left one (size = 1): median 1, 99.64 % interval"
    )
    ((_, measured),) = results(tmp_path)
    assert measured["left", 2].tolist() == [2.0] * SEEDS
    assert [mean["estimate"] for mean in result["panels"][0]["means"]] == [1.0, 2.0]


def test_an_unknown_outcome_raises(tmp_path):
    class Undecided:
        tests = 0

        def judge(self, measured, confidence):
            return Verdict("maybe")

    with pytest.raises(ValueError, match="a rule must return one of supported, refuted, .*, got 'maybe'"):
        conduct(made(rule=Undecided()), tmp_path)


@pytest.mark.parametrize(
    ("claims", "panels", "measure", "sentence"),
    [
        (
            (),
            Panel("number", {"a": "all"}),
            lambda keys: [],
            "panels must be a tuple, each entry a Panel, got Panel",
        ),
        ((Claim("It is 0.", "a"),), (), lambda keys: [], "rule must be a rule, .* got 'a'"),
        ((), (), lambda keys: None, "measure must yield pairs of an arm and its numbers, got None"),
        ((), (), lambda keys: {"a": np.ones(2)}, "measure must yield pairs of an arm and its numbers, got dict"),
    ],
)
def test_parts_of_another_type_raise(unchecked, tmp_path, claims, panels, measure, sentence):
    with pytest.raises(TypeError, match=sentence):
        unchecked(conduct)(Experiment("example", 1, "Intro", claims, panels, 2, measure), tmp_path)


def test_a_claim_in_place_of_an_experiment_raises(unchecked, tmp_path):
    with pytest.raises(TypeError, match="experiment must be an Experiment, got 'norms': put claims and rules in one"):
        unchecked(conduct)("norms", tmp_path)
