"""Write the network of a run as a Python file with a PyTorch module."""

import numpy as np

from jaxdl import data
from jaxdl.runs.load import Run
from jaxdl.runs.settings import Train

TEMPLATE = '''"""A PyTorch module with the weights of a network trained by jaxdl. Needs torch and safetensors."""

import pathlib

import safetensors.torch
import torch

WEIGHTS = pathlib.Path(__file__).with_name("model.safetensors")
CLASSES = {classes}
MEAN, STD = {mean}, {std}


def load(path=WEIGHTS):
    """Return the module with its weights."""
    module = torch.nn.Sequential(
{layers}
    )
    module.load_state_dict(safetensors.torch.load_file(path))
    return module.eval()


@torch.no_grad()
def predict(module, inputs):
    """Return {returned} for {inputs}."""
    outputs = module((inputs - MEAN) / STD)
    return {outputs}
'''


def module_layers(settings: Train, shape: tuple[int, ...], outputs: int) -> list[str]:
    """Return the layers of the network as PyTorch expressions, in order."""
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
    """Return the names of the layers with weights in a torch.nn.Sequential."""
    layers = module_layers(settings, (1, 1, 1), 1)
    return tuple(str(number) for number, layer in enumerate(layers) if layer.startswith(("Conv2d", "Linear")))


def module_text(run: Run) -> str:
    """Return the text of a Python file that builds the module, loads the weights and predicts."""
    fitted, labels = run.preparation, run.preparation.labels
    classes = isinstance(labels, data.Classes)
    mean, std = "0.0", "1.0"
    if isinstance(fitted.inputs, data.Standardization):
        mean, std = (_tensor(values, len(fitted.shape) == 3) for values in fitted.inputs)
    inputs = {1: "inputs (batch, features)", 3: "images (batch, channels, height, width) between 0 and 1"}
    layers = module_layers(run.settings, fitted.shape, fitted.outputs)
    return TEMPLATE.format(
        classes=list(labels.names) if classes else None,
        mean=mean,
        std=std,
        layers="\n".join(f"        torch.nn.{layer}," for layer in layers),
        returned="the probability of each class" if classes else "the targets in their unit, as float64,",
        inputs=inputs.get(len(fitted.shape), "inputs of the shape of a training example"),
        outputs="outputs.softmax(dim=1)" if classes else _rescaled(labels),
    )


def _tensor(values, of_image: bool = False) -> str:
    """Return a PyTorch expression for a vector, or for one number per channel of an image."""
    values = np.asarray(values, np.float32).tolist()
    return f"torch.tensor({values})" + (".reshape(-1, 1, 1)" if of_image else "")


def _rescaled(unit) -> str:
    """Return a PyTorch expression for standardized outputs in the unit of the labels, in float64 as in `predict`."""
    std, mean = (np.asarray(values, np.float64).tolist() for values in (unit.std, unit.mean))
    return f"outputs.double() * torch.tensor({std}, dtype=torch.float64) + torch.tensor({mean}, dtype=torch.float64)"
