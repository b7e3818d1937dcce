"""An experiment is measured, judged and written; what is still true is not measured again."""

import jax
import numpy as np
import pytest
from rich.console import Console

from jaxdl.cli import claims
from jaxdl.experiment import (
    CHAPTERS,
    Claim,
    Conditions,
    Exact,
    Experiment,
    More,
    Panel,
    Unavailable,
    chapter_of,
    conduct,
    conduct_all,
    results,
)
from jaxdl.runs import files

SEEDS = 16


def coins(keys):
    """Two arms, of the same keys."""
    for arm in ("left", "right"):
        yield arm, jax.vmap(jax.random.uniform)(jax.random.clone(keys))


def near(measured):
    return abs(measured["left"] - measured["right"]) < 1


def told(measured):
    return f"{np.ptp([values.mean() for values in measured.values()])} apart"


def made(measure=coins, name="coin", item=1, rule=None, seeds=SEEDS, **more):
    return Experiment(
        name=name,
        item=item,
        sentence="A coin falls.",
        claims=(Claim("Both arms fall alike.", rule or Exact("they differ by less than 1", near, told)),),
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
    assert (claim["verdict"], claim["finding"], claim["kind"]) == ("supported", "0.0 apart", "exact")
    assert claim["rule"] == "supported if they differ by less than 1, else refuted"
    assert {**result, "functions": list(result["functions"])}.keys() == files.read_json(tmp_path / "coin.json").keys()
    assert files.read_json(tmp_path / "coin.json")["sentence"] == "A coin falls."


def test_the_same_seeds_measure_the_same_and_others_do_not(tmp_path):
    for name, seed in (("one", 0), ("two", 0), ("three", 1)):
        conduct(made(), tmp_path / name, Conditions(seed=seed))
    one, two, three = (files.read_table(tmp_path / name / "coin.parquet") for name in ("one", "two", "three"))
    assert one == two
    assert one != three


def pairs(**arms):
    return lambda keys: arms.items()


@pytest.mark.parametrize(
    ("experiment", "sentence"),
    [
        (
            made(pairs(left=np.zeros(SEEDS))),
            r"measure must give 16 numbers for each arm of the panels and for no other, but .* \{'right': None\}",
        ),
        (made(pairs(left=np.zeros(7), right=np.zeros(SEEDS))), r"the shapes \{'left': \(7,\)\}"),
        (made(pairs(left=np.zeros(SEEDS), right=np.zeros(SEEDS), up=np.zeros(SEEDS))), r"\{'up': \(16,\)\}"),
        (
            made(seeds=8, rule=More("left", "right", 1.0, 1.0)),
            "seeds must be at least 16 for a statistical claim, but are 8",
        ),
        (made(item=111), "item must be from 1 to 110, but was 111"),
    ],
)
def test_a_measurement_that_is_not_what_was_announced_is_refused(tmp_path, experiment, sentence):
    with pytest.raises(ValueError, match=sentence):
        conduct(experiment, tmp_path)
    assert not list(tmp_path.iterdir())


def counting(calls):
    def measure(keys):
        calls.append(len(keys))
        yield from coins(keys)

    return measure


def test_numbers_that_are_still_true_are_not_measured_again_and_the_verdict_is_computed_from_them(tmp_path):
    calls = []
    measure = counting(calls)
    first = conduct(made(measure), tmp_path)
    stricter = Exact("they differ by more than 1", lambda measured: ~near(measured), told)
    again = conduct(made(measure, rule=stricter), tmp_path)
    assert calls == [SEEDS]
    assert (first["claims"][0]["verdict"], again["claims"][0]["verdict"]) == ("supported", "refuted")
    assert (first["seconds"], first["date"]) == (again["seconds"], again["date"])
    conduct(made(measure), tmp_path, Conditions(seed=1))
    conduct(made(measure, seeds=SEEDS + 1), tmp_path, Conditions(seed=1))
    assert calls == [SEEDS, SEEDS, SEEDS + 1]


@pytest.mark.parametrize("harm", ["parquet", "json", "gone"])
def test_what_was_damaged_is_measured_again(tmp_path, harm):
    calls = []
    experiment = made(counting(calls))
    conduct(experiment, tmp_path)
    if harm == "gone":
        (tmp_path / "coin.parquet").unlink()
    else:
        (tmp_path / f"coin.{harm}").write_bytes(b"{")
    conduct(experiment, tmp_path)
    assert len(calls) == 2
    assert len(results(tmp_path)) == 1


def test_full_is_measured_with_more_where_there_is_more(tmp_path):
    calls = []
    both = made(counting(calls), full=lambda keys: pairs(left=np.ones(SEEDS), right=np.ones(SEEDS))(keys))
    assert conduct(both, tmp_path / "full", Conditions(full=True))["full"]
    assert not calls
    assert not conduct(made(counting(calls)), tmp_path / "none", Conditions(full=True))["full"]
    assert calls == [SEEDS]


def fail(keys):
    raise RuntimeError("the coin is lost")


def test_a_verdict_on_numbers_that_are_no_longer_true_is_gone_also_where_measuring_fails(tmp_path):
    conduct(made(), tmp_path)
    assert conduct_all([made(fail)], tmp_path, print) == ["coin"]
    assert not results(tmp_path)


def lack(keys):
    raise Unavailable("it needs a coin.")


def test_one_that_fails_stops_no_other(tmp_path, capsys):
    found = []
    failed = conduct_all(
        [made(fail, name="lost"), made(lack, name="none"), made(name="found", item=2)], tmp_path, found.append
    )
    assert failed == ["lost"]
    assert [result["name"] for result in found] == ["found"]
    said = capsys.readouterr().err
    assert "the coin is lost" in said
    assert "none skipped: it needs a coin." in said


def test_progress_is_told_for_every_arm(tmp_path):
    seen = []
    conduct_all(
        [made()], tmp_path, lambda result: None, watch=lambda which, done, of: seen.append((which.name, done, of))
    )
    assert seen == [("coin", 0, 2), ("coin", 1, 2), ("coin", 2, 2)]
    console = Console(record=True, width=100, force_terminal=True)
    with claims.progress([made()], console) as watch:
        watch(made(), 1, 2)
    assert "coin" in console.export_text()


def test_results_are_read_in_the_order_of_the_course(tmp_path):
    for name, item in [("b", 2), ("a", 9), ("c", 1), ("d", 2)]:
        conduct(made(name=name, item=item), tmp_path)
    assert [result["name"] for result, _ in results(tmp_path)] == ["c", "b", "d", "a"]
    assert set(results(tmp_path)[0][1]) == {"left", "right"}


def test_arms_over_numbers_are_told_apart(tmp_path):
    panel = Panel("height", {"left": "the left one"}, over=("size", (1, 2)))
    both = made(pairs(), name="sizes")._replace(
        panels=(panel,),
        measure=lambda keys: ((("left", size), np.full(SEEDS, size)) for size in (1, 2)),
        claims=(Claim("Larger is more.", More(("left", 2), ("left", 1), 0.5, 0.5)),),
    )
    result = conduct(both, tmp_path)
    assert result["claims"][0]["finding"].startswith("the left one, size 2 − the left one, size 1: 1, 99.58 % interval")
    ((_, measured),) = results(tmp_path)
    assert measured["left", 2].tolist() == [2.0] * SEEDS
    assert [mean["estimate"] for mean in result["panels"][0]["means"]] == [1.0, 2.0]


def test_every_item_has_a_chapter():
    assert [chapter.number for chapter in CHAPTERS] == ["1.1", "1.2", "1.3", "1.4", "1.5", "1.6"]
    assert [chapter_of(item).number for item in (1, 14, 15, 33, 60, 61, 110)] == [
        "1.1",
        "1.1",
        "1.2",
        "1.3",
        "1.4",
        "1.5",
        "1.6",
    ]
    assert {item for chapter in CHAPTERS for item in range(chapter.first, chapter.last + 1)} == set(range(1, 111))


def test_verdicts_are_told_in_the_terminal_and_as_a_table(tmp_path):
    result = conduct(made(), tmp_path)
    console = Console(record=True, width=100)
    claims.tell(result, console)
    assert "coin supported. 0.0 apart" in console.export_text()
    assert claims.table(tmp_path).splitlines()[2] == "| 1 | Both arms fall alike. | supported |"
    with pytest.raises(FileNotFoundError, match=r"results must be a directory with NAME.json"):
        claims.table(tmp_path / "none")
