"""The rules on the cost of gradients, and one run of the experiment with its page."""

import numpy as np
import pytest

from experiments import cost_of_gradients
from experiments.__main__ import main
from jaxdl.runs import files


def measured(**changed):
    """Return plausible measurements of networks with one to eight layers, some of them changed."""
    depths = len(cost_of_gradients.DEPTHS)
    arms = {
        "forward": np.full(depths, 100.0),
        "reverse": np.full(depths, 280.0),
        "forward_mode": np.full(depths, 1e5),
        "enumeration": 8.0 ** np.arange(depths),
        "difference": np.zeros(depths),
        **changed,
    }
    return {
        (arm, depth): np.array([value])
        for arm, values in arms.items()
        for depth, value in zip(cost_of_gradients.DEPTHS, values, strict=True)
    }


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ["supported", "supported"]),
        ({"difference": np.array([*[0.0] * 7, 1e-4])}, ["refuted", "supported"]),
        ({"reverse": np.array([*[250.0] * 7, 401.0])}, ["supported", "refuted"]),
        ({"reverse": np.array([401.0, *[250.0] * 7])}, ["supported", "refuted"]),
        ({"enumeration": np.array([1.0, 9, *8.0 ** np.arange(2, 7), 8.0**6 * 3.9])}, ["supported", "refuted"]),
        ({"enumeration": np.array([1, 8, 16, *16 * 8.0 ** np.arange(1, 6)])}, ["supported", "refuted"]),
        ({"enumeration": np.array([1, 2, *2 * 8.0 ** np.arange(1, 7)])}, ["supported", "supported"]),
    ],
)
def test_the_outcomes_follow_the_costs(changed, expected):
    verdicts = [claim.rule.judge(measured(**changed), 0.95) for claim in cost_of_gradients.experiment.claims]
    assert [verdict.outcome for verdict in verdicts] == expected


def test_the_finding_states_the_measured_costs():
    finding = cost_of_gradients.finding(measured(enumeration=2.8 * 8.0 ** np.arange(8)))
    assert "value and gradient by backpropagation cost 2.80 to 2.80 forward passes" in finding
    assert "multiplies the cost of enumeration by 8.0 to 8.0" in finding
    assert "With 8 layers, enumeration takes 20,972 times as many operations as backpropagation" in finding
    assert "and forward mode 357 times as many" in finding


@pytest.fixture
def shallow(monkeypatch):
    """Measure networks with one to four layers only."""
    whole, depths = cost_of_gradients.experiment, (1, 2, 3, 4)
    panels = tuple(panel._replace(over=("depth", depths)) for panel in whole.panels)
    monkeypatch.setattr(cost_of_gradients, "DEPTHS", depths)
    monkeypatch.setattr(cost_of_gradients, "experiment", whole._replace(panels=panels))


def test_backpropagation_is_cheap_while_paths_multiply(shallow, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("jaxdl.system.startup.prepare", lambda: None)
    assert main(["run", "cost_of_gradients", "--out", str(tmp_path / "run")]) == 0
    assert "cost_of_gradients supported" in capsys.readouterr().out
    table = files.read_table(tmp_path / "run" / "experiments" / "cost_of_gradients.parquet")
    assert {f"reverse @ {depth}" for depth in (1, 2, 3, 4)} < set(table)
    page = (tmp_path / "run" / "chapter-1.3.html").read_text()
    assert '<span class="book-badge book-supported">✓ supported</span>' in page
    assert "sum over all paths" in (tmp_path / "run" / "figures" / "cost_of_gradients.svg").read_text()
