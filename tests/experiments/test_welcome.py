"""The three claims, their falsifiers, and the welcome that runs them."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from experiments import (
    cost_of_gradients,
    equal_weights,
    images,
    independent_voters,
    pooled_outputs,
    published_run,
    stacked_linear_layers,
    xor,
)
from experiments.__main__ import main
from jaxdl import data, derivation, models
from jaxdl.runs import files
from jaxdl.runs.settings import Train

PROVED = ("cross_entropy", "batch_norm", "conv2d")


@pytest.fixture(scope="module")
def welcomed(tmp_path_factory):
    """One whole run, as `make run` starts it, of fewer networks and proofs."""
    from experiments import welcome

    directory = tmp_path_factory.mktemp("runs") / "welcome"
    console = Console(record=True, width=110)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(welcome, "Train", functools.partial(Train, seeds=4))
        patch.setattr(welcome.derivation, "prove", functools.partial(derivation.prove, PROVED))
        assert welcome.welcome(directory, console) == 0
    return directory, console.export_text()


def test_the_population_reaches_the_accuracy_over_five_divisions_of_the_data(welcomed):
    splits = files.read_json(welcomed[0] / "splits.json")
    assert [split["split_seed"] for split in splits] == [0, 1, 2, 3, 4]
    assert np.mean([split["test"] for split in splits]) >= 0.965


def test_it_tells_proofs_accuracies_verdicts_and_the_page(welcomed):
    _, told = welcomed
    for word in ("cross_entropy", "holds", "30/30 ━", "train", "dev", "test", "95 % interval", "page:"):
        assert word in told
    assert told.count("holds") == len(PROVED)


def test_the_page_shows_all_of_it(welcomed):
    page = (welcomed[0] / "report.html").read_text()
    for name in ("learning_curves", "confusion", "xor", "equal_weights", "stacked_linear_layers"):
        assert f'data-figure="{name}"' in page
        assert (welcomed[0] / "figures" / f"{name}.svg").exists()
    for word in (
        "taken for",
        f"{len(PROVED)} of {len(PROVED)}",
        "of compiling",
        "jaxlib",
        "The division shown on this page is that of seed 0",
    ):
        assert word in page


def test_the_verdicts_of_the_three_experiments(welcomed):
    results = map(files.read_json, (welcomed[0] / "experiments").glob("*.json"))
    verdicts = {result["name"]: [claim["verdict"] for claim in result["claims"]] for result in results}
    assert verdicts == {
        "stacked_linear_layers": ["supported"],
        "xor": ["supported", "conditional"],
        "equal_weights": ["supported"],
    }


def full(linear, other, names):
    return {names[0]: np.full(64, linear), names[1]: np.full(64, other)}


def over(of, **arms):
    """Numbers of arms over depths, or whatever they vary with, for one seed."""
    return {(arm, at): np.array([value]) for arm, values in arms.items() for at, value in zip(of, values, strict=True)}


def operations(**other):
    """Of networks one to eight layers deep."""
    depths = {
        name: np.full(8, value) for name, value in (("forward", 100.0), ("reverse", 280.0), ("forward_mode", 1e5))
    }
    return over(
        cost_of_gradients.DEPTHS, **{**depths, "enumeration": 8.0 ** np.arange(8), "apart": np.zeros(8), **other}
    )


def curves(**off):
    """What was published, and ours, the first number off by so much."""
    counts, costs = np.array(list(published_run.PUBLISHED.values())).T
    errors = 1 - counts / 10_000
    arms = {"published_cost": costs, "ours_cost": costs, "published_error": errors, "ours_error": errors}
    moved = {name: values + off.get(name, 0) * (np.arange(8) == 0) for name, values in arms.items()}
    return over(published_run.PUBLISHED, **moved)


def voters(**off):
    """What formula and sum say, the last number of an arm off by so much."""
    measured = dict(independent_voters.measure(None))
    for arm, by in off.items():
        measured[arm, 11] = [measured[arm, 11][0] + by]
    return {arm: np.array(numbers) for arm, numbers in measured.items()}


STACK, EQUAL = ("linear", "relu"), ("equal", "random")


@pytest.mark.parametrize(
    ("module", "measured", "verdicts"),
    [
        (stacked_linear_layers, full(1e-7, 0.5, STACK), "supported"),
        (stacked_linear_layers, full(1e-4, 0.5, STACK), "refuted"),
        (stacked_linear_layers, full(1e-7, 1e-6, STACK), "inconclusive"),
        (stacked_linear_layers, full(np.nan, 0.5, STACK), "inconclusive"),
        (xor, full(0.75, 1.0, ("linear", "mlp")), "supported supported"),
        (xor, full(0.75, 0.75, ("linear", "mlp")), "supported refuted"),
        (xor, full(1.0, 1.0, ("linear", "mlp")), "refuted supported"),
        (xor, {"linear": np.full(64, 0.5), "mlp": np.repeat([1.0, 0.75], 32)}, "supported conditional"),
        (equal_weights, full(0.0, 1.0, EQUAL), "supported"),
        (equal_weights, full(1e-9, 1.0, EQUAL), "refuted"),
        (equal_weights, full(0.0, 0.0, EQUAL), "inconclusive"),
        (stacked_linear_layers, {"linear": np.array([1e-7] * 63 + [1e-4]), "relu": np.full(64, 0.5)}, "refuted"),
        (stacked_linear_layers, {"linear": np.full(64, 1e-7), "relu": np.array([0.5] * 63 + [1e-6])}, "inconclusive"),
        (equal_weights, {"equal": np.zeros(64), "random": np.array([1.0] * 63 + [0.0])}, "inconclusive"),
        (xor, {"linear": np.array([0.5] * 63 + [1.0]), "mlp": np.ones(64)}, "refuted supported"),
        (equal_weights, full(np.nan, 1.0, EQUAL), "inconclusive"),
        (cost_of_gradients, operations(), "refuted supported"),
        (cost_of_gradients, operations(reverse=np.array([*[250.0] * 7, 401.0])), "refuted refuted"),
        (
            cost_of_gradients,
            operations(enumeration=np.array([1.0, 9, *8.0 ** np.arange(2, 7), 8.0**6 * 3.9])),
            "refuted refuted",
        ),
        (cost_of_gradients, operations(apart=np.full(8, 0.1)), "supported supported"),
        (cost_of_gradients, operations(reverse=np.full(8, np.nan)), "inconclusive inconclusive"),
        (cost_of_gradients, operations(reverse=np.array([401.0, *[250.0] * 7])), "refuted refuted"),
        (
            cost_of_gradients,
            operations(enumeration=np.array([1, 8, 16, *16 * 8.0 ** np.arange(1, 6)])),
            "refuted refuted",
        ),
        (cost_of_gradients, operations(enumeration=np.array([1, 2, *2 * 8.0 ** np.arange(1, 7)])), "refuted supported"),
        (independent_voters, voters(), "supported"),
        (independent_voters, voters(better=1e-9), "refuted"),
        (independent_voters, voters(better=-0.1, better_enumerated=-0.1), "refuted"),
        (independent_voters, voters(worse=0.2, worse_enumerated=0.2), "refuted"),
        (independent_voters, voters(worse=np.nan), "inconclusive"),
        (published_run, curves(), "supported"),
        (published_run, curves(ours_cost=1e-12), "refuted"),
        (published_run, curves(ours_cost=np.nan), "inconclusive"),
        (published_run, curves(ours_error=1e-4), "refuted"),
    ],
)
def test_the_rule_decides_as_it_says(module, measured, verdicts):
    judged = [claim.rule.judge(measured, 0.95) for claim in module.experiment.claims]
    assert [each.verdict for each in judged] == verdicts.split()


def test_what_is_found_says_what_was_measured():
    found = cost_of_gradients.found(operations(enumeration=2.8 * 8.0 ** np.arange(8)))
    assert "costs 2.80 to 2.80 forward passes" in found
    assert "makes enumeration 8.0 to 8.0 times as dear" in found
    assert "With 8 layers it takes 20,972 times as many operations as the sweep, and forward mode 357 times." in found
    assert "8 have the same number of test images" in published_run.found(curves())
    assert "and 8 the same training cost" in published_run.found(curves())
    found = published_run.found(curves(ours_cost=1e-3, ours_error=1e-4))
    assert "7 have the same number of test images" in found
    assert "7 the same training cost to twelve decimals (largest difference 1.0e-03)" in found


def test_a_published_run_is_held_against_what_runs_here(monkeypatch):
    """Not against itself."""
    monkeypatch.setattr(published_run, "epochs", lambda: ((number, number / 7) for number in itertools.count(1)))
    measured = dict(published_run.measure(None))
    for number, (correct, cost) in published_run.PUBLISHED.items():
        assert measured["ours_cost", number] == [number / 7]
        assert measured["ours_error", number] == [1 - number / 10_000]
        assert measured["published_cost", number] == [cost]
        assert measured["published_error", number] == [1 - correct / 10_000]


def test_a_published_run_finds_its_data_beside_the_project(monkeypatch, data_dir, double):
    monkeypatch.delenv("JAXDL_DATA", raising=False)
    monkeypatch.setattr(images, "__file__", str(data_dir.parent.parent / "main" / "experiments" / "run.py"))
    inputs, targets, tested, answers = published_run.mnist()
    assert (inputs.shape, targets.shape, tested.shape, answers.shape) == (
        (1000, 784),
        (1000, 10),
        (10000, 784),
        (10000,),
    )


def test_a_published_run_leaves_its_callers_precision_alone(data_dir):
    epochs = published_run.epochs()
    assert next(epochs)[0] == 5887
    assert not jax.config.read("jax_enable_x64")
    assert next(epochs)[0] == 6505


def test_the_linear_program_knows_which_boolean_functions_are_separable():
    """Of the 16 functions of two inputs all but XOR and its negation are."""
    corners = data.xor().inputs
    separable = [
        number for number in range(16) if xor.separable(corners, [(number >> place) & 1 for place in range(4)])
    ]
    assert sorted(set(range(16)) - set(separable)) == [0b0110, 0b1001]


def test_a_pooled_output_sees_what_its_window_holds():
    """A pixel of row 9 and column 13 is in the windows of 3×3 around rows 8 to 10 and columns 12 to 14, by twos."""
    images = jnp.zeros((1, 22, 22, 1)).at[0, 9, 13, 0].set(0.1)
    sees = np.asarray(pooled_outputs.sees_ink(images))
    assert (sees == sees[..., :1]).all()
    assert np.argwhere(sees[0, :, :, 0]).tolist() == [[4, 6], [4, 7], [5, 6], [5, 7]]


def test_the_product_of_the_layers_is_the_stack():
    inputs = jax.random.normal(jax.random.key(0), (5, 6))
    model = models.mlp((4, 3), 2, activation=stacked_linear_layers.identity)
    params, stats = model.init(jax.random.key(1), inputs)
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    np.testing.assert_allclose(
        stacked_linear_layers.product_of_layers(params, inputs),
        model.apply(params, stats, inputs)[0],
        rtol=1e-5,
        atol=1e-5,
    )


def test_the_best_single_layer_recovers_a_linear_map():
    inputs = jax.random.normal(jax.random.key(0), (50, 3))
    outputs = inputs @ jnp.ones((3, 2)) - 4
    np.testing.assert_allclose(stacked_linear_layers.best_single_layer(inputs, outputs), outputs, rtol=1e-4, atol=1e-4)


def test_a_sweep_is_cheap_where_paths_multiply(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "cost_of_gradients", "--out", str(tmp_path / "run")]) == 0
    assert "cost_of_gradients careful: supported" in capsys.readouterr().out
    table = files.read_table(tmp_path / "run" / "experiments" / "cost_of_gradients.parquet")
    assert {f"reverse @ {depth}" for depth in range(1, 9)} < set(table)
    page = (tmp_path / "run" / "report.html").read_text()
    assert '<span class="badge supported">✓ supported</span>' in page
    assert "every path by itself" in (tmp_path / "run" / "figures" / "cost_of_gradients.svg").read_text()
