"""Sizes, counts and concerns about a data set."""

import json

import numpy as np
import pytest

from jaxdl import data
from jaxdl.runs import files
from jaxdl.runs.data_report import _digest, concerns, data_report


def test_the_report_of_a_table_counts_classes_missing_values_and_unused_columns(classes_run):
    report = files.read_json(classes_run / "quality.json")
    counts = {row["class"]: (row["train"], row["dev"], row["test"]) for row in report["classes"]}
    assert counts["selten"] == (1, 1, 0)
    assert {*report["left_out"]} == {"id", "constant", "name"}
    assert {*report["missing"]} == {"age", "city"}
    assert sum(report["examples"].values()) == 300
    assert report["examples"]["train"] == 180


def test_the_report_of_a_regression_has_mean_and_standard_deviation(regression_run):
    targets = files.read_json(regression_run / "quality.json")["targets"]
    assert targets["train"]["mean"][0] == pytest.approx(49_700, abs=500)
    assert 800 < targets["train"]["std"][0] < 1500


def test_duplicates_between_parts_are_counted_and_the_report_is_json():
    inputs = np.arange(12.0, dtype=np.float32).reshape(6, 2)
    raw = data.Split(*(data.from_arrays(inputs[rows], np.array([0, 1])) for rows in ([0, 1], [1, 2], [3, 4])))
    _, preparation = data.prepared(raw)
    report = json.loads(json.dumps(data_report(raw, preparation)))
    assert report["leakage"]["dev_in_train"] == 1
    assert report["shape"] == [2]
    expected = "1 examples of dev (50.0 %) have exactly the inputs of an example of train"
    assert expected in list(concerns(report))


PLAIN = {
    "examples": {"train": 4, "dev": 2, "test": 2},
    "left_out": {},
    "missing": {},
    "leakage": {"dev_in_train": 0, "test_in_train": 0},
}


def test_the_digest_changes_with_any_value_name_or_place_of_the_data():
    inputs = {"x": np.arange(4.0), "city": np.array(["Köln", None, "東京", "x"], object)}
    whole = data.Dataset(inputs, np.array(["a", "b", "a", "b"]), np.ones(4))
    split = data.Split(whole, whole, whole)
    others = [
        split._replace(test=whole._replace(labels=whole.labels[::-1])),
        split._replace(dev=whole._replace(inputs={**inputs, "x": np.array([0, 1, 2, np.nan])})),
        split._replace(dev=whole._replace(inputs={**inputs, "city": np.array(["Köln", "", "東京", "x"], object)})),
        split._replace(train=whole._replace(inputs={"x": inputs["x"], "town": inputs["city"]})),
    ]
    digests = [_digest(each) for each in (split, *others)]
    assert len({*digests}) == 5
    assert digests[0] == _digest(data.Split(*(whole._replace(inputs=dict(reversed(inputs.items()))),) * 3))


def test_good_data_give_no_concern():
    assert list(concerns(PLAIN)) == []


def test_many_columns_are_counted_after_the_first_five():
    names = [f"column{number}" for number in range(7)]
    report = {**PLAIN, "left_out": dict.fromkeys(names, "it is constant"), "missing": dict.fromkeys(names, 3)}
    lines = list(concerns(report))
    assert lines[:5] == [f"column {name!r} is not used: it is constant" for name in names[:5]]
    assert lines[5] == "2 more columns are not used; preparation.json lists them"
    assert lines[6].startswith("missing values in the training part: 'column0' 3, ")
    assert " and 2 more columns; numbers are imputed by the training median" in lines[6]


def test_classes_without_examples_in_a_part_are_named():
    rows = [{"class": f"c{number}", "train": 2, "dev": 0, "test": 1} for number in range(7)]
    assert list(concerns({**PLAIN, "classes": rows})) == [
        "dev has no example of 7 classes, which have too few examples for every part: c0, c1, c2, c3, c4 and 2 more"
    ]
