"""The worked examples equal calculations by hand and by jax."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxdl.functional as F
from jaxdl.backpropagation import WORKED_EXAMPLES, worked_example, worked_examples
from jaxdl.reports.worked_examples import write_worked_examples
from jaxdl.runs import files


def values(name):
    return {step.name: np.asarray(step.value).squeeze().tolist() for step in worked_example(name).steps}


def test_xor_equals_the_calculation_by_hand():
    """y = relu(x W + c) w with W all ones, c = (0, -1), w = (1, -1); only the point (1, 1) is wrong."""
    by_hand = {
        "x1": [[0, -1], [1, 0], [1, 0], [2, 1]],
        "x2": [[0, 0], [1, 0], [1, 0], [2, 1]],
        "x3": [0, 1, 1, 1],
        "x4": [0, 0, 0, 1],
        "x5": 0.25,
        "∂L/∂weights5": [-1 / 16, -1 / 16, -1 / 16, 3 / 16],  # (loss - 1/4) / 4
        "∂L/∂x4": [0.25] * 4,
        "∂L/∂targets4": [0, 0, 0, -0.5],
        "∂L/∂x3": [0, 0, 0, 0.5],  # 1/4 · 2 (1 - 0)
        "∂L/∂weights3": [1, 0.5],  # (2, 1) · 1/2
        "∂L/∂bias3": 0.5,
        "∂L/∂x2": [[0, 0], [0, 0], [0, 0], [0.5, -0.5]],  # 1/2 · (1, -1)
        "∂L/∂x1": [[0, 0], [0, 0], [0, 0], [0.5, -0.5]],
        "∂L/∂weights1": [[0.5, -0.5], [0.5, -0.5]],  # (1, 1) times that
        "∂L/∂bias1": [0.5, -0.5],
        "∂L/∂x0": [[0, 0], [0, 0], [0, 0], [0, 0]],  # 1/2 - 1/2
    }
    steps = values("xor")
    assert {name: steps[name] for name in by_hand} == by_hand


def test_classifier_equals_the_calculation_by_hand():
    steps, log3 = values("classifier"), math.log(3)
    by_hand = {
        "x3": [[log3, 0], [0, log3]],
        "x4": [[3 / 4, 1 / 4], [1 / 4, 3 / 4]],
        "x5": [math.log(4 / 3), math.log(4)],
        "∂L/∂x4": [[-2 / 3, 0], [-2, 0]],  # -1/2 · 1/p
        "∂L/∂x3": [[-1 / 8, 1 / 8], [-3 / 8, 3 / 8]],  # (p - t) / 2
        "∂L/∂weights3": [[-1 / 8, 1 / 8], [-3 / 8, 3 / 8]],  # the hidden layer returns the identity matrix
        "∂L/∂bias3": [-1 / 2, 1 / 2],
        "∂L/∂x1": [[-log3 / 8, 0], [0, 3 * log3 / 8]],
        "∂L/∂weights1": [[-log3 / 4, 3 * log3 / 8], [-log3 / 8, 3 * log3 / 4]],
    }
    for name, expected in by_hand.items():
        np.testing.assert_allclose(steps[name], expected, rtol=1e-14, err_msg=name)


def test_convolution_is_the_published_one_and_its_gradient_is_one_patch():
    steps = values("convolution")
    assert steps["x1"] == [[19, 25], [37, 43]]
    assert steps["∂L/∂kernel1"] == [[8, 10], [14, 16]]  # 2 · [[4, 5], [7, 8]]
    assert steps["∂L/∂x0"] == [[0, 0, 0], [0, 0, 2], [0, 4, 6]]  # 2 · [[0, 1], [2, 3]]


def test_normalization_equals_the_calculation_by_hand_and_batch_norm(double):
    steps = values("normalization")
    np.testing.assert_allclose(steps["x2"], [-1, -1 / 3, -1 / 3, 5 / 3], rtol=1e-14)
    np.testing.assert_allclose(steps["∂L/∂x1"], [5 / 6, 5 / 18, 5 / 18, 11 / 18], rtol=1e-14)
    np.testing.assert_allclose(steps["∂L/∂x0"], [1 / 3, -2 / 9, -2 / 9, 1 / 9], rtol=1e-13)
    x, g = (jnp.asarray(steps[name]).reshape(4, 1) for name in ("x0", "∂L/∂x3"))
    scale, bias = jnp.array([3.0]), jnp.array([0.0])
    outputs, pull = jax.vjp(lambda *a: F.batch_norm(*a, epsilon=0.0)[0], x, scale, bias)
    np.testing.assert_allclose(outputs[:, 0], steps["x3"], rtol=1e-14)
    for name, truth in zip(("∂L/∂x0", "∂L/∂scale3", "∂L/∂bias3"), pull(g), strict=True):
        np.testing.assert_allclose(steps[name], truth.squeeze(), rtol=1e-13)


@pytest.mark.parametrize("name", ["cross_entropy_of_probabilities", "center", "standardize", "rescale"])
def test_vjps_of_the_examples_equal_jaxs(name, double, random):
    f, f_vjp = getattr(worked_examples, name), getattr(worked_examples, f"{name}_vjp")
    x = jnp.asarray(random.uniform(0.1, 1, size=(5, 3)))
    arguments = {"cross_entropy_of_probabilities": (x, x[::-1]), "rescale": (x, x[0], x[1])}.get(name, (x,))
    outputs, pull = jax.vjp(f, *arguments)
    g = jnp.asarray(random.normal(size=outputs.shape))
    for hand, truth in zip(f_vjp(g, *arguments), pull(g), strict=True):
        np.testing.assert_allclose(hand, truth, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", WORKED_EXAMPLES)
def test_formula_of_an_example_gives_its_value_and_every_step_is_written_for_the_page(name, tmp_path):
    """The formula, executed as Python with the given numbers, gives L."""
    this = worked_example(name)
    write_worked_examples(tmp_path, [this])
    (page,) = files.read_json(tmp_path / "pages.json")
    assert [step["name"] for step in page["steps"]] == [step.name for step in this.steps]
    assert all(step["shape"] and step["value"] for step in page["steps"])
    with jax.enable_x64(True):
        given = {step.name: jnp.asarray(step.value) for step in this.steps if not step.formula}
        known = {**vars(jnp), **vars(F), **vars(worked_examples), **given}
        exec(this.formula, known)
    result = known[this.formula.split(" ", 1)[0]] if name != "scalars" else known["g"]
    last = [step for step in this.steps if not step.name.startswith("∂")][-1]
    np.testing.assert_allclose(result, last.value, rtol=1e-14)


def test_unknown_example_raises():
    with pytest.raises(ValueError, match="unknown worked example 'xorr'. Available: xor, classifier, "):
        worked_example("xorr")
