"""Other initial parameters for a model, such as the defaults of another library."""

import functools
import inspect
from collections.abc import Callable

import jax
from jaxtyping import Array, Key, PyTree
from typing_extensions import TypeAliasType

from jaxdl.models._validity import check_function
from jaxdl.models.model import Model, check_model

Layer = dict[str, Array]
LayerInitializer = TypeAliasType("LayerInitializer", Callable[[Key[Array, ""], Layer], Layer])


def reinitialize(model: Model, initializer: LayerInitializer) -> Model:
    """Return the model with initial parameters drawn layer by layer by `initializer`.

    Args:
        model: The model.
        initializer: `initializer(key, layer) -> layer` receives the arrays of one layer as the model draws them, such
            as {"kernel": ..., "bias": ...}, and returns new arrays of the same names and shapes. It sees the whole
            layer, because some libraries initialize the bias depending on the shape of the kernel.
            `jaxdl.initializers.pytorch` and `jaxdl.initializers.keras` are such functions.

    Returns:
        A model with the same `apply`. Its `init` raises ValueError if `initializer` returns other names or shapes.

    Raises:
        TypeError: If `initializer` is not a function of a key and a layer.

    Example:
        >>> from jaxdl import initializers, models
        >>> model = models.reinitialize(models.mlp((8,), 2), initializers.pytorch)
        >>> params, _ = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> bool((abs(params["Dense_0"]["bias"]) <= 4**-0.5).all())  # PyTorch: uniform within 1 / √inputs, not zero
        True
    """
    check_model(model)
    check_function("initializer", initializer)
    if inspect.isfunction(initializer) and "shape" in inspect.signature(initializer).parameters:
        raise TypeError(
            "initializer must be a function of a key and the arrays of a layer, got one of a shape: give it to the "
            "model as kernel_init."
        )

    @functools.wraps(model.init)
    def init(key, inputs, **outputs):
        model_key, layers_key = jax.random.split(key)
        params, stats = model.init(model_key, inputs, **outputs)
        keys = iter(jax.random.split(layers_key, max(1, len(jax.tree.leaves(params)))))
        return _reinitialized(params, initializer, keys), stats

    return Model(init, model.apply)


def _reinitialized(tree: PyTree, initializer, keys) -> PyTree:
    """Return the tree with every dict of arrays in it drawn by the initializer, in alphabetical order of names."""
    layer = {name: leaf for name, leaf in tree.items() if not isinstance(leaf, dict)}
    drawn = initializer(next(keys), layer) if layer else {}
    if _shapes(drawn) != _shapes(layer):
        raise ValueError(
            f"initializer must return arrays of the names and shapes that it receives, {_shapes(layer)}, got "
            f"{_shapes(drawn)}."
        )
    return {
        name: drawn[name] if name in drawn else _reinitialized(tree[name], initializer, keys) for name in sorted(tree)
    }


def _shapes(layer):
    return jax.tree.map(lambda leaf: leaf.shape, layer)
