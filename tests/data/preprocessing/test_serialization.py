import json

import numpy as np
import pytest

from jaxdl import data
from jaxdl.data.preprocessing.preparation import encode_inputs, fit_preparation, prepare
from jaxdl.data.preprocessing.serialization import from_json, to_json
from tests.data.preprocessing.example_table import table


@pytest.mark.parametrize("whole", [table(), data.load_digits()], ids=["table", "images"])
def test_a_preparation_survives_json_and_encodes_the_same(whole):
    fitted = fit_preparation(whole)
    back = from_json(json.loads(json.dumps(to_json(fitted))))
    assert (back.labels, back.shape, back.left_out) == (fitted.labels, fitted.shape, fitted.left_out)
    assert np.array_equal(encode_inputs(back, whole.inputs), encode_inputs(fitted, whole.inputs))


def test_a_preparation_of_targets_survives_json():
    whole = data.Dataset(np.eye(3, dtype=np.float32), np.array([[0.1], [0.2], [5.0]]), np.ones(3, np.float32))
    fitted = fit_preparation(whole)
    assert np.array_equal(prepare(from_json(to_json(fitted)), whole).labels, prepare(fitted, whole).labels)


@pytest.mark.parametrize(
    "content",
    [{}, {"inputs": "x", "labels": {}}, {"inputs": [{"kind": "os.system"}], "labels": {"classes": []}}, [], None],
)
def test_damaged_content_raises_an_error(content, unchecked):
    with pytest.raises(ValueError, match="the preparation is damaged or incomplete"):
        unchecked(from_json)(content)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda content: content["labels"].update(classes=["a", "b", "a"]),
            "every class must have its own name, got 'a'",
        ),
        (lambda content: content["labels"].update(classes=[1, "1"]), "every class must have its own name, got '1'"),
        (lambda content: content["inputs"].append(content["inputs"][0]), r"shape must end with \d+ .* got \(\d+,\)"),
        (
            lambda content: content["inputs"][0].update(mean=float("nan")),
            r"inputs\[0\].mean is wrong: expected `float` >= ",
        ),
        (lambda content: content["inputs"][0].update(std=-1.0), r"inputs\[0\].std is wrong: expected `float` > 0"),
        (lambda content: content.update(shape=[10**12]), r"preparation.shape\[0\] is wrong: expected `int` <= "),
        (lambda content: content.update(inputs={"mean": [0.0], "std": [1e-60]}, shape=[1]), "must be finite, and one"),
        (lambda content: content.update(inputs={"mean": [0.0], "std": []}, shape=[1]), "must be finite, and one"),
        (
            lambda content: content.update(inputs={"mean": [0], "std": [1]}, shape=[10**9, 3, 1]),
            r"at most 2,147,483,647",
        ),
    ],
)
def test_values_that_cannot_be_fitted_are_errors(change, message):
    content = to_json(fit_preparation(table()))
    change(content)
    with pytest.raises(ValueError, match=f"^the preparation is damaged or incomplete .*{message}"):
        from_json(content)


def test_columns_of_one_name_are_an_error():
    content = to_json(fit_preparation(table()))
    content["inputs"] = [column for column in content["inputs"] if column["kind"] == "Numbers"][:1] * 2
    content["shape"] = [2 + 2 * content["inputs"][0]["missing"]]
    with pytest.raises(ValueError, match="every column must have its own name, got '"):
        from_json(content)


def test_the_field_names_of_older_runs_are_read():
    """Older versions stored `deviation` for std, and `levels` for categories."""
    for whole in (table(), data.load_digits()._replace(labels=np.arange(1797.0)[:, None])):
        fitted = fit_preparation(whole)
        stored = json.dumps(to_json(fitted)).replace('"std"', '"deviation"').replace('"categories"', '"levels"')
        assert "deviation" in stored
        back = from_json(json.loads(stored))
        assert np.array_equal(encode_inputs(back, whole.inputs), encode_inputs(fitted, whole.inputs))
        assert np.array_equal(prepare(back, whole).labels, prepare(fitted, whole).labels)
