"""The network of a run as a module of PyTorch, written as a file of Python."""

import numpy as np

from jaxdl import data, recipe, trained
from jaxdl.settings import Train

TEXT = '''"""A network that jaxdl has trained, as a module of PyTorch. Needs torch and safetensors."""

import pathlib

import safetensors.torch
import torch

WEIGHTS = pathlib.Path(__file__).with_name("model.safetensors")
CLASSES = {classes}
MEAN, DEVIATION = {mean}, {deviation}


def load(path=WEIGHTS):
    """The module with its weights."""
    module = torch.nn.Sequential(
{layers}
    )
    module.load_state_dict(safetensors.torch.load_file(path))
    return module.eval()


@torch.no_grad()
def predict(module, inputs):
    """{what} for {inputs}."""
    outputs = module((inputs - MEAN) / DEVIATION)
    return {outputs}
'''


def module_layers(settings: Train, shape: tuple[int, ...], outputs: int) -> list[str]:
    """The layers of the network, as PyTorch calls them, in their order."""
    layers, size = [], shape
    if settings.model == "convnet":
        for filters in settings.filters:
            layers += [f"Conv2d({size[-1]}, {filters}, 3, padding=1)", "ReLU()", "MaxPool2d(2)"]
            size = (size[0] // 2, size[1] // 2, filters)
    layers.append("Flatten()")
    width = int(np.prod(size))
    for hidden in settings.hidden:
        layers += [f"Linear({width}, {hidden})", "ReLU()"]
        width = hidden
    return [*layers, f"Linear({width}, {outputs})"]


def layer_names(settings: Train) -> tuple[str, ...]:
    """What a Sequential of these layers calls those that have weights."""
    layers = module_layers(settings, (1, 1, 1), 1)
    return tuple(str(place) for place, layer in enumerate(layers) if layer.startswith(("Conv2d", "Linear")))


def module_text(source: trained.Trained) -> str:
    """A file of Python with the module that takes the weights, and a function that predicts with it."""
    fitted, labels = source.preparation, source.preparation.labels
    classes = isinstance(labels, data.Classes)
    mean, deviation = "0.0", "1.0"
    if isinstance(fitted.inputs, data.Standardization):
        mean, deviation = (_tensor(values, len(fitted.shape) == 3) for values in fitted.inputs)
    inputs = {1: "inputs (batch, features)", 3: "images (batch, channels, height, width) between 0 and 1"}
    layers = module_layers(source.settings, fitted.shape, recipe.outputs_of(fitted))
    return TEXT.format(
        classes=list(labels.names) if classes else None,
        mean=mean,
        deviation=deviation,
        layers="\n".join(f"        torch.nn.{layer}," for layer in layers),
        what="The probability of each class" if classes else "The targets, in their unit,",
        inputs=inputs.get(len(fitted.shape), "inputs as they were trained on"),
        outputs="outputs.softmax(dim=1)"
        if classes
        else f"outputs * {_tensor(labels.deviation)} + {_tensor(labels.mean)}",
    )


def _tensor(values, of_images: bool = False) -> str:
    values = np.asarray(values, np.float32).tolist()
    return f"torch.tensor({values})" + (".reshape(-1, 1, 1)" if of_images else "")
