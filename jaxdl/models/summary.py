"""What a model is made of, layer by layer, and what it costs."""

from typing import Any, NamedTuple

import jax
from jaxtyping import PyTree

from jaxdl.models.listening import listen
from jaxdl.models.model import Model


class LayerSummary(NamedTuple):
    """A layer: where it stands, what it is, and what it costs for the inputs that were given.

    `outputs` are the shapes of what comes out, one or a tree of them. `activation_bytes` is what that takes; of a layer
    that is made of others it is counted there, and here 0.
    """

    path: str
    layer: str
    outputs: PyTree
    parameters: int
    multiply_adds: int
    activation_bytes: int


class Summary(NamedTuple):
    """All layers in the order of their calls, and the totals; printed, it is a table."""

    layers: tuple[LayerSummary, ...]
    parameters: int
    parameter_bytes: int
    multiply_adds: int
    activation_bytes: int

    def __str__(self) -> str:
        """A line a layer, and one for the totals."""
        head = ("layer", "", "outputs", "parameters", "multiply–adds", "activation bytes")
        total = ("total", "", "", self.parameters, self.multiply_adds, self.activation_bytes)
        rows = [_texts(row) for row in (head, *self.layers, total)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ([*zip(row, widths, strict=True)] for row in rows)
        return "\n".join(
            "  ".join(
                [*(text.ljust(width) for text, width in line[:3]), *(text.rjust(width) for text, width in line[3:])]
            )
            for line in lines
        )


def summary(model: Model, inputs: Any) -> Summary:
    """The layers of a model on such inputs, whose values do not matter: nothing is computed but shapes.

    Raises TypeError for inputs that are no arrays and have no shape and dtype.

    Every call of a Flax module, Linen or NNX, is a row if it calls no other module, or has parameters or multiply–adds
    of its own. Multiply–adds are those of products of matrices and of convolutions, for the whole batch; the compiler's
    flops are twice as many, and the rest. jaxdl's own convolutions are products of patches, in which places of padding
    count. Inside a scan a layer costs as often as it runs. One that is called again has its parameters counted once.
    Activations are the outputs of the layers; what the compiler keeps is usually less. Modules inside what `nnx.scan`,
    `nnx.vmap` and functions compiled before have made of others are counted with what is around them.
    """
    if not all(hasattr(leaf, "shape") and hasattr(leaf, "dtype") for leaf in jax.tree.leaves(inputs)):
        raise TypeError(
            f"inputs must be arrays, or jax.ShapeDtypeStruct((1, 28, 28, 1), jax.numpy.float32), but were {inputs!r}."
        )
    params, stats = jax.eval_shape(model.init, jax.random.key(0), inputs)
    heard = listen(model.apply, params, stats, inputs)
    calls = _made(heard.calls)
    places = {call.path: number for number, call in reversed([*enumerate(calls)])}
    own = dict.fromkeys(range(-1, len(calls)), 0)
    for place, leaf in jax.tree.leaves_with_path(params):
        own[_owner(place, places)] += leaf.size
    rows = [
        _row(call, own[number])
        for number, call in enumerate(calls)
        if not call.inner or own[number] or call.multiply_adds
    ]
    if own[-1] or heard.outside:
        rows.append(LayerSummary("", "not in a layer", (), own[-1], heard.outside, 0))
    columns = zip(*(row[3:] for row in rows), strict=True)
    parameters, multiply_adds, activation_bytes = map(sum, columns) if rows else (0, 0, 0)
    parameter_bytes = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
    return Summary(tuple(rows), parameters, parameter_bytes, multiply_adds, activation_bytes)


def _made(calls):
    """The calls without those that Flax's scan traces only to find shapes: they leave no equation."""
    made = {call.path for call in calls if call.equations}
    firsts = {call.path: number for number, call in reversed([*enumerate(calls)])}
    return [
        call
        for number, call in enumerate(calls)
        if call.equations or (call.path not in made and firsts[call.path] == number)
    ]


def _owner(place, places):
    """The number of the first call of the module that a parameter belongs to, the innermost that was called; or -1."""
    path = jax.tree_util.keystr(place, simple=True, separator="/").split("/")
    inside = ("/".join(path[:length]) for length in reversed(range(len(path))))
    return next((places[prefix] for prefix in inside if prefix in places), -1)


def _row(call, parameters):
    """A call as a row."""
    bytes_once = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(call.outputs))
    size = 0 if call.inner else call.times * bytes_once
    shapes = jax.tree.map(lambda leaf: leaf.shape, call.outputs)
    return LayerSummary(call.path, type(call.module).__name__, shapes, parameters, call.multiply_adds, size)


def _texts(row):
    """The cells of a row as they are printed."""
    return [f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row]
