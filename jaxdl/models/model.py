"""`Model`, the pair of pure functions that every network is, and `from_linen`, which makes one of a Flax module."""

import contextlib
import functools
import inspect
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from flax.errors import ScopeParamShapeError
from jaxtyping import PyTree

from jaxdl._display import short_repr
from jaxdl._formatting import format_argument
from jaxdl.data._arguments import check_key
from jaxdl.models._validity import check_function, lacks_outputs
from jaxdl.models.summary import Summary, summary

Stats = dict[str, PyTree]


class Model(NamedTuple):
    """A network as two pure functions.

    `params` is the tree of trainable arrays. `stats` is the tree of arrays that the model updates itself, such as the
    running averages of batch normalization; its structure never changes.

    Attributes:
        init: `init(key, inputs) -> params, stats` draws initial parameters for inputs of this shape and dtype. (Models
            of `from_nnx` ignore the inputs.) That of a model made without its number of outputs takes it as a keyword,
            `init(key, inputs, outputs=10)`; training gives it the number that the labels need.
        apply: `apply(params, stats, inputs, *, key=None) -> outputs, stats`. A key means training mode: dropout draws
            noise from the key, and batch normalization updates its statistics. Without a key `stats` is unchanged.

    Example:
        >>> from jaxdl import models
        >>> model = models.mlp((64,), 1, dropout_rate=0.5)
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> outputs, _ = model.apply(params, stats, jnp.ones((2, 4)))  # evaluation: equal rows, equal outputs
        >>> bool(outputs[0, 0] == outputs[1, 0])
        True
        >>> outputs, _ = model.apply(params, stats, jnp.ones((2, 4)), key=jax.random.key(1))  # training: with noise
        >>> bool(outputs[0, 0] == outputs[1, 0])
        False
    """

    init: Callable[..., tuple[PyTree, Stats]]
    apply: Callable[..., tuple[Any, Stats]]

    __repr__ = short_repr

    def summary(self, inputs: Any) -> Summary:
        """Return a table of the layers with their output shapes, parameters and costs; see `summary`.

        Args:
            inputs: A data set, arrays, `jax.ShapeDtypeStruct`s, or the shape of a batch of float32 numbers.

        Returns:
            The rows and the totals, displayed as a table.
        """
        return summary(self, inputs)


def _call_with_training_flag(module: Any, inputs: Any, training: bool) -> Any:
    return module(inputs, training=training)


def from_linen(
    module: nn.Module,
    call: Callable[[Any, Any, bool], Any] = _call_with_training_flag,
    *,
    streams: Sequence[str] = ("dropout",),
) -> Model:
    """Wrap a Flax Linen module as a `Model`.

    In training mode, every random stream that the module requests is derived from the one key. Collections that the
    module sows are part of `stats`, which holds the values sown by the last call; the collection "intermediates" is
    dropped. (If the module sows with a `reduce_fn` of its own, the sown value accumulates from call to call, because
    jaxdl cannot distinguish it from a statistic.)

    If the field `outputs` of the module is None, `init(key, inputs, outputs=10)` sets it. Such a module must compute
    the same with its parameters when the field is None: a layer `models.Dense(None)` has the outputs of its kernel.

    Args:
        module: An instance of a Linen module.
        call: `call(module, inputs, training) -> outputs` calls the module. The default passes `training=training`; for
            a module with another flag give e.g.
            `lambda module, inputs, training: module(inputs, deterministic=not training)`.
        streams: Names of the random streams to create. Streams that the module only requests with `make_rng` need not
            be listed. Streams that it looks up with `has_rng`, or splits with `nn.scan` or `nn.vmap`, must be.

    Returns:
        The model. Its `apply` raises ValueError in training mode if the module then creates other variables than it
        did in `init`.

    Raises:
        TypeError: If `module` is not an instance of a Linen module, if `call` is not given and the module has no
            parameter `training`, or if `call` is not a function of three arguments.

    Example:
        >>> import flax.linen as nn
        >>> from jaxdl import models
        >>> model = models.from_linen(nn.Dense(3), lambda module, inputs, training: module(inputs))
        >>> params, stats = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> jax.tree.map(jnp.shape, params), stats
        ({'bias': (3,), 'kernel': (4, 3)}, {})
    """
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be an instance of a Linen module, such as nn.Dense(10), got {format_argument(module)}."
        )
    if call is _call_with_training_flag:
        _check_training_flag(module)
    check_call(call)
    if isinstance(streams, str):
        raise TypeError(f"streams must be a sequence of names, got {streams!r}. Write ({streams!r},).")

    def init(key, inputs):
        return _initial_variables(module, call, key, inputs)

    def init_with_outputs(key, inputs, *, outputs=None):
        return _initial_variables(module if outputs is None else module.clone(outputs=outputs), call, key, inputs)

    def apply(params, stats, inputs, *, key=None):
        check_variables(params, stats)
        training = key is not None
        if training:
            check_key(key)
        rngs = {name: jax.random.fold_in(key, number) for number, name in enumerate(streams)} if training else {}
        try:
            with dropout_errors_explained():
                outputs, updated = module.apply(
                    {"params": params, **stats},
                    jax.tree.map(jnp.asarray, inputs),
                    rngs={**rngs, "params": key} if training else None,  # Flax uses "params" for all streams not listed
                    mutable=list(stats) if training else [],
                    method=lambda module, inputs: call(module, inputs, training),
                )
        except ScopeParamShapeError as error:
            raise ValueError(
                f"inputs of the shape {jax.tree.map(jnp.shape, inputs)} do not fit the parameters, which init made for "
                f"inputs of another shape: {str(error).partition(' (http')[0]}"
            ) from None
        return outputs, _with_structure_of(stats, {**stats, **updated})

    return Model(init if getattr(module, "outputs", 0) is not None else init_with_outputs, apply)


def _initial_variables(module, call, key, inputs) -> tuple[PyTree, Stats]:
    """Return the initial parameters of a module, and its other variables."""
    check_key(key)
    inputs = jax.tree.map(jnp.asarray, inputs)  # otherwise NumPy's float64 would be the dtype of the parameters
    with dropout_errors_explained():
        variables = dict(module.init(key, inputs, method=lambda module, inputs: call(module, inputs, False)))
    return variables.pop("params", {}), variables


def set_outputs(model: Model, outputs: int) -> Model:
    """Return the model with this number of outputs, if it has none."""
    return Model(functools.partial(model.init, outputs=outputs), model.apply) if lacks_outputs(model.init) else model


def check_call(call: Any) -> None:
    """Raise TypeError unless `call` is a function of three arguments."""
    check_function("call", call)
    try:
        inspect.signature(call).bind(None, None, None)
    except TypeError as error:
        raise TypeError(
            f"call must be a function of module, inputs and training, got {format_argument(call)} ({error}). Write "
            "lambda module, inputs, training: module(inputs)."
        ) from None


def check_variables(params: Any, stats: Any) -> None:
    """Raise TypeError unless the variables of `apply` are trees as `init` returns them."""
    for name, tree in (("params", params), ("stats", stats)):
        if not isinstance(tree, Mapping):
            raise TypeError(
                f"{name} must be a dictionary, got {format_argument(tree)}: init returns params and stats, and "
                "apply(params, stats, inputs) takes them one by one."
            )


@contextlib.contextmanager
def dropout_errors_explained() -> Generator[None]:
    """Raise TypeError with jaxdl's own way in place of the error of Flax's dropout for a traced rate."""
    try:
        yield
    except jax.errors.TracerBoolConversionError as error:
        frames = [frame.f_locals.get("self") for frame, _ in traceback.walk_tb(error.__traceback__)]
        if any(isinstance(owner, nn.Dropout) for owner in frames):
            raise TypeError(_TRACED_RATE.format("nn", "models.Dropout(rate)(inputs, training)")) from None
        if any(isinstance(owner, nnx.Dropout) for owner in frames):
            raise TypeError(
                _TRACED_RATE.format("nnx", "functional.dropout(rngs.dropout(), inputs, rate=rate)")
            ) from None
        raise


_TRACED_RATE = (
    "{}.Dropout must have a number as its rate, got one that jax traces, such as a mapped setting of a population: in "
    "training call jaxdl.{} in its place."
)


def check_model(model: Any) -> None:
    """Raise TypeError unless `model` has the functions of a `Model`; name the wrapper for a Flax module."""
    kind = model if isinstance(model, type) else type(model)
    if issubclass(kind, nn.Module):
        advice = "wrap an instance with models.from_linen"
    elif issubclass(kind, nnx.Module):
        advice = "wrap it with models.from_nnx(lambda rngs: ...), which creates the module"
    elif callable(getattr(model, "init", None)) and callable(getattr(model, "apply", None)):
        return
    else:
        advice = "call the factory, such as models.mlp((64,), 10)"
    raise TypeError(f"model must be a Model, got {format_argument(model)}: {advice}.")


def _check_training_flag(module):
    """Raise TypeError if the module cannot be called with `training=...`."""
    parameters = inspect.signature(module.__call__).parameters.values() if callable(module) else ()
    if not any(parameter.name == "training" or parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        raise TypeError(
            f"module must have the parameter training, but {type(module).__name__} has the parameters "
            f"{', '.join(parameter.name for parameter in parameters) or '(none)'}. Give call=lambda module, inputs, "
            "training: module(inputs), and pass the module's own flag there."
        )


def _last_call(before, after):
    """Return the values that the last call appended to a sown tuple."""
    return after[len(before) :] if type(before) is tuple and len(after) > len(before) else after


def _with_structure_of(stats, updated):
    """Return the updated stats in the structure of `stats`; of a sown tuple, keep the values of the last call."""
    try:
        updated = jax.tree.map(_last_call, stats, updated, is_leaf=lambda node: type(node) is tuple)
    except ValueError:
        same_structure = False
    else:
        same_structure = jax.tree.structure(updated) == jax.tree.structure(stats)
    if not same_structure:
        raise ValueError(
            "stats must keep their structure, but the module has other variables in training than in init: "
            f"{jax.tree.structure(updated)} instead of {jax.tree.structure(stats)}. Create the same variables in both."
        )
    return updated
