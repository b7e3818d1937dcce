"""Figures of results: what they draw, and how they are displayed and saved."""

import inspect
import sys
import xml.etree.ElementTree as ET

import jax.numpy as jnp
import numpy as np
import pytest

pytest.importorskip("altair")

from jaxdl.experiment import Experiment, Panel, conduct, results
from jaxdl.reports import Figure, figure, write_report
from jaxdl.runs import files
from jaxdl.runs.directory import environment
from jaxdl.statistics import Interval, compare, summary
from tests.reports.test_result_charts import fit


def texts(svg):
    """Return the texts of a figure as SVG."""
    return ["".join(node.itertext()) for node in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_a_figure_displays_itself_and_is_saved(tmp_path):
    drawn = figure(fit())
    assert repr(drawn) == "Figure(ConcatChart)"
    assert {"train", "dev", "accuracy on dev", "best epoch 2.5"} <= {*texts(drawn._repr_svg_())}
    path = drawn.save(tmp_path / "new" / "curves.SVG")
    assert "best epoch 2.5" in texts(path.read_text())
    assert drawn.save(str(tmp_path / "curves.png")).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match=r"the name of a figure must end with .svg, .png, .pdf, got .*curves.txt"):
        drawn.save(tmp_path / "curves.txt")


@pytest.mark.parametrize(
    ("result", "names"),
    [
        (fit().history, ["train", "dev"]),
        (summary([1.0, 2.0]), [""]),
        (Interval(1.0, 0.5, 1.5), [""]),
        (compare([1.0, 2.0], [0.0, 2.0]), ["a − b"]),
        ({"one": summary([1.0, 2.0]), "two": Interval(1.0, 0.5, 1.5)}, ["one", "two"]),
        (jnp.array([[5, 1], [0, 4]]), [0, 1]),
    ],
)
def test_every_kind_of_result_is_drawn(result, names):
    drawn = figure(result).chart.to_dict()
    panel = drawn["concat"][0] if "concat" in drawn else drawn
    rows = next(values for layer in [panel, *panel["layer"]] if len(values := layer.get("data", {}).get("values", ())))
    if "zero" in rows[0]:
        rows = panel["layer"][1]["data"]["values"]
    field = next(name for name in ("part", "name", "label") if name in rows[0])
    assert list(dict.fromkeys(row[field] for row in rows)) == names


def test_a_run_directory_and_its_experiments_are_drawn(tmp_path):
    panel = Panel("number", {"a": "the only arm"})
    for name in ("one", "two"):
        conduct(
            Experiment(name, 1, "Intro", (), (panel,), 2, lambda keys: [("a", np.arange(2.0))]),
            tmp_path / "experiments",
        )
    with pytest.raises(FileNotFoundError, match="is not a run directory"):
        figure(str(tmp_path))
    files.write_json(tmp_path / "environment.json", environment())
    assert len(figure(str(tmp_path)).chart.to_dict()["vconcat"]) == 2
    assert "layer" in figure(results(tmp_path / "experiments")[0]).chart.to_dict()
    (tmp_path / "empty").mkdir()
    files.write_json(tmp_path / "empty" / "environment.json", environment())
    with pytest.raises(ValueError, match="empty has no result to draw: let the training finish an epoch first"):
        figure(tmp_path / "empty")


@pytest.mark.parametrize("result", [3.0, {}, {"a": 1.0}, np.zeros(3), [1, 2]])
def test_other_results_raise_with_the_kinds_that_are_drawn(result):
    with pytest.raises(TypeError, match=rf"figure draws a Fit, .* got {type(result).__name__}\."):
        figure(result)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ModuleNotFoundError, match=r"vl_convert is not installed. Install the extra `report`"):
        figure(fit())


def test_several_trainings_are_drawn_one_below_the_other_with_their_names():
    drawn = figure({"adam": fit(), "sgd": fit().history})
    assert [(row["title"], len(row["concat"])) for row in drawn.chart.to_dict()["vconcat"]] == [("adam", 2), ("sgd", 2)]


def test_other_arguments_than_paths_raise():
    with pytest.raises(TypeError, match=r"path must be the name of a file, such as 'curves.svg', got 3"):
        inspect.unwrap(Figure.save)(Figure(None), 3)
    with pytest.raises(
        TypeError, match=r"directory must be the path of a run directory, got Fit: draw .* reports.figure"
    ):
        inspect.unwrap(write_report)(fit())
