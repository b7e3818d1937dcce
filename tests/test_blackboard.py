import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import jaxdl.functional as F
from jaxdl.__main__ import main
from jaxdl.backpropagation import layer, trace
from jaxdl.blackboard import PAGES, trace_table


def test_the_xor_page_is_what_pencil_and_paper_give():
    """Worked by hand: y = relu(x W + c) w with W all ones, c = (0, -1), w = (1, -1); only the point (1, 1) is wrong."""
    steps = {step.name: np.asarray(step.value).tolist() for step in trace(*PAGES["xor"]())}
    by_hand = {
        "x1": [[0, -1], [1, 0], [1, 0], [2, 1]],
        "x2": [[0, 0], [1, 0], [1, 0], [2, 1]],
        "x3": [[0], [1], [1], [1]],
        "x4": [0, 0, 0, 1],
        "x5": 0.25,
        "∂L/∂x4": [0.25] * 4,
        "∂L/∂x3": [[0], [0], [0], [0.5]],  # 1/4 · 2 (1 - 0)
        "∂L/∂weights3": [[1], [0.5]],  # (2, 1) · 1/2
        "∂L/∂bias3": [0.5],
        "∂L/∂x2": [[0, 0], [0, 0], [0, 0], [0.5, -0.5]],  # 1/2 · (1, -1)
        "∂L/∂x1": [[0, 0], [0, 0], [0, 0], [0.5, -0.5]],
        "∂L/∂weights1": [[0.5, -0.5], [0.5, -0.5]],  # (1, 1) times that
        "∂L/∂bias1": [0.5, -0.5],
        "∂L/∂x0": [[0, 0], [0, 0], [0, 0], [0, 0]],  # 1/2 - 1/2
    }
    assert {name: steps[name] for name in by_hand} == by_hand


def test_trace_prints_every_step(capsys):
    assert main(["trace", "xor"]) == 0
    told = capsys.readouterr().out
    for step in trace(*PAGES["xor"]()):
        assert f" {step.name} " in told
    assert "x0 @ weights1 + bias1" in told
    assert "x2ᵀ @ ∂L/∂x3" in told


def test_a_key_is_shown_as_one_and_no_zero_is_negative():
    network = (layer(F.dropout, {"rate": 0.5}), layer(F.weighted_mean))
    steps = trace(network, ((jax.random.key(0),), (-jnp.ones(2),)), jnp.zeros(2))
    console = Console(width=120, file=io.StringIO())
    console.print(trace_table(steps), markup=False)
    told = console.file.getvalue()
    assert "a key" in told
    assert "-0." not in told.replace("-0.5", "")


def test_shapes_prints_both_forms(capsys):
    assert main(["shapes", "784-16-10", "--batch", "5"]) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert lines["x1"] == ["dense", "5×16", "16×1"]
    assert lines["weights3"] == ["dense", "16×10", "10×16"]
    assert lines["x3"] == ["dense", "5×10", "10×1"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["shapes", "784"], "widths must be two or more positive numbers joined by -"),
        (["shapes", "784-0-10"], "but were '784-0-10' and 32"),
        (["shapes", "784-ten"], "such as 784-16-10"),
        (["shapes", "4-2", "--batch", "0"], "but were '4-2' and 0"),
        (["trace", "xorr"], "page must be one of xor, but was 'xorr'"),
    ],
)
def test_mistakes_are_told_in_a_sentence(arguments, told, capsys):
    assert main(arguments) == 2
    assert told in capsys.readouterr().err
