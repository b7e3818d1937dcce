"""Hearing which modules a model calls, in their order, with what, and what each of them costs."""

import contextlib
import contextvars
import functools
import inspect
import itertools
import re
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from flax import nnx
from jaxtyping import PyTree

from jaxdl.backpropagation import count_multiply_adds, inner_jaxprs


class Call(NamedTuple):
    """One call of a module: where it stands, itself, and what went in first and came out, as shapes and dtypes.

    `arguments` are all that went in, by name. `inner` is whether it called other modules; `times` is how often it runs,
    more than once inside a scan, and `multiply_adds` are those of all times, outside of other modules. A call without
    an equation computes nothing, or was traced by Flax only to find shapes.
    """

    path: str
    module: Any
    arguments: dict[str, Any]
    inputs: PyTree
    outputs: PyTree
    inner: bool = False
    times: int = 1
    multiply_adds: int = 0
    equations: int = 0


class Heard(NamedTuple):
    """Calls in the order in which they begin, and the equations, each with the number of the innermost call around.

    `outside` are the multiply–adds in none of the calls.
    """

    calls: list[Call]
    equations: list[tuple[int | None, Any]]
    outside: int


_hear: contextvars.ContextVar[Callable | None] = contextvars.ContextVar("hear", default=None)
_patching = threading.RLock()
_listened = itertools.count()


def listen(f: Callable, *arguments: Any) -> Heard:
    """The calls of modules inside `f(*arguments)`, and the equations; nothing is computed but shapes.

    A module inside a function that was compiled before is not heard by itself.
    """
    mark = f"jaxdl_{next(_listened)}_call_"  # a trace that is cached from an earlier time has other marks
    calls: list[Call] = []
    under_way: list[int] = []

    def hear(path, module, run, positional, keywords):
        number = len(calls)
        for outer in under_way[-1:]:
            calls[outer] = calls[outer]._replace(inner=True)
        given = _bound(module, positional, keywords)
        calls.append(Call(path, module, given, _shapes(next(iter((*positional, *keywords.values())), None)), None))
        under_way.append(number)
        try:
            with jax.named_scope(f"{mark}{number}"):
                outputs = run(*positional, **keywords)
        finally:
            under_way.pop()
        calls[number] = calls[number]._replace(outputs=_shapes(outputs))
        return outputs

    def intercept(run, positional, keywords, context):
        if context.method_name != "__call__":
            return run(*positional, **keywords)
        return hear("/".join(context.module.path), context.module, run, positional, keywords)

    token = _hear.set(hear)
    try:
        with nn.intercept_methods(intercept):
            jaxpr = jax.make_jaxpr(lambda *arguments: f(*arguments))(*arguments).jaxpr  # f itself may be cached
    finally:
        _hear.reset(token)
    found = [*_equations(jaxpr, mark, None, 1)]
    outside = sum(times * count_multiply_adds(equation) for number, equation, times in found if number is None)
    return Heard(_counted(calls, found), [(number, equation) for number, equation, _ in found], outside)


@contextlib.contextmanager
def audible(module: nnx.Module) -> Generator[None]:
    """Let the calls inside an NNX module be heard, as those of Linen modules are: while someone listens."""
    hear = _hear.get()
    if hear is None:
        yield
        return
    places = {id(part): "/".join(map(str, path)) for path, part in nnx.iter_modules(module)}
    kinds = {type(part) for _, part in nnx.iter_modules(module) if callable(part)}
    with _patching, contextlib.ExitStack() as after:
        for kind, call in [(kind, kind.__call__) for kind in kinds]:
            if "__call__" in vars(kind):
                after.callback(setattr, kind, "__call__", call)
            else:
                after.callback(delattr, kind, "__call__")
            kind.__call__ = _told(call, hear, places)
        yield


def _told(call, hear, places):
    """The call of a module, told before it is made to whoever listens in this thread."""

    @functools.wraps(call)
    def heard_call(part, *positional, **keywords):
        if _hear.get() is not hear:
            return call(part, *positional, **keywords)
        return hear(places.get(id(part), type(part).__name__), part, call.__get__(part), positional, keywords)

    return heard_call


def _bound(module, positional, keywords):
    """What a call is given, by name and in its order."""
    return inspect.signature(inspect.unwrap(type(module).__call__)).bind(module, *positional, **keywords).arguments


def _shapes(tree):
    """The shapes and dtypes of what is an array, and None for anything else."""

    def shape(leaf):
        is_array = hasattr(leaf, "shape") and hasattr(leaf, "dtype")
        return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if is_array else None

    return jax.tree.map(shape, tree)


def _equations(jaxpr: Any, mark: str, within: int | None, times: int) -> Iterator[tuple[int | None, Any, int]]:
    """Every equation, with the innermost call around it and how often it runs; of branches the most expensive.

    Of those for different platforms it is the last, for all that have none of their own.
    """
    for equation in jaxpr.eqns:
        marks = re.findall(rf"{mark}(\d+)", str(equation.source_info.name_stack))
        number = int(marks[-1]) if marks else within
        yield number, equation, times
        parts = [*inner_jaxprs(equation)]
        if equation.primitive.name == "cond":
            parts = [parts[-1] if equation.params.get("branches_platforms") else max(parts, key=_cost)]
        often = equation.params["length"] if equation.primitive.name == "scan" else 1
        for part in parts:
            yield from _equations(part, mark, number, times * often)


def _cost(jaxpr):
    """The multiply–adds of a branch."""
    return sum(times * count_multiply_adds(equation) for _, equation, times in _equations(jaxpr, "none", None, 1))


def _counted(calls, found):
    """The calls with what their equations cost."""
    for number, equation, times in found:
        if number is not None:
            call = calls[number]
            calls[number] = call._replace(
                multiply_adds=call.multiply_adds + times * count_multiply_adds(equation),
                times=min(times, call.times) if call.equations else times,  # more often is what it loops over itself
                equations=call.equations + 1,
            )
    return calls
