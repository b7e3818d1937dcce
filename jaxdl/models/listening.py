"""Hearing which modules a model calls, in their order, with what, and what each of them costs."""

import contextlib
import contextvars
import re
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import PyTree

from jaxdl.backpropagation import inner_jaxprs, multiply_adds_of

MARK = "jaxdl_call_"


class Call(NamedTuple):
    """One call of a module: where it stands, itself, and what went in first and came out, as shapes and dtypes.

    `inner` is whether it called other modules; the multiply–adds are those outside of these.
    """

    path: str
    module: Any
    inputs: PyTree
    outputs: PyTree
    inner: bool
    multiply_adds: int


_hear: contextvars.ContextVar[Callable | None] = contextvars.ContextVar("hear", default=None)


def listen(f: Callable, *arguments: Any) -> list[Call]:
    """The calls of modules inside `f(*arguments)`, in the order in which they begin; nothing is computed but shapes."""
    calls: list[Call] = []
    under_way: list[int] = []

    def hear(path, module, run, first):
        number = len(calls)
        for outer in under_way[-1:]:
            calls[outer] = calls[outer]._replace(inner=True)
        calls.append(Call(path, module, _shapes(first), None, False, 0))
        under_way.append(number)
        with jax.named_scope(f"{MARK}{number}"):
            outputs = run()
        under_way.pop()
        calls[number] = calls[number]._replace(outputs=_shapes(outputs))
        return outputs

    def intercept(run, positional, keywords, context):
        if context.method_name != "__call__":
            return run(*positional, **keywords)
        first = next(iter((*positional, *keywords.values())), None)
        return hear("/".join(context.module.path), context.module, lambda: run(*positional, **keywords), first)

    token = _hear.set(hear)
    try:
        with nn.intercept_methods(intercept):
            jaxpr = jax.make_jaxpr(lambda *arguments: f(*arguments))(*arguments).jaxpr  # f itself may be cached
    finally:
        _hear.reset(token)
    for number, count in _products(jaxpr, None):
        if number is not None:
            calls[number] = calls[number]._replace(multiply_adds=calls[number].multiply_adds + count)
    return calls


@contextlib.contextmanager
def heard(module: nnx.Module) -> Generator[None]:
    """Let the calls inside an NNX module be heard, as those of Linen modules are: while someone listens."""
    hear = _hear.get()
    if hear is None:
        yield
        return
    places = {id(part): "/".join(map(str, path)) for path, part in nnx.iter_modules(module)}
    kinds = {type(part) for _, part in nnx.iter_modules(module) if callable(part)}
    with contextlib.ExitStack() as after:
        for kind, call in [(kind, kind.__call__) for kind in kinds]:
            if "__call__" in vars(kind):
                after.callback(setattr, kind, "__call__", call)
            else:
                after.callback(delattr, kind, "__call__")
            kind.__call__ = _told(call, hear, places)
        yield


def _told(call, hear, places):
    """The call of a module, told before it is made."""

    def heard_call(part, *positional, **keywords):
        first = next(iter((*positional, *keywords.values())), None)
        return hear(places.get(id(part), type(part).__name__), part, lambda: call(part, *positional, **keywords), first)

    return heard_call


def _shapes(tree):
    """The shapes and dtypes of what is an array."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf)), tree)


def _products(jaxpr: Any, within: int | None, times: int = 1) -> Iterator[tuple[int | None, int]]:
    """The number of the innermost call around each equation, and the multiply–adds of that."""
    for equation in jaxpr.eqns:
        marks = re.findall(rf"{MARK}(\d+)", str(equation.source_info.name_stack))
        number = int(marks[-1]) if marks else within
        yield number, times * multiply_adds_of(equation)
        often = equation.params["length"] if equation.primitive.name == "scan" else 1
        for part in inner_jaxprs(equation):
            yield from _products(part, number, times * often)
