"""The signatures of the functional API follow the same conventions."""

import importlib
import inspect
import pkgutil

import jax
import pytest

import jaxdl
import jaxdl.functional
from jaxdl import derivation

FUNCTIONS = {name: f for name, f in derivation.functions().items() if not name.endswith(("_vjp", "_examples"))}
DERIVATIONS = {name: f for name, f in derivation.functions().items() if name.endswith("_vjp")}
MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(jaxdl.__path__, "jaxdl.")
    if not info.name.endswith("__main__")
]
PUBLIC = {
    f"{module.__name__}.{name}": thing
    for module in MODULES
    for name, thing in inspect.getmembers(module)
    if not name.startswith("_")
    and getattr(thing, "__module__", None) == module.__name__
    and (inspect.isfunction(thing) or inspect.isclass(thing))
}


def of(functions):
    return pytest.mark.parametrize("f", functions.values(), ids=functions.keys())


@of(FUNCTIONS)
def test_arguments_are_data_and_settings_are_keyword_only_with_a_default(f):
    for parameter in inspect.signature(f).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert parameter.default is not parameter.empty
        else:
            assert parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            assert parameter.default is parameter.empty


@of(FUNCTIONS)
def test_everything_is_annotated_and_nothing_is_a_switch(f):
    signature = inspect.signature(f)
    kinds = {name: p.annotation for name, p in signature.parameters.items()} | {"": signature.return_annotation}
    assert inspect.Signature.empty not in kinds.values()
    switches = {"count_include_pad", "swap", "reset_after"}  # the names in PyTorch and Keras
    assert {name for name, kind in kinds.items() if kind is bool} <= switches


@of(FUNCTIONS)
def test_a_key_comes_first(f):
    names = list(inspect.signature(f).parameters)
    assert "key" not in names[1:]


@of(FUNCTIONS | DERIVATIONS)
def test_the_docstring_gives_the_formula(f):
    assert f.__doc__.count("$") >= 2, "the formula, in LaTeX"
    assert f.__doc__.split("\n")[0].endswith((".", "!", "?", ",")) or "$" in f.__doc__.split("\n")[0]


@of(DERIVATIONS)
def test_the_derivation_stands_directly_below_its_function(f):
    source = inspect.getsource(inspect.getmodule(inspect.unwrap(f)))
    definitions = [line.removeprefix("def ").split("(")[0] for line in source.splitlines() if line.startswith("def ")]
    name = f.__name__
    assert definitions.index(name) == definitions.index(name.removesuffix("_vjp")) + 1


@of({name: f for name, f in FUNCTIONS.items() if "kink" in f.__doc__})
def test_what_has_a_kink_has_examples_on_it(f):
    assert hasattr(inspect.getmodule(inspect.unwrap(f)), f"{f.__name__}_examples")


@of(FUNCTIONS | DERIVATIONS)
def test_it_is_a_plain_function_and_exported(f):
    assert not isinstance(f, jax.custom_vjp | jax.custom_jvp)
    assert getattr(jaxdl.functional, f.__name__) is f
    assert f.__name__ != f.__module__.split(".")[-1]


@pytest.mark.parametrize("thing", PUBLIC.values(), ids=PUBLIC.keys())
def test_every_public_name_is_documented_and_passes_no_keywords_on(thing):
    assert inspect.getdoc(thing)
    if inspect.isfunction(thing):
        checks_names = thing.__module__ == "jaxdl.functional._arguments"
        assert checks_names or all(p.kind is not p.VAR_KEYWORD for p in inspect.signature(thing).parameters.values())


def test_there_is_much_that_is_public():
    assert len(PUBLIC) > 60


@of({name: f for name, f in FUNCTIONS.items() if f"{name}_vjp" in DERIVATIONS})
def test_lists_in_place_of_arrays_raise_one_sentence(unchecked, f):
    arguments = derivation.arguments_of(f)
    if any(hasattr(kind, "dim_str") for kind in arguments.values()):  # penalties take trees
        with pytest.raises(
            TypeError, match=r"^\w+ must be (a random key, such as .*|a jax or numpy array), got list\.$"
        ):
            unchecked(f)(*[[1.0]] * len(arguments))
