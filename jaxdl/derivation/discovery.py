"""Find all functions with a hand-derived VJP, and arguments to try them on."""

import difflib
import importlib
import inspect
import itertools
import pkgutil
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxdl.functional
from jaxdl._formatting import format_argument
from jaxdl.system.keys import is_key

BATCHES = (10, 1, 100)  # a wrong sum over the batch can go undetected in one row, or be visible only in many


ADVICE_ON_OWN = " For one of your own, pass prove the function, or jaxdl check the file: jaxdl check FILE.py NAME."


class VJPPair(NamedTuple):
    """A function and its hand-derived VJP.

    Attributes:
        name: Name of the function.
        f: The function, `f(*arguments, **settings)`.
        f_vjp: Its VJP, `f_vjp(g, *arguments, **settings)`. It returns a tuple of one cotangent per floating argument.
    """

    name: str
    f: types.FunctionType
    f_vjp: types.FunctionType


def functions(package: types.ModuleType = jaxdl.functional) -> dict[str, types.FunctionType]:
    """Return all public functions that the modules of a package define, by name.

    Args:
        package: An imported package, or a single module. Modules whose name starts with an underscore are skipped.

    Returns:
        Functions by name, including `f_vjp` and `f_examples`.

    Raises:
        TypeError: If the argument is not a module.

    Example:
        >>> from jaxdl import derivation
        >>> sorted(name for name in derivation.functions() if name.startswith("softplus"))
        ['softplus', 'softplus_examples', 'softplus_vjp']
    """
    check_module(package)
    modules = [package]
    if hasattr(package, "__path__"):
        names = [info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_")]
        modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {
        name: function
        for module in modules
        for name, value in inspect.getmembers(module, callable)
        if inspect.isfunction(function := plain_function(value))
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


def check_module(package: Any) -> None:
    """Raise TypeError unless the argument is a module."""
    if not isinstance(package, types.ModuleType):
        raise TypeError(
            f"package must be an imported module, got {format_argument(package)}: import the module that defines f and "
            "f_vjp, and pass examples to prove as examples=[...], and a pair as VJPPair(name, f, f_vjp)."
        )


def plain_function(f: Any) -> Any:
    """Return the Python function inside `jax.jit` or `jax.custom_vjp`, so that jax differentiates its code."""
    return f if inspect.isfunction(f) else inspect.unwrap(f)


def vjp_pairs(package: types.ModuleType = jaxdl.functional) -> list[VJPPair]:
    """Return all pairs `f`, `f_vjp` of a package.

    Args:
        package: An imported package, or a single module.

    Returns:
        One pair per function whose name followed by `_vjp` is a function too.

    Example:
        >>> from jaxdl import derivation
        >>> sorted(pair.name for pair in derivation.vjp_pairs() if pair.name.endswith("tanh"))
        ['gelu_tanh', 'hard_tanh', 'tanh']
    """
    known = functions(package)
    return [VJPPair(name, f, known[f"{name}_vjp"]) for name, f in known.items() if f"{name}_vjp" in known]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question with the known name that is most like this one, or an empty text."""
    similar = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {similar[0]!r}?" if similar else ""


def select_pairs(mine: Any, package: Any) -> list[tuple[VJPPair, bool]]:
    """Return the pairs that `prove` compares, and whether each of them was passed instead of named.

    Raises TypeError for something other than names, functions and pairs, and ValueError for an unknown name.
    """
    if isinstance(mine, types.ModuleType):
        mine, package = (), mine
    check_module(package)
    known = {pair.name: pair for pair in vjp_pairs(package)}
    is_single = isinstance(mine, str | VJPPair) or callable(mine) or hasattr(mine, "shape")
    several = [mine] if is_single or not isinstance(mine, Iterable) else list(mine)
    if not known and not several:
        raise ValueError(f"{package.__name__} has no pair of functions f and f_vjp: define the gradient of f as f_vjp.")
    for name in several:
        if isinstance(name, str) and name not in known:
            advice = ADVICE_ON_OWN if package is jaxdl.functional else ""
            raise ValueError(
                f"unknown function {name!r}.{did_you_mean(name, known)} "
                f"Functions with a hand-derived VJP: {', '.join(sorted(known))}.{advice}"
            )
    return [
        (known[each], False) if isinstance(each, str) else (as_pair(each), True) for each in several or sorted(known)
    ]


def as_pair(pair: Any) -> VJPPair:
    """Return a pair itself, or a function together with the `f_vjp` defined beside it."""
    check_pair(pair)
    return pair if isinstance(pair, VJPPair) else pair_of(pair)


def check_pair(pair: Any) -> None:
    """Raise TypeError unless the argument is a pair of two functions, or a function."""
    if isinstance(pair, types.ModuleType):
        advice = "pass the module alone to prove, or one of its functions"
    elif isinstance(pair, str):
        advice = "pass the function itself, not its name"
    else:
        advice = "pass f itself, with f_vjp defined beside it"
    if not (isinstance(pair, VJPPair) or callable(pair)):
        raise TypeError(
            f"a pair must be a function f or VJPPair(name, f, f_vjp), got {format_argument(pair)}: {advice}."
        )
    for f in pair[1:] if isinstance(pair, VJPPair) else ():
        if not callable(f):
            raise TypeError(
                f"a VJPPair must hold a name and two functions, got {format_argument(f)}: pass f and f_vjp."
            )


def pair_of(f: Any) -> VJPPair:
    """Return a function together with the `f_vjp` defined beside it. Raises ValueError if there is none."""
    f_vjp = _beside(f, "_vjp")
    name = getattr(f, "__name__", type(f).__name__)
    if f_vjp is not None and not callable(f_vjp):
        raise TypeError(
            f"{name}_vjp must be a function, got {format_argument(f_vjp)}: define the gradient of {name} as it."
        )
    if f_vjp is None:
        base = name.removesuffix("_vjp")
        if base != name and base in getattr(inspect.unwrap(f), "__globals__", {}):
            raise ValueError(f"{name} is a VJP itself: pass {base}, the function that it belongs to.")
        raise ValueError(
            f"{name} has no hand-derived VJP: no function {name}_vjp is defined beside it. "
            f"Define it there, or pass VJPPair({name!r}, {name}, its_vjp)."
        )
    return VJPPair(f.__name__, f, f_vjp)


def _beside(f, suffix) -> Any:
    """Return what is named like `f` with a suffix: a variable of its module, or of the active call that defined `f`."""
    plain = inspect.unwrap(f)
    name = f"{getattr(plain, '__name__', '')}{suffix}"
    scope, nested, _ = getattr(plain, "__qualname__", "").rpartition(".<locals>.")
    frame = inspect.currentframe() if nested else None
    while frame is not None:
        if frame.f_code.co_qualname == scope and frame.f_globals is plain.__globals__ and name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
    return None if nested else getattr(plain, "__globals__", {}).get(name)


def as_cases(f: Callable, examples: Any) -> list[tuple[tuple, dict[str, Any]]]:
    """Return examples as pairs (arguments, settings). Raises ValueError if one does not fit the signature of f."""
    cases = []
    signature = inspect.signature(f)
    arguments = [name for name, p in signature.parameters.items() if p.kind is not p.KEYWORD_ONLY]
    if not isinstance(examples, Iterable) or isinstance(examples, dict | str) or hasattr(examples, "shape"):
        raise TypeError(
            f"examples must be a list of tuples of arguments, such as [{_tuple_of(arguments)}], got "
            f"{format_argument(examples)}: write a tuple for each example, and put them into a list."
        )
    for number, example in enumerate(examples):
        if not isinstance(example, tuple):
            raise ValueError(
                f"each example must be a tuple of arguments or a pair (arguments, settings), such as "
                f"[{_tuple_of(arguments)}], but example {number} is a {type(example).__name__}."
            )
        given, settings = example, {}
        match example:
            case (tuple() | list(), dict(named)) if set(named) <= set(signature.parameters):
                given, settings = tuple(example[0]), named
        call = f"{getattr(f, '__name__', 'f')}({', '.join(signature.parameters)})"
        _check_settings_apart(number, call, example, signature)
        try:
            bound = signature.bind(*given, **settings)
        except TypeError as error:
            unknown = _unknown_setting(example, signature) or _by_position(given, arguments, signature)
            raise ValueError(f"example {number} does not fit {call}: {unknown or f'{error}.'}") from None
        _check_arrays(number, call, bound.args)
        cases.append((given, settings))
    if not cases:
        raise ValueError("examples must hold at least one tuple of arguments, got none.")
    return cases


def _tuple_of(names) -> str:
    """Return names as the text of a tuple."""
    return f"({', '.join(names)}{',' * (len(names) == 1)})"


def _by_position(given, arguments, signature) -> str:
    """Return a sentence about settings that an example gives by position, if there are any."""
    settings = [name for name in signature.parameters if name not in arguments]
    if len(given) <= len(arguments) or not settings:
        return ""
    return (
        f"{' and '.join(settings)} must be given by name, in a pair (arguments, settings): "
        f'({_tuple_of(arguments)}, {{"{settings[0]}": ...}}).'
    )


def _check_settings_apart(number, call, example, signature) -> None:
    """Raise ValueError for arguments followed by a dictionary of settings, without a tuple around the arguments."""
    match example:
        case (first, *_, dict(named)) if named and not (len(example) == 2 and isinstance(first, tuple | list)):
            optional = [name for name, p in signature.parameters.items() if p.default is not p.empty]
            if set(named) <= set(optional):
                arguments = _tuple_of([*signature.parameters][: len(example) - 1])
                settings = ", ".join(f'"{name}": ...' for name in named)
                raise ValueError(
                    f"example {number} of {call} must have its arguments in a tuple of their own, before the "
                    f"settings: write ({arguments}, {{{settings}}})."
                )


def _unknown_setting(example, signature) -> str:
    """Return a sentence about the first setting of an example that the function does not take, if any."""
    match example:
        case (*_, dict(named)):
            unknown = next((name for name in named if name not in signature.parameters), None)
            if isinstance(unknown, str):
                return f"unknown setting {unknown!r}.{did_you_mean(unknown, signature.parameters)}"
    return ""


def _check_arrays(number, call, arguments) -> None:
    """Raise ValueError for a list of numbers, or if no argument is floating."""
    for argument in arguments:
        leaves = jax.tree.leaves(argument)
        if isinstance(argument, list) and all(isinstance(leaf, int | float) for leaf in leaves):
            raise ValueError(
                f"arguments must be arrays, but example {number} of {call} has a list: convert it with np.array."
            )
    if not any(map(is_floating, filter(jax.tree.leaves, arguments))):
        raise ValueError(
            f"at least one argument must be floating, but example {number} of {call} has only integers: convert those "
            f"that get a gradient with astype(float)."
        )


def examples(f: types.FunctionType) -> list[tuple[tuple, dict[str, Any]]]:
    """Return the (arguments, settings) on which `compare` evaluates `f`.

    If the module of `f` defines `f_examples(random)`, they come from there. Otherwise they are random arrays of the
    annotated shapes, with a different size for every axis, for batches of 10, 1 and 100 examples.

    Args:
        f: A function whose arguments have jaxtyping annotations, or that has an `f_examples`.

    Returns:
        Pairs of positional arguments and keyword settings. Floats are float64 NumPy arrays that float32 represents
        exactly.

    Raises:
        TypeError: If there is no `f_examples`, and an argument has no shape in its annotation or is not Float, Int,
            Integer or Key.

    Example:
        >>> from jaxdl import derivation
        >>> [[a.shape for a in arguments] for arguments, settings in derivation.examples(F.dense)]
        [[(10, 8), (8, 6), (6,)], [(1, 8), (8, 6), (6,)], [(100, 8), (8, 6), (6,)]]
    """
    random = np.random.default_rng(0)
    own_examples = _beside(f, "_examples")
    if own_examples:
        cases = as_cases(f, list(own_examples(random)))
    else:
        cases = [(tuple(_random_arguments(f, random, batch)), {}) for batch in BATCHES]
    return rounded(cases)


def rounded(cases: list) -> list[tuple[tuple, dict[str, Any]]]:
    """Return cases with all floats rounded to float32 numbers, as float64 NumPy arrays."""
    return [(jax.tree.map(round_to_float32, tuple(arguments)), settings) for arguments, settings in cases]


def _random_arguments(f, random, batch) -> Iterator[Any]:
    """Draw arguments of the annotated shapes: floats are standard normal, integers are 0, 1 or 2."""
    new_sizes = itertools.count(9, -1)  # decreasing, so that a window named after its image fits inside it
    sizes: dict[str, int] = {"batch": batch}
    for name, annotation in arguments_of(f).items():
        if not hasattr(annotation, "dim_str"):
            raise TypeError(
                f"{f.__name__}({name}) has no shape annotation. Annotate it, or write {f.__name__}_examples(random), "
                f"or pass examples to prove."
            )
        axes = [axis for dim in annotation.dim_str.split() for axis in ([dim, f"{dim}'"] if dim[0] == "*" else [dim])]
        for axis in axes:
            sizes.setdefault(axis, int(axis) if axis.isdigit() else next(new_sizes))
        shape = tuple(sizes[axis] for axis in axes)
        match annotation.dtype.__name__:
            case "Float" | "Float32" | "Float64":
                yield random.standard_normal(shape)
            case "Int" | "Integer":
                yield random.integers(0, 3, shape)
            case "Key":
                yield jax.random.key(0)
            case kind:
                raise TypeError(
                    f"{f.__name__}({name}) is annotated as {kind}, which cannot be drawn at random. "
                    f"Write {f.__name__}_examples(random)."
                )


def arguments_of(f: Callable) -> dict[str, Any]:
    """Return the annotations of the positional arguments of `f`, without the keyword-only settings.

    Args:
        f: Any function.

    Returns:
        Annotations by the name of the argument.

    Example:
        >>> from jaxdl import derivation
        >>> list(derivation.arguments_of(F.huber))
        ['predictions', 'targets']
    """
    try:
        parameters = inspect.signature(f, eval_str=True).parameters.values()  # annotations may be strings
    except (NameError, SyntaxError):
        parameters = inspect.signature(f).parameters.values()
    return {p.name: p.annotation for p in parameters if p.kind is not p.KEYWORD_ONLY}


def is_floating(argument: Any) -> bool:
    """Return whether all leaves of an argument are floating, so that it gets a cotangent.

    Args:
        argument: An array, a number, a key or a tree of these.

    Returns:
        True if every leaf has a floating dtype.

    Example:
        >>> from jaxdl import derivation
        >>> derivation.is_floating({"weights": jnp.ones(3)}), derivation.is_floating((1.0, 2))
        (True, False)
    """
    return all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in jax.tree.leaves(argument))


def round_to_float32(leaf):
    """Round floats to float32 numbers, so that both precisions start from the same inputs; int64 becomes int32."""
    if is_key(leaf):
        return leaf
    leaf = np.asarray(leaf)
    if jnp.issubdtype(leaf.dtype, jnp.floating):
        return leaf.astype(np.float32).astype(np.float64)
    return leaf.astype(np.int32) if leaf.dtype == np.int64 else leaf
