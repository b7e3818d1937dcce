"""Every function has a hand-derived VJP that equals jax's, and whose mutants are all detected."""

import ast
import inspect
import itertools
import pathlib

import jax
import numpy as np
import pytest

import jaxdl.functional
from jaxdl import derivation
from jaxdl.derivation.cotangents import traced_settings

PAIRS = derivation.vjp_pairs()
REST = [pair for number, pair in enumerate(PAIRS) if number % 4]
FOLDER = pathlib.Path(jaxdl.functional.__file__).parent
AUTODIFF = {
    *("vjp", "jvp", "grad", "value_and_grad", "jacobian", "jacfwd", "jacrev", "hessian", "linearize"),
    *("linear_transpose", "checkpoint", "remat", "custom_vjp", "custom_jvp", "custom_gradient"),
}


@pytest.fixture(autouse=True)
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_there_are_vjps_to_check():
    assert len(PAIRS) >= 15


def test_every_differentiable_function_has_a_vjp_and_every_vjp_a_function():
    known = derivation.functions()
    plain = {name for name in known if not name.endswith(("_vjp", "_examples"))}
    differentiable = {
        name for name in plain if any("Float" in str(kind) for kind in derivation.arguments_of(known[name]).values())
    }
    with_vjp = {name.removesuffix("_vjp") for name in known if name.endswith("_vjp")}
    assert differentiable == with_vjp
    assert {name.removesuffix("_examples") for name in known if name.endswith("_examples")} <= with_vjp


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_hand_derived_vjp_equals_autodiff(pair):
    proof = derivation.compare(pair)
    assert not proof.fault
    assert proof.shapes


@pytest.mark.parametrize(
    "pair", [*PAIRS[::4], *(pytest.param(pair, marks=pytest.mark.slow) for pair in REST)], ids=lambda pair: pair.name
)
def test_every_mutant_is_detected(pair):
    total, surviving = derivation.surviving_mutants(pair)
    assert total
    assert not surviving


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_examples_combine_the_settings_in_pairs(pair):
    """Settings that are arrays are combined by the edge cases. The others need an example with several rows."""
    examples = derivation.examples(pair.f)
    arrays = set(traced_settings(pair.f, {}))
    parameters = inspect.signature(pair.f).parameters.values()
    static = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in arrays}
    combined = {
        both
        for arguments, settings in examples
        if max(np.shape(leaf)[0] for leaf in jax.tree.leaves(arguments) if np.ndim(leaf)) > 1
        for both in itertools.combinations(
            sorted(f"{n}=SAME" if isinstance(v, str) else n for n, v in settings.items()), 2
        )
    }
    changed = sorted(name for name in static if name != "padding")
    expected = set(itertools.combinations(changed, 2))
    if "padding" in static:
        expected |= {tuple(sorted((name, padding))) for name in changed for padding in ("padding", "padding=SAME")}
    assert expected <= combined


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_formula_uses_autodiff(path):
    tree = ast.parse(path.read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        alias.name.split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert not names & AUTODIFF
