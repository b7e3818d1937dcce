"""Export the networks of a run: PyTorch weights, a StableHLO program for jax.export, or an ONNX model.

Networks compute in float32, in standardized units. Targets of a regression get their own unit in float64 at the end of
every exported program, as in `runs.predict`: in float32, targets of 1.7e9 ± 100 would be rounded to multiples of 128.
"""

import pathlib
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional as F
from jaxdl import data, models
from jaxdl.data.preprocessing.columns import feature_names
from jaxdl.data.preprocessing.serialization import to_json
from jaxdl.runs import build, files
from jaxdl.runs.load import Run
from jaxdl.runs.pytorch_module import layer_names, module_text

OPSET = 21  # of ONNX: supported by runtimes of the last two years
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def export_pytorch(directory: pathlib.Path, run: Run, member: int | None) -> pathlib.Path:
    """Write the weights of one network (the first if not chosen) as safetensors, and the PyTorch module they fit."""
    network = jax.tree.map(lambda leaf: leaf[member or 0], (run.params, run.stats))
    example = np.zeros((1, *run.preparation.shape), np.float32)
    path = directory / "model.safetensors"
    models.save_pytorch(path, run.model, *network, example, names=layer_names(run.settings))
    files.write_text(directory / "model.py", module_text(run))
    channels_first = len(run.preparation.shape) == 3
    files.write_json(directory / "model.json", _description(run, members=1, channels_first=channels_first))
    return path


def export_stablehlo(directory: pathlib.Path, run: Run, member: int | None) -> pathlib.Path:
    """Write a program for `jax.export.deserialize(bytes).call(inputs)` that takes any number of examples.

    The targets of a regression are float64, also if the program is called without the 64-bit mode of jax.
    """
    (batch,) = jax.export.symbolic_shape("batch")
    inputs = jax.ShapeDtypeStruct((batch, *run.preparation.shape), jnp.float32)
    exported = jax.export.export(jax.jit(predictor(run, member)), platforms=PLATFORMS)(inputs)
    unit = run.preparation.labels
    if not isinstance(unit, data.Classes):
        standardized = exported.call
        with jax.enable_x64(True):
            rescaled = jax.jit(lambda inputs: standardized(inputs).astype(jnp.float64) * unit.std + unit.mean)
            exported = jax.export.export(rescaled, platforms=PLATFORMS)(inputs)
    return _write(directory, "model.stablehlo", bytes(exported.serialize()), run, member)


def export_onnx(directory: pathlib.Path, run: Run, member: int | None) -> pathlib.Path:
    """Write a model for onnxruntime and other runtimes. Raises ModuleNotFoundError if jax2onnx is not installed."""
    try:
        import jax2onnx
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "onnx needs jax2onnx, whose requirements conflict with jaxdl's. Run `make onnx`, which installs it "
            "in an environment of its own, then use .venv-onnx/bin/jaxdl instead of jaxdl."
        ) from error
    exported = jax2onnx.to_onnx(
        predictor(run, member),
        inputs=[("batch", *run.preparation.shape)],
        model_name="jaxdl",
        opset=OPSET,
        input_names=["inputs"],
        output_names=["outputs"],
    )
    if not isinstance(run.preparation.labels, data.Classes):
        _rescale_in_float64(exported.graph, run.preparation.labels)
    return _write(directory, "model.onnx", exported.SerializeToString(), run, member)


def _rescale_in_float64(graph, unit) -> None:
    """Append nodes to an ONNX graph that give its standardized outputs the unit of the labels in float64."""
    import onnx

    output, double = graph.output[0], onnx.TensorProto.DOUBLE
    for node in graph.node:
        node.output[:] = ["standardized" if name == output.name else name for name in node.output]
        node.input[:] = ["standardized" if name == output.name else name for name in node.input]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(np.asarray(values, np.float64), f"label_{name}")
        for name, values in unit._asdict().items()
    )
    graph.node.extend(
        [
            onnx.helper.make_node("Cast", ["standardized"], ["double"], to=double),
            onnx.helper.make_node("Mul", ["double", "label_std"], ["scaled"]),
            onnx.helper.make_node("Add", ["scaled", "label_mean"], [output.name]),
        ]
    )
    output.type.tensor_type.elem_type = double


def _write(directory, name, content, run, member) -> pathlib.Path:
    """Write the program and its description."""
    path = directory / name
    files.write_bytes(path, content)
    files.write_json(directory / "model.json", _description(run, members=run.members if member is None else 1))
    return path


def _description(run, *, members, channels_first=False) -> dict[str, Any]:
    """Describe inputs, outputs and preparation for programs outside jaxdl."""
    columns, labels, shape = run.preparation.inputs, run.preparation.labels, run.preparation.shape
    table = not isinstance(columns, data.Standardization)
    classes = isinstance(labels, data.Classes)
    outputs = {"classes": list(labels.names)} if classes else {"targets": labels.mean.size}
    return {
        "inputs": {
            "name": "inputs",
            "dtype": "float32",
            "shape": ("batch", *(shape[2:] + shape[:2] if channels_first else shape)),
            "features": [feature for column in columns for feature in feature_names(column)] if table else None,
        },
        "outputs": {"name": "outputs", "dtype": "float32" if classes else "float64", **outputs},
        "members": members,
        "preparation": to_json(run.preparation),
    }


def predictor(run: Run, member: int | None) -> Callable[[jax.Array], jax.Array]:
    """Return a function from inputs to probabilities or standardized targets, of one network or the mean over all.

    The function standardizes its inputs itself; inputs of a table are its encoded features. It uses only operations
    that other runtimes have: convolutions are jax's own.
    """
    fitted, labels = run.preparation, run.preparation.labels
    plain = types.SimpleNamespace(**{**vars(F), "conv2d": _conv2d, "relu": _relu})
    model = build.build_model(run.settings, fitted, plain)
    members = range(run.members) if member is None else [member]
    networks = [jax.tree.map(lambda leaf, i=i: leaf[i], (run.params, run.stats)) for i in members]

    def predict(inputs):
        if isinstance(fitted.inputs, data.Standardization):
            inputs = (inputs - fitted.inputs.mean) / fitted.inputs.std
        outputs = [model.apply(params, stats, inputs)[0] for params, stats in networks]
        probabilities = isinstance(labels, data.Classes)
        return sum(jax.nn.softmax(each) if probabilities else each for each in outputs) / len(networks)

    return predict


def _conv2d(x, kernel, bias, *, stride, padding):
    """Convolve by jax's own operation; jaxdl's patches are faster in populations but many operations in ONNX."""
    layout = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, stride, padding, dimension_numbers=layout) + bias


def _relu(z):
    return jax.lax.max(z, jnp.zeros_like(z))
