"""Public functions document their arguments and show an example that runs.

Public is what a package lists in `__all__`. `make test` runs the cheapest example of each module; with JAXDL_TESTS=all,
as in `.ci/run`, every example runs.
"""

import doctest
import importlib
import inspect
import os
import pkgutil
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl
import jaxdl.functional as F

MODULES = [
    importlib.import_module(info.name)
    for info in pkgutil.walk_packages(jaxdl.__path__, "jaxdl.")
    if not info.name.endswith("__main__")
]
PACKAGES = [module for module in MODULES if hasattr(module, "__path__")]
SHOWN = {"cli", "system"}  # packages of the program, not of the library: they have no public API
LIBRARY = [module for module in MODULES if module.__name__.split(".")[1] not in SHOWN]
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in LIBRARY
    for name in getattr(module, "__all__", ())
    if not name.endswith(("_vjp", "_examples"))
}
FUNCTIONS = {name: inspect.unwrap(thing) for name, thing in PUBLIC.items() if inspect.isfunction(inspect.unwrap(thing))}
SECTIONS = ("Args:", "Returns:", "Yields:", "Raises:", "References:", "Example:")
NAMES = {"jax": jax, "jnp": jnp, "np": np, "F": F}  # names that every example may use without importing them


def parameters_of(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("package", [jaxdl, *PACKAGES], ids=lambda m: m.__name__)
def test_a_package_has_an_overview_and_lists_its_public_names(package):
    assert len(package.__doc__.split()) >= 8
    assert len(set(package.__all__)) == len(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    if package.__all__:
        assert dir(package) == sorted(package.__all__), "tab completion shows the public names only"
    else:
        assert "private part" in package.__doc__


@pytest.mark.parametrize("package", [jaxdl, *PACKAGES], ids=lambda m: m.__name__)
def test_the_overview_of_a_package_names_everything_public(package):
    """The overview of `functional` describes the `f_vjp` of all functions in one sentence."""
    names = {name for name in package.__all__ if not name.endswith("_vjp")}
    assert names - set(re.findall(r"\w+", package.__doc__)) == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_documents_its_parameters_and_shows_an_example(name):
    function = FUNCTIONS[name]
    lines = [line.strip() for line in inspect.getdoc(function).splitlines()]
    assert "Example:" in lines
    assert any(line.startswith(">>>") for line in lines)
    if len(parameters_of(function)) > 2:
        assert "Args:" in lines
    sections = [line for line in lines if line in SECTIONS]
    assert sections == sorted(sections, key=SECTIONS.index), "sections have one order"
    if "Args:" in lines:
        described = "\n".join(lines[lines.index("Args:") :])
        for parameter in parameters_of(function):
            assert parameter in described, f"Args lacks {parameter}"


@pytest.mark.parametrize("name", PUBLIC)
def test_a_summary_starts_with_a_verb_or_a_noun(name):
    thing = PUBLIC[name]
    if callable(thing) and inspect.getdoc(thing):
        first = inspect.getdoc(thing).split()[0]
        assert first not in ("What", "Whether", "How", "Which", "Where", "Of", "As", "Is", "Are", "It")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_prints_short_annotations(name):
    """A result of several arrays may be longer, because its annotation documents their shapes."""
    signature = inspect.signature(FUNCTIONS[name])
    parameters = [inspect.formatannotation(parameter.annotation) for parameter in signature.parameters.values()]
    result = inspect.formatannotation(signature.return_annotation)
    assert not [text for text in parameters if len(text) > 80]
    assert len(result) <= 120 or "jaxtyping." in result


def test_help_prints_a_learning_rate_by_its_name():
    assert "(learning_rate: LearningRate, " in str(inspect.signature(jaxdl.optimizers.adam))


def examples_in(module):
    """Return the doctests of the functions and classes that a module defines."""
    parser, found = doctest.DocTestParser(), []
    for name, thing in vars(module).items():
        thing = inspect.unwrap(thing) if callable(thing) else thing
        if getattr(thing, "__module__", None) == module.__name__ and getattr(thing, "__doc__", None):
            found.append(parser.get_doctest(thing.__doc__, dict(NAMES), name, module.__file__, 0))
    return [test for test in found if test.examples]


def trains(test):
    return any(call in example.source for example in test.examples for call in ("fit(", "train(", "resume("))


def chosen(tests):
    """Return all examples with JAXDL_TESTS=all, else the shortest, if possible one that trains nothing."""
    if os.environ.get("JAXDL_TESTS") == "all":
        return tests
    return [min(tests, key=lambda test: (trains(test), len(test.examples)))]


EXAMPLES = {module.__name__: tests for module in MODULES if (tests := examples_in(module))}


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_print_what_they_show(module):
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report = []
    with jax.debug_key_reuse(False):  # an example may use a key twice
        for test in chosen(EXAMPLES[module]):
            runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_there_are_examples():
    assert sum(map(len, EXAMPLES.values())) > 200
