"""The text of the PyTorch module; tests/end_to_end/test_export.py compares its outputs."""

import ast

import pytest

from jaxdl import runs
from jaxdl.runs.pytorch_module import layer_names, module_layers, module_text
from jaxdl.runs.settings import Train


def test_an_mlp_flattens_its_inputs():
    assert module_layers(Train(hidden=(16, 8)), (8, 8, 1), 10) == [
        "Flatten()",
        "Linear(64, 16)",
        "ReLU()",
        "Linear(16, 8)",
        "ReLU()",
        "Linear(8, 10)",
    ]


def test_a_convnet_halves_its_images():
    assert module_layers(Train(model="convnet", filters=(4, 6), hidden=()), (13, 10, 3), 2) == [
        "Conv2d(3, 4, 3, padding=1)",
        "ReLU()",
        "MaxPool2d(2)",
        "Conv2d(4, 6, 3, padding=1)",
        "ReLU()",
        "MaxPool2d(2)",
        "Flatten()",
        "Linear(36, 2)",
    ]


def test_layers_with_weights_are_named_by_their_position():
    assert layer_names(Train(hidden=(16,))) == ("1", "3")
    assert layer_names(Train(model="convnet", filters=(4,), hidden=(8,))) == ("0", "4", "6")


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("classes_run", ["CLASSES = ['ja ✓', 'nein', 'selten']", "Return the probability of each class for inputs"]),
        (
            "regression_run",
            ["CLASSES = None", "Return the targets in their unit, as float64, for inputs (batch, features)."],
        ),
        ("images_run", ["reshape(-1, 1, 1)", "images (batch, channels, height, width) between 0 and 1."]),
    ],
)
def test_the_module_is_valid_python_with_its_unit_and_classes(request, name, texts):
    text = module_text(runs.load_run(request.getfixturevalue(name)))
    functions = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    assert functions == ["load", "predict"]
    for expected in texts:
        assert expected in text
