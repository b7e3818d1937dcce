"""The command `jaxdl export`: the networks of a run for PyTorch, for jax.export, and for runtimes that read ONNX."""

import pathlib
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.console import Console

import jaxdl.functional as F
from jaxdl import data, models, recipe, run, trained
from jaxdl.pytorch_module import layer_names, module_text
from jaxdl.quality import told
from jaxdl.settings import Export

OPSET = 21  # of ONNX: the runtimes of two years can read it
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def export_command(settings: Export, console: Console) -> int:
    """Write the networks of a run for use elsewhere; the exit status."""
    with told(console):
        source = trained.load(settings.run)
    if settings.member is not None and not 0 <= settings.member < source.members:
        raise ValueError(f"member must be from 0 to {source.members - 1}, but was {settings.member}.")
    write = {"torch": _write_pytorch, "stablehlo": _write_stablehlo, "onnx": _write_onnx}[settings.to]
    with run.new_run(settings.out or settings.run / "export" / settings.to) as directory:
        file = write(directory, source, settings.member)
        run.write_json(directory / "model.json", described(source, settings))
    written = f"{file.name} and what its inputs and outputs are: {directory}"
    console.print(written, markup=False, highlight=False, soft_wrap=True)
    return 0


def described(source: trained.Trained, settings: Export) -> dict[str, Any]:
    """What a program elsewhere must know: the inputs, the outputs, which networks, and how examples were prepared."""
    columns, labels = source.preparation.inputs, source.preparation.labels
    table = not isinstance(columns, data.Standardization)
    height_width_channels = source.preparation.shape
    torch = settings.to == "torch" and len(height_width_channels) == 3  # whose images have channels first
    shape = ("batch", *(height_width_channels[2:] + height_width_channels[:2] if torch else height_width_channels))
    outputs = {"classes": list(labels.names)} if isinstance(labels, data.Classes) else {"targets": labels.mean.size}
    return {
        "inputs": {
            "name": "inputs",
            "dtype": "float32",
            "shape": shape,
            "features": [feature for column in columns for feature in data.features(column)] if table else None,
        },
        "outputs": {"name": "outputs", **outputs},
        "members": source.members if settings.member is None and settings.to != "torch" else 1,
        "preparation": data.to_json(source.preparation),
    }


def predictor(source: trained.Trained, member: int | None) -> Callable[[jax.Array], jax.Array]:
    """A function of inputs alone: probabilities, or targets in their unit, of one network or the mean over all.

    Inputs are as they are read, and are standardized inside; those of a table are its encoded features. Made of
    operations that other runtimes have: convolutions are jax's own.
    """
    fitted, unit = source.preparation, source.preparation.labels
    model = recipe.model_of(
        source.settings, fitted, types.SimpleNamespace(**{**vars(F), "conv2d": _conv2d, "relu": _relu})
    )
    every = range(source.members) if member is None else [member]
    networks = [jax.tree.map(lambda leaf, place=place: leaf[place], (source.params, source.stats)) for place in every]

    def predict(inputs):
        if isinstance(fitted.inputs, data.Standardization):
            inputs = (inputs - fitted.inputs.mean) / fitted.inputs.deviation
        outputs = [model.apply(params, stats, inputs)[0] for params, stats in networks]
        if isinstance(unit, data.Classes):
            return sum(jax.nn.softmax(each) for each in outputs) / len(networks)
        return sum(outputs) / len(networks) * unit.deviation + unit.mean

    return predict


def _conv2d(x, kernel, bias, *, stride, padding):
    """A convolution as jax has it: patches, which are faster in populations, are many operations elsewhere."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=numbers) + bias


def _relu(z):
    return jax.lax.max(z, jnp.zeros_like(z))


def _write_stablehlo(directory, source, member) -> pathlib.Path:
    """For `jax.export.deserialize(bytes).call(inputs)`, any number of examples at a time."""
    (batch,) = jax.export.symbolic_shape("batch")
    inputs = jax.ShapeDtypeStruct((batch, *source.preparation.shape), jnp.float32)
    exported = jax.export.export(jax.jit(predictor(source, member)), platforms=PLATFORMS)(inputs)
    path = directory / "model.stablehlo"
    run.write_bytes(path, bytes(exported.serialize()))
    return path


def _write_onnx(directory, source, member) -> pathlib.Path:
    """For onnxruntime and others. Raises ModuleNotFoundError where jax2onnx is not installed."""
    try:
        import jax2onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "onnx needs jax2onnx, whose requirements differ from jaxdl's: say make onnx, which installs it into an "
            "environment of its own, and then .venv-onnx/bin/jaxdl instead of jaxdl."
        ) from error
    made = jax2onnx.to_onnx(
        predictor(source, member),
        inputs=[("batch", *source.preparation.shape)],
        model_name="jaxdl",
        opset=OPSET,
        input_names=["inputs"],
        output_names=["outputs"],
    )
    path = directory / "model.onnx"
    run.write_bytes(path, made.SerializeToString())
    return path


def _write_pytorch(directory, source, member) -> pathlib.Path:
    """Weights of one network as safetensors, and a file of Python that has the module they belong to."""
    of = jax.tree.map(lambda leaf: leaf[member or 0], (source.params, source.stats))
    like = np.zeros((1, *source.preparation.shape), np.float32)
    path = directory / "model.safetensors"
    models.save_pytorch(path, source.model, *of, like, names=layer_names(source.settings))
    run.write_text(directory / "model.py", module_text(source))
    return path
