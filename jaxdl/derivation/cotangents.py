"""Compute the cotangents of examples in float64 and in float32, by hand and by `jax.vjp`."""

import contextlib
import functools
import inspect
import typing
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxdl.derivation.discovery import is_floating, plain_function, round_to_float32
from jaxdl.system.keys import is_key

WITH_NUMPY = "jax cannot differentiate NumPy: write f with jax.numpy, such as jnp.tanh instead of np.tanh"
WITH_VALUES = (
    "jax cannot trace `if`, `while`, `float()` and `int()` of an array: write jnp.where(condition, a, b), and leave "
    "out the conversions"
)
FAST_COMPILATION = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


class Case(NamedTuple):
    """One example of a function, in float64 and in float32, with the cotangents that jax computes.

    Attributes:
        title: Number of the example and its settings, for messages.
        static: Keyword settings that are part of the compiled program, such as a stride.
        names: Names of the floating arguments, which get a cotangent.
        inputs: Triples (g, arguments, traced settings), in float64 and in float32.
        reference: Cotangents by `jax.vjp`, in float64 and in float32.
    """

    title: str
    static: dict[str, Any]
    names: tuple[str, ...]
    inputs: tuple[tuple[Any, tuple, dict[str, Any]], ...]
    reference: tuple[tuple, ...] = ()


class CaseError(ValueError):
    """A function raised an exception in one of the cases."""


@contextlib.contextmanager
def _in_case(title):
    """Raise exceptions as CaseError with the title of the case."""
    try:
        yield
    except jax.errors.TracerArrayConversionError as error:
        raise CaseError(f"{title}: {WITH_NUMPY}") from error
    except jax.errors.ConcretizationTypeError as error:
        raise CaseError(f"{title}: {WITH_VALUES}") from error
    except Exception as error:
        first_line = (str(error).splitlines() or ["no message"])[0]
        raise CaseError(f"{title}: {type(error).__name__}: {first_line}") from error


class Program:
    """A VJP that is compiled once for all shapes and static settings among the cases, and computed on any of them.

    Compilation takes nearly all the time of a comparison. Therefore cases that differ only in their numbers share one
    program. A function that needs the numbers themselves, because it calls NumPy or tests a value, is not compiled.

    Attributes:
        vjp: Function of (g, arguments, settings).
        models: The first case of each shape and static setting, by the key that `_program_key` returns.
    """

    def __init__(self, vjp: Callable, cases: Sequence[Case]):
        self.vjp = vjp
        self.models = {_program_key(like[0]): like[0] for like in by_program(cases)}
        self._run = jax.jit(self._pull, compiler_options=_compiler_options())

    def _pull(self, inputs):
        pulled = []
        for case, (g, arguments, traced) in zip(self.models.values(), inputs, strict=True):
            with _in_case(case.title):
                pulled.append(self.vjp(g, arguments, {**case.static, **traced}))
        return pulled

    def __call__(self, cases: Sequence[Case], precision: int) -> list:
        """Return the cotangents of each case, in float64 (precision = 0) or in float32 (1) as users compute them."""
        waiting: dict[Hashable, list[int]] = {key: [] for key in self.models}
        for number, case in enumerate(cases):
            waiting[_program_key(case)].append(number)
        results: list = [None] * len(cases)
        for turn in range(max(map(len, waiting.values()), default=0)):
            numbers = [numbers[turn] if turn < len(numbers) else None for numbers in waiting.values()]
            chosen = [model if n is None else cases[n] for n, model in zip(numbers, self.models.values(), strict=True)]
            pulled = self._computed([case.inputs[min(precision, len(case.inputs) - 1)] for case in chosen], precision)
            for number, of_case in zip(numbers, pulled, strict=True):
                if number is not None:
                    results[number] = of_case
        return results

    def _computed(self, inputs, precision):
        given = jax.tree.map(lambda leaf: jax.random.clone(leaf) if is_key(leaf) else leaf, inputs)
        with jax.enable_x64(precision == 0), jax.default_matmul_precision("highest"):
            try:
                return jax.device_get(self._run(given))
            except CaseError as failure:
                if not needs_numbers(failure):
                    raise
                self._run = self._pull
                return self._pull(jax.device_put(given))


def by_program(cases: Sequence[Case]) -> list[list[Case]]:
    """Group cases of the same static settings, shapes and dtypes, which one program can compute."""
    groups: dict[Hashable, list[Case]] = {}
    for case in cases:
        groups.setdefault(_program_key(case), []).append(case)
    return list(groups.values())


def _program_key(case) -> Hashable:
    """Return what determines the program of a case besides the precision: static settings, shapes and dtypes."""
    leaves, structure = jax.tree.flatten(case.inputs[0])
    shapes = tuple((leaf.shape, leaf.dtype if leaf.dtype != np.float32 else np.float64) for leaf in leaves)
    settings = tuple((name, type(value), _hashable(value)) for name, value in case.static.items())
    return structure, shapes, settings


def _hashable(value):
    """Return a setting itself, or its identity if it is an array."""
    return value if isinstance(value, Hashable) else id(value)


def needs_numbers(failure) -> bool:
    """Return whether a function failed only because it was compiled."""
    return isinstance(failure.__cause__, jax.errors.JAXTypeError)


def cases_of(f, examples) -> list[Case]:
    """Convert pairs (arguments, settings) to cases, with a random cotangent for each."""
    shapes_of_outputs: dict[Hashable, Any] = {}
    cases = []
    for number, (arguments, settings) in enumerate(examples):
        title = case_title(number, settings)
        with _in_case(title):
            traced = traced_settings(f, settings)
            static = {name: value for name, value in settings.items() if name not in traced}
            case = Case(title, static, _floating_names(f, arguments), ((None, arguments, traced),))
            key = _program_key(case)
            if key not in shapes_of_outputs:
                shapes_of_outputs[key] = _outputs(f, case)
            cases.append(case._replace(inputs=_inputs(shapes_of_outputs[key], arguments, traced)))
    return cases


def traced_settings(f, settings) -> dict[str, np.ndarray]:
    """Return the settings that are annotated as arrays, also those with their default, as arrays."""
    parameters = inspect.signature(f).parameters.values()
    return {
        p.name: round_to_float32(settings.get(p.name, p.default))
        for p in parameters
        if p.kind is p.KEYWORD_ONLY and _is_array_type(getattr(p.annotation, "__value__", p.annotation))
    }


def _is_array_type(annotation) -> bool:
    """Return whether an annotation is a jaxtyping array, or a union that has one."""
    return any(hasattr(member, "dim_str") for member in (annotation, *typing.get_args(annotation)))


def reference_program(f, cases) -> Program:
    """Return the program of the cotangents that jax computes."""
    return Program(lambda g, arguments, settings: jax_vjp(plain_function(f), g, arguments, settings), cases)


def hand_program(f_vjp, cases) -> Program:
    """Return the program of the hand-derived cotangents."""
    return Program(lambda g, arguments, settings: hand_cotangents(f_vjp, g, arguments, settings), cases)


def hand_cotangents(f_vjp, g, arguments, settings):
    """Compute the hand-derived cotangents, as jax arrays."""
    return jax.tree.map(jnp.asarray, f_vjp(g, *arguments, **settings))


def case_title(number, settings) -> str:
    """Return the number of a case and its settings, for messages."""
    return f"case {number}{f' {settings}' if settings else ''}"


def _outputs(f, case) -> Any:
    """Return the shapes of the outputs in float64. Raises TypeError if one has another dtype."""
    _, arguments, traced = case.inputs[0]
    with jax.enable_x64(True), jax.default_matmul_precision("highest"):
        outputs = jax.eval_shape(lambda *a: f(*a, **case.static, **traced), *arguments)
    if not jax.tree.leaves(outputs):
        raise TypeError("f must return an array, got None; end it with a return statement")
    if wrong := [str(leaf.dtype) for leaf in jax.tree.leaves(outputs) if leaf.dtype != np.float64]:
        raise TypeError(
            f"f must return float64 arrays for float64 arguments, got {', '.join(wrong)}; remove conversions to a dtype"
        )
    return outputs


def _inputs(outputs, arguments, traced) -> tuple:
    """Return (g, arguments, settings) in float64 and in float32, with a random cotangent g of the outputs' shapes."""
    g = random_cotangents(outputs, np.float64)
    return (g, arguments, traced), jax.tree.map(to_single, (g, arguments, traced))


def random_cotangents(outputs, dtype) -> Any:
    """Return standard normal cotangents that float32 represents, in the shapes of the outputs."""
    random = np.random.default_rng(1)
    return jax.tree.map(lambda y: round_to_float32(random.standard_normal(y.shape)).astype(dtype), outputs)


def to_single(leaf):
    """Convert float64 to float32."""
    return leaf.astype(np.float32) if is_floating(leaf) else leaf


@functools.cache
def _compiler_options() -> dict[str, Any]:
    """Return the options for fast compilation that this jaxlib knows; every program here runs only once."""

    def is_known(option):
        try:
            jax.jit(lambda: 0, compiler_options=dict([option])).lower().compile()
        except jax.errors.JaxRuntimeError:
            return False
        return True

    return dict(filter(is_known, FAST_COMPILATION.items()))


def jax_vjp(f: Callable, g: Any, arguments: tuple, settings: dict[str, Any]) -> tuple:
    """Compute the cotangents of all floating arguments with `jax.vjp`.

    Args:
        f: The function, called as `f(*arguments, **settings)`.
        g: Cotangent of its output, of the same structure, shapes and dtypes.
        arguments: Positional arguments: arrays, keys or trees.
        settings: Keyword settings.

    Returns:
        One cotangent per argument whose leaves are all floating.

    Example:
        >>> from jaxdl import derivation
        >>> logits, labels = jnp.array([[0.0, 0.0]]), jnp.array([1])
        >>> (cotangent,) = derivation.jax_vjp(F.cross_entropy, jnp.ones(1), (logits, labels), {})
        >>> cotangent.tolist()
        [[0.5, -0.5]]
    """
    places = [place for place, argument in enumerate(arguments) if is_floating(argument)]

    def of_floating(*floating):
        whole = list(arguments)
        for place, argument in zip(places, floating, strict=True):
            whole[place] = argument
        return f(*whole, **settings)

    return jax.vjp(of_floating, *(arguments[place] for place in places))[1](g)


def _floating_names(f, arguments) -> tuple[str, ...]:
    """Return the names of the arguments that get a cotangent; those of `*rest` are rest[0] and so on."""
    names: list[str] = []
    for parameter in inspect.signature(f).parameters.values():
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}[{number}]" for number in range(len(arguments) - len(names))]
        elif parameter.kind is not parameter.KEYWORD_ONLY:
            names.append(parameter.name)
    return tuple(name for name, argument in zip(names, arguments, strict=False) if is_floating(argument))


def nothing_to_compare(cases: Sequence[Case]) -> str:
    """Return a fault if jax's cotangents have no finite number in any case: every VJP would agree with them."""
    cotangents = [leaf for case in cases for leaf in jax.tree.leaves(case.reference[0])]
    if not cotangents or any(np.isfinite(np.asarray(leaf)).any() for leaf in cotangents):
        return ""
    return "no case has a finite cotangent, so nothing is compared: give examples with numbers that f is defined for"
