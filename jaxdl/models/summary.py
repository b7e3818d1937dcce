"""`summary`: the layers of a model with their output shapes, parameters and costs."""

import functools
import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from jaxdl._display import html_table, text_table
from jaxdl._formatting import format_argument
from jaxdl.data import Dataset, Split
from jaxdl.models._validity import lacks_outputs, shown
from jaxdl.models.call_recorder import record_calls

NUMBERS = (3, 4, 5)  # columns of the table


class LayerSummary(NamedTuple):
    """One call of a layer.

    Attributes:
        path: Names from the outermost module to the layer, joined by /.
        layer: Class of the layer.
        outputs: Shape of the output, or a tree of shapes.
        parameters: Number of parameters of its own; 0 from the second call of a layer on.
        multiply_adds: Multiply-adds of its own, for the whole batch.
        activation_bytes: Size of the output; 0 for a module that calls others, which count theirs.
    """

    path: str
    layer: str
    outputs: PyTree
    parameters: int
    multiply_adds: int
    activation_bytes: int


class Summary(NamedTuple):
    """The layers of a model and the totals, displayed as a table.

    Attributes:
        layers: The layers, in the order of their calls.
        parameters: Number of parameters.
        parameter_bytes: Size of the parameters.
        multiply_adds: Multiply-adds for the whole batch.
        activation_bytes: Size of the outputs of all layers.
    """

    layers: tuple[LayerSummary, ...]
    parameters: int
    parameter_bytes: int
    multiply_adds: int
    activation_bytes: int

    def _cells(self) -> list[list[str]]:
        head = ("layer", "", "outputs", "parameters", "multiply-adds", "activation bytes")
        total = ("total", "", "", self.parameters, self.multiply_adds, self.activation_bytes)
        return [_texts(row) for row in (head, *self.layers, total)]

    def __repr__(self) -> str:
        """Return a table with a line for each layer and one for the totals."""
        return text_table(self._cells(), right=NUMBERS)

    def _repr_html_(self) -> str:
        """Return the table for a notebook."""
        return html_table(self._cells(), right=NUMBERS)


def summary(model: tuple[Callable, Callable], inputs: Any) -> Summary:
    """Return the layers of a model with their output shapes, parameters, multiply-adds and activation sizes.

    Every call of a Flax module, Linen or NNX, is a row if it calls no other module, or has parameters or multiply-adds
    of its own. Details of the counts:

    - Multiply-adds are those of matrix products and convolutions. The compiler's "flops" are twice as many, plus the
      elementwise operations. jaxdl's convolutions are matrix products of patches, which include the padding.
    - A layer inside a scan costs as often as it runs.
    - A layer that is called twice is two rows, and its parameters are counted in the first.
    - Activations are the outputs of the layers; the compiler usually stores less.
    - Modules inside `nnx.scan` or `nnx.vmap`, or inside a function that was compiled before, are counted with the
      module around them.

    Args:
        model: The model, or its functions `init` and `apply`.
        inputs: A batch: arrays, `jax.ShapeDtypeStruct`s, or the shape of float32 numbers. Only shapes are computed. Of
            a data set, the batch is its first example; images of bytes count as float32.

    Returns:
        The rows and the totals.

    Raises:
        TypeError: If the model is not a Model, or the inputs have no shape and dtype.
        ValueError: If the inputs are a shape without examples, such as (784,), or the model does not accept inputs of
            this shape.

    Example:
        >>> from jaxdl import models
        >>> print(models.summary(models.mlp((16,), 10), (1, 784)))
        layer               outputs   parameters  multiply-adds  activation bytes
        Flatten_0  Flatten  (1, 784)           0              0              3,136
        Dense_0    Dense    (1, 16)       12,560         12,544                 64
        Dense_1    Dense    (1, 10)          170            160                 40
        total                             12,730         12,704              3,240
    """
    init, apply = _functions_of(model, inputs)
    inputs = _batch_of(inputs)
    params, stats = jax.eval_shape(init, jax.random.key(0), inputs)
    recording = record_calls(apply, params, stats, inputs)
    calls = _executed(recording.calls)
    first_calls = {call.path: number for number, call in reversed([*enumerate(calls)])}
    own_parameters = dict.fromkeys(range(-1, len(calls)), 0)
    for path, leaf in jax.tree.leaves_with_path(params):
        own_parameters[_owner(path, first_calls)] += leaf.size
    rows = [
        _row(call, own_parameters[number])
        for number, call in enumerate(calls)
        if not call.calls_others or own_parameters[number] or call.multiply_adds
    ]
    if own_parameters[-1] or recording.outside:
        rows.append(LayerSummary("", "not in a layer", (), own_parameters[-1], recording.outside, 0))
    columns = zip(*(row[3:] for row in rows), strict=True)
    parameters, multiply_adds, activation_bytes = map(sum, columns) if rows else (0, 0, 0)
    parameter_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
    return Summary(tuple(rows), parameters, parameter_bytes, multiply_adds, activation_bytes)


def _functions_of(model, inputs):
    """Return `init` and `apply` of a model, with the outputs that a data set needs. Raises TypeError for others."""
    if isinstance(model, tuple) and len(model) == 2 and all(map(callable, model)):
        init, apply = model
        lacking = isinstance(inputs, Dataset | Split) and lacks_outputs(init)
        return functools.partial(init, outputs=inputs.outputs) if lacking else init, apply
    advice = "pass task.model" if hasattr(model, "model") else "the model comes first, such as models.mlp((64,), 10)"
    raise TypeError(f"model must be a Model, got {format_argument(model)}: {advice}.")


def _batch_of(inputs):
    """Return the batch as arrays or shapes with dtypes."""
    if isinstance(inputs, Dataset | Split):
        data = inputs.train if isinstance(inputs, Split) else inputs
        return jax.tree.map(_first_example, data.inputs)
    if isinstance(inputs, tuple) and inputs and all(isinstance(size, numbers.Integral) for size in inputs):
        if len(inputs) < 2:
            raise ValueError(
                f"inputs must be the shape of a batch, such as (1, 784) for one example of 784 features, got {inputs}: "
                f"write (1, {inputs[0]}) or ({inputs[0]}, 1)."
            )
        return jax.ShapeDtypeStruct(inputs, jnp.float32)
    if not all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in jax.tree.leaves(inputs)):
        raise TypeError(
            "inputs must be a data set, arrays, or the shape of a batch, such as (1, 28, 28, 1) or "
            f"jax.ShapeDtypeStruct((1, 28, 28, 1), jax.numpy.float32), got {shown(inputs)}."
        )
    return inputs


def _first_example(array):
    """Return shape and dtype of a batch of one example; bytes are images, which a Task converts to float32."""
    return jax.ShapeDtypeStruct((1, *array.shape[1:]), jnp.float32 if array.dtype == jnp.uint8 else array.dtype)


def _executed(calls):
    """Return the calls without those that Flax's scan traces only to find shapes, which have no equations."""
    executed = {call.path for call in calls if call.equations}
    first_calls = {call.path: number for number, call in reversed([*enumerate(calls)])}
    return [
        call
        for number, call in enumerate(calls)
        if call.equations or (call.path not in executed and first_calls[call.path] == number)
    ]


def _owner(path, first_calls):
    """Return the number of the first call of the innermost module that contains this parameter, or -1."""
    names = jax.tree_util.keystr(path, simple=True, separator="/").split("/")
    prefixes = ("/".join(names[:length]) for length in reversed(range(len(names))))
    return next((first_calls[prefix] for prefix in prefixes if prefix in first_calls), -1)


def _row(call, parameters):
    bytes_once = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(call.outputs))
    size = 0 if call.calls_others else call.times * bytes_once
    shapes = jax.tree.map(lambda leaf: leaf.shape, call.outputs)
    return LayerSummary(call.path, type(call.module).__name__, shapes, parameters, call.multiply_adds, size)


def _texts(row):
    """Return the cells of a row as text, integers with thousands separators."""
    return [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
