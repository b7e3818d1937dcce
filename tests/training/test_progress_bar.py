import inspect
import io
import re
import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

import jaxdl.functional as F
from jaxdl import metrics, models, optimizers
from jaxdl.training import History, Progress, Task, fit, progress_bar


@pytest.fixture
def console():
    return Console(record=True, width=120, force_terminal=True, file=io.StringIO())


def report(epoch, loss=None, observed=None, diverged=(0, 0, 0)):
    """Return the Progress of three members at the end of an epoch of ten steps, of six epochs."""
    columns = jax.tree.map(
        lambda value: np.array(value)[:, None], observed or {}, is_leaf=lambda x: isinstance(x, list)
    )
    rows = History(np.zeros((3, 0)) if loss is None else np.array(loss)[:, None], columns)
    diverged = np.array(diverged)
    return Progress(10 * epoch, 60, epoch, epoch - 1, rows, np.full(3, epoch), diverged, diverged == 0)


def test_the_bar_shows_medians_over_the_members(console):
    with progress_bar("three networks", 6, console) as watch:
        watch(report(6, [0.1, 0.2, 0.4], {"loss": [1.0, 2.0, 4.0], "accuracy": [0.5, 0.6, 0.9]}))
    shown = console.export_text()
    assert "three networks, 6 epochs\n" in shown
    expected = "6/6 ━━━━━━━━ 0:00:00 loss 0.2000, dev loss 2.0000, accuracy 0.6000, 3/3 active"
    assert shown.endswith(expected + "\n")


def test_diverged_members_are_reported_once_and_left_out_of_the_medians(console):
    with progress_bar("three networks", 6, console) as watch:
        for epoch in (4, 5):
            watch(report(epoch, [0.1, 0.3, np.nan], diverged=(0, 0, 4)))
    shown = console.export_text()
    assert shown.count("network 2 diverged in epoch 4 (loss or parameters not finite)") == 1
    assert re.search(r"5/6 \S+ \S+ loss 0.2000, 2/3 active\n$", shown)


@pytest.mark.parametrize(
    ("reports", "figures"), [([(0, None)], "first epoch"), ([(1, [0.2] * 3), (1, None)], "0.2000")]
)
def test_figures_stay_while_no_epoch_ends(console, reports, figures):
    with progress_bar("three networks", 6, console) as watch:
        for epoch, loss in reports:
            watch(report(epoch, loss))
    assert figures in console.export_text().splitlines()[-1]


def test_a_notebook_shows_one_output_that_is_replaced(monkeypatch):
    outputs = []

    class Output:
        def __init__(self, thing):
            outputs.append([thing._repr_mimebundle_([], [])["text/plain"]])
            self.texts = outputs[-1]

        def update(self, thing):
            self.texts.append(thing._repr_mimebundle_([], [])["text/plain"])

    module = types.ModuleType("IPython.display")
    module.display = lambda thing, display_id=None: Output(thing)
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with progress_bar("three networks", 6, Console(force_jupyter=True, width=120)) as watch:
        watch(report(3, [0.1, 0.2, 0.4]))
        watch(report(6, [0.1, 0.3, 0.4]))
    (title,), bar = outputs
    assert title == "three networks, 6 epochs\n"
    assert ["compiling" in bar[0], "3/6 " in bar[1], "loss 0.2000, 3/3 active" in bar[1]] == [True] * 3
    assert ["6/6 " in bar[2], "loss 0.3000, 3/3 active" in bar[2], len(bar)] == [True, True, 3]


def test_the_bar_of_a_fit_ends_full_if_all_members_diverge(digits, console):
    model = models.mlp((), 10)
    explode = optimizers.sgd(lambda step: jnp.where(step > 9, jnp.inf, 0.1))
    task = Task(model, F.cross_entropy, explode, 32, metrics={"accuracy": metrics.accuracy})
    keys = jax.random.split(jax.random.key(1), 2)
    with progress_bar("two networks", 6, console) as watch:
        result = fit(task, digits, keys, epochs=6, dev=digits, watch=watch)
    shown = console.export_text()
    assert result.diverged.tolist() == [4, 4]
    for member in (0, 1):
        assert shown.count(f"network {member} diverged in epoch 4 (loss or parameters not finite)") == 1
    assert "━━━━━━━━ 0:00:00 loss " in shown.splitlines()[-1]
    assert shown.endswith(", 0/2 active\n")
    assert result.history.loss.shape == (2, 4)


def test_epochs_must_be_a_number():
    with pytest.raises(TypeError, match="epochs must be an integer, got 6.5"):
        next(inspect.unwrap(progress_bar)("x", 6.5))
