"""Record the calls of Flax modules inside a function: their order, their inputs and outputs, and what each costs."""

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
    """One call of a module.

    Attributes:
        path: Names from the outermost module to this one, joined by /.
        module: The module.
        arguments: The arguments of the call, by name.
        inputs: Shapes and dtypes of the first argument.
        outputs: Shapes and dtypes of the result.
        calls_others: Whether the module called other modules.
        times: How often the call runs: more than once inside a scan.
        multiply_adds: Multiply-adds of all runs, without those of other modules that it calls.
        equations: Number of equations of its own. A call without any computes nothing, or Flax traced it only to find
            shapes.
    """

    path: str
    module: Any
    arguments: dict[str, Any]
    inputs: PyTree
    outputs: PyTree
    calls_others: bool = False
    times: int = 1
    multiply_adds: int = 0
    equations: int = 0


class Recording(NamedTuple):
    """The calls of modules inside a function.

    Attributes:
        calls: The calls, in the order in which they begin.
        equations: Every equation of the function's jaxpr, with the number of the innermost call around it, or None.
        outside: Multiply-adds outside of all calls.
    """

    calls: list[Call]
    equations: list[tuple[int | None, Any]]
    outside: int


_active_recorder: contextvars.ContextVar[Callable | None] = contextvars.ContextVar("active_recorder", default=None)
_patching = threading.RLock()
_recordings = itertools.count()


def record_calls(f: Callable, *arguments: Any) -> Recording:
    """Trace `f(*arguments)` and return the calls of Flax modules in it. Only shapes are computed.

    Modules inside a function that was already compiled are counted with the module that calls it.
    """
    mark = f"jaxdl_{next(_recordings)}_call_"  # unique, because jax caches traces with the marks of earlier recordings
    calls: list[Call] = []
    open_calls: list[int] = []

    def record(path, module, run, positional, keywords):
        number = len(calls)
        for caller in open_calls[-1:]:
            calls[caller] = calls[caller]._replace(calls_others=True)
        bound = _bind(module, positional, keywords)
        calls.append(Call(path, module, bound, _shapes(next(iter((*positional, *keywords.values())), None)), None))
        open_calls.append(number)
        try:
            with jax.named_scope(f"{mark}{number}"):
                outputs = run(*positional, **keywords)
        finally:
            open_calls.pop()
        calls[number] = calls[number]._replace(outputs=_shapes(outputs))
        return outputs

    def intercept(run, positional, keywords, context):
        if context.method_name != "__call__":
            return run(*positional, **keywords)
        return record("/".join(context.module.path), context.module, run, positional, keywords)

    token = _active_recorder.set(record)
    try:
        with nn.intercept_methods(intercept):
            jaxpr = jax.make_jaxpr(lambda *arguments: f(*arguments))(*arguments).jaxpr  # jax may have f itself in cache
    finally:
        _active_recorder.reset(token)
    found = [*_equations(jaxpr, mark, None, 1)]
    outside = sum(times * count_multiply_adds(equation) for number, equation, times in found if number is None)
    return Recording(_with_costs(calls, found), [(number, equation) for number, equation, _ in found], outside)


@contextlib.contextmanager
def record_nnx_calls(module: nnx.Module) -> Generator[None]:
    """Let the recorder of this thread, if there is one, see the calls inside an NNX module, as it sees Linen modules.

    NNX has no interception of methods, so the classes' `__call__` are replaced meanwhile and restored at the end.
    """
    record = _active_recorder.get()
    if record is None:
        yield
        return
    paths = {id(part): "/".join(map(str, path)) for path, part in nnx.iter_modules(module)}
    classes = {type(part) for _, part in nnx.iter_modules(module) if callable(part)}
    with _patching, contextlib.ExitStack() as restore:
        for cls, call in [(cls, cls.__call__) for cls in classes]:
            if "__call__" in vars(cls):
                restore.callback(setattr, cls, "__call__", call)
            else:
                restore.callback(delattr, cls, "__call__")
            cls.__call__ = _recorded(call, record, paths)
        yield


def _recorded(call, record, paths):
    """Return the `__call__` of a module with recording, for the thread whose recorder this is."""

    @functools.wraps(call)
    def recorded_call(part, *positional, **keywords):
        if _active_recorder.get() is not record:
            return call(part, *positional, **keywords)
        return record(paths.get(id(part), type(part).__name__), part, call.__get__(part), positional, keywords)

    return recorded_call


def _bind(module, positional, keywords):
    """Return the arguments of a call by name."""
    return inspect.signature(inspect.unwrap(type(module).__call__)).bind(module, *positional, **keywords).arguments


def _shapes(tree):
    """Return the tree with the shape and dtype of each array, and None for any other leaf."""
    is_array = lambda leaf: hasattr(leaf, "shape") and hasattr(leaf, "dtype")  # noqa: E731
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if is_array(leaf) else None, tree)


def _equations(jaxpr: Any, mark: str, within: int | None, times: int) -> Iterator[tuple[int | None, Any, int]]:
    """Yield every equation with the number of the innermost call around it, and how often it runs.

    Of the branches of a cond only the most expensive one is visited; of branches for different platforms only the last,
    which is the default.
    """
    for equation in jaxpr.eqns:
        marks = re.findall(rf"{mark}(\d+)", str(equation.source_info.name_stack))
        number = int(marks[-1]) if marks else within
        yield number, equation, times
        parts = [*inner_jaxprs(equation)]
        if equation.primitive.name == "cond":
            parts = [parts[-1] if equation.params.get("branches_platforms") else max(parts, key=_cost)]
        repeats = equation.params["length"] if equation.primitive.name == "scan" else 1
        for part in parts:
            yield from _equations(part, mark, number, times * repeats)


def _cost(jaxpr):
    """Return the multiply-adds of a branch."""
    return sum(times * count_multiply_adds(equation) for _, equation, times in _equations(jaxpr, "none", None, 1))


def _with_costs(calls, found):
    """Return the calls with the costs of their equations."""
    for number, equation, times in found:
        if number is not None:
            call = calls[number]
            calls[number] = call._replace(
                multiply_adds=call.multiply_adds + times * count_multiply_adds(equation),
                times=min(times, call.times) if call.equations else times,  # a loop inside the call repeats its body
                equations=call.equations + 1,
            )
    return calls
