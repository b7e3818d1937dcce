"""Other first parameters for a model, layer by layer: those that another library would have drawn."""

from collections.abc import Callable

import jax
from jaxtyping import Array, Key, PyTree

from jaxdl.models.model import Model

Layer = dict[str, Array]


def redrawn(model: Model, draw: Callable[[Key[Array, ""], Layer], Layer]) -> Model:
    """The model with first parameters drawn by `draw(key, layer) -> layer`, which is given each layer's as it is.

    A layer is a dict of arrays, such as {"kernel": …, "bias": …}, so that what is drawn for one of them can depend on
    the others: `redrawn(mlp((128,), 10), jaxdl.initializers.pytorch)` begins as the same network would in PyTorch.
    What `draw` raises is raised by `init`; so is ValueError where it returns other names or shapes.
    """

    def init(key, inputs):
        of_model, of_layers = jax.random.split(key)
        params, stats = model.init(of_model, inputs)
        keys = iter(jax.random.split(of_layers, max(1, len(jax.tree.leaves(params)))))
        return _drawn(params, draw, keys), stats

    return Model(init, model.apply)


def _drawn(tree: PyTree, draw, keys) -> PyTree:
    """Every dict of arrays in a tree drawn anew, in the order of their names."""
    layer = {name: leaf for name, leaf in tree.items() if not isinstance(leaf, dict)}
    fresh = draw(next(keys), layer) if layer else {}
    if jax.tree.map(lambda leaf: leaf.shape, fresh) != jax.tree.map(lambda leaf: leaf.shape, layer):
        raise ValueError(
            f"draw must return the arrays that it is given, {jax.tree.map(lambda leaf: leaf.shape, layer)}, but "
            f"returned {jax.tree.map(lambda leaf: leaf.shape, fresh)}."
        )
    return {name: fresh[name] if name in fresh else _drawn(tree[name], draw, keys) for name in sorted(tree)}
