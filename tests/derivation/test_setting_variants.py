"""Settings that no example tries are combined, drawn, or named."""

from typing import Literal

import numpy as np
import pytest
from jaxtyping import Array, Float

from jaxdl.derivation import Proofs, VJPPair, compare
from jaxdl.derivation.setting_variants import unset_settings, variants_of


def scaled(x: Float[Array, "batch d"], *, temperature: float = 1.0, name: str = "") -> Float[Array, "batch d"]:
    return x / temperature


def scaled_vjp(g, x, *, temperature=1.0, name=""):
    return (g / temperature,)


def ignoring_vjp(g, x, *, temperature=1.0, name=""):
    return (g,)


X = np.ones((2, 3))


def test_setting_that_no_example_sets_is_drawn():
    fault = compare(VJPPair("scaled", scaled, ignoring_vjp), [((X,), {})]).fault
    assert fault.startswith("case 0 with {'temperature': 0.85}: float64 error 1.5e-01")  # 1 - 0.85


def test_setting_that_cannot_be_drawn_is_named_in_the_proof_and_the_table():
    proof = compare(VJPPair("scaled", scaled, scaled_vjp), [((X,), {})])
    assert (proof.fault, proof.unset) == ("", ("name",))
    assert proof.note == "no example sets name: the gradient may ignore it"
    assert proof.note in repr(proof)
    assert "holds; no example sets name" in repr(Proofs(proof))


def test_settings_of_different_examples_are_combined():
    def f(x, *, a=1.0, b=1.0):
        return a * b * x

    def wrong_vjp(g, x, *, a=1.0, b=1.0):
        return ((a * b if a == 1 or b == 1 else a + b) * g,)

    examples = [((X,), {"a": 3.0}), ((X,), {"b": 4.0})]
    assert {"a": 3.0, "b": 4.0} in [{**v.case.static} for v in variants_of(f, examples)]
    assert "'a': 3.0, 'b': 4.0}: float64 error" in compare(VJPPair("f", f, wrong_vjp), examples).fault


@pytest.mark.parametrize(("annotation", "default", "other"), [(bool, True, False), (Literal["a", "b"], "a", "b")])
def test_truth_values_and_choices_are_exchanged(annotation, default, other):
    def f(x, *, setting: annotation = default):
        return x if setting == default else 2 * x

    (variant,) = variants_of(f, [((X,), {})])
    assert (variant.case.static, variant.drawn) == ({"setting": other}, "setting")


def test_example_that_repeats_the_default_does_not_set_it():
    assert unset_settings(scaled, [((X,), {"temperature": 1.0}), ((X,), {"name": "b"})]) == ("temperature",)
