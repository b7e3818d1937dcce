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


def test_the_field_names_of_older_runs_are_read():
    """Older versions stored `deviation` for std, and `levels` for categories."""
    for whole in (table(), data.load_digits()._replace(labels=np.arange(1797.0)[:, None])):
        fitted = fit_preparation(whole)
        stored = json.dumps(to_json(fitted)).replace('"std"', '"deviation"').replace('"categories"', '"levels"')
        assert "deviation" in stored
        back = from_json(json.loads(stored))
        assert np.array_equal(encode_inputs(back, whole.inputs), encode_inputs(fitted, whole.inputs))
        assert np.array_equal(prepare(back, whole).labels, prepare(fitted, whole).labels)
