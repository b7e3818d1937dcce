"""One run of `make run`, with fewer networks, splits of the data, gradient checks and worked examples."""

import functools

import numpy as np
import pytest
from rich.console import Console

from experiments import welcome  # before another test replaces an experiment that it lists
from jaxdl import derivation
from jaxdl.runs import files
from jaxdl.runs.settings import Train

pytestmark = pytest.mark.slow
CHECKED = ("cross_entropy", "batch_norm", "conv2d")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return the run directory and the terminal output."""
    directory = tmp_path_factory.mktemp("runs") / "welcome"
    console = Console(record=True, width=110)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(welcome, "Train", functools.partial(Train, seeds=4))
        patch.setattr(welcome, "SPLIT_SEEDS", range(2))
        patch.setattr(welcome.backpropagation, "WORKED_EXAMPLES", ["xor"])
        patch.setattr(welcome.derivation, "prove", functools.partial(derivation.prove, CHECKED))
        assert welcome.welcome(directory, console) == 0
    return directory, console.export_text()


def test_the_population_reaches_the_accuracy_on_every_split_of_the_data(run):
    splits = files.read_json(run[0] / "splits.json")
    assert [split["split_seed"] for split in splits] == [0, 1]
    assert np.mean([split["test"] for split in splits]) >= 0.965


def test_the_output_shows_gradient_checks_accuracies_verdicts_and_the_page(run):
    _, output = run
    for word in ("cross_entropy", "holds", "30/30 ━", "train", "dev", "test", "95 % interval", "page:"):
        assert word in output
    assert output.count("holds") == len(CHECKED)


def test_the_page_shows_all_results(run):
    page = (run[0] / "report.html").read_text()
    for name in ("learning_curves", "confusion", "xor", "equal_weights", "stacked_linear_layers"):
        assert f'data-chart="{name}"' in page
        assert (run[0] / "figures" / f"{name}.svg").exists()
    for word in (
        "predicted <b>",
        f"{len(CHECKED)} of {len(CHECKED)}",
        "s to compile",
        "jaxlib",
        "This page shows the split of seed 0",
        "x2ᵀ @ ∂L/∂x3",
    ):
        assert word in page


def test_the_three_claims_have_the_known_verdicts(run):
    results = map(files.read_json, (run[0] / "experiments").glob("*.json"))
    verdicts = {result["name"]: [claim["verdict"] for claim in result["claims"]] for result in results}
    assert verdicts == {
        "stacked_linear_layers": ["supported", "supported"],
        "xor": ["supported", "conditional"],
        "equal_weights": ["supported"],
    }
