"""A derivation derives, holds, and would be caught if it did not."""

import ast
import pathlib

import jax
import pytest

import jaxdl.functional
from jaxdl import derivation

PAIRS = derivation.derivations()
FOLDER = pathlib.Path(jaxdl.functional.__file__).parent
DERIVING = {
    *("vjp", "jvp", "grad", "value_and_grad", "jacobian", "jacfwd", "jacrev", "hessian", "linearize"),
    *("linear_transpose", "checkpoint", "remat", "custom_vjp", "custom_jvp", "custom_gradient"),
}


@pytest.fixture(autouse=True)
def strict_promotion():
    with jax.numpy_dtype_promotion("strict"):
        yield


def test_there_are_derivations_to_check():
    assert len(PAIRS) >= 15


def test_every_differentiable_function_has_its_derivation_and_every_derivation_its_function():
    known = derivation.functions()
    plain = {name for name in known if not name.endswith(("_vjp", "_examples"))}
    differentiable = {
        name for name in plain if any("Float" in str(kind) for kind in derivation.arguments_of(known[name]).values())
    }
    derived = {name.removesuffix("_vjp") for name in known if name.endswith("_vjp")}
    assert differentiable == derived
    assert {name.removesuffix("_examples") for name in known if name.endswith("_examples")} <= derived


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_the_hand_derivation_equals_autodiff(pair):
    proof = derivation.compare(pair)
    assert not proof.fault
    assert proof.shapes


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_every_forgery_of_it_is_caught(pair):
    forged, unnoticed = derivation.unnoticed(pair)
    assert forged
    assert not unnoticed


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_no_formula_asks_jax_for_a_derivative(path):
    tree = ast.parse(path.read_text())
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {
        alias.name.split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert not names & DERIVING
