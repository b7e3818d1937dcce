"""The texts of a Fit and its Progress: counts, and the range of the values in the best epochs."""

import jax
import numpy as np

import jaxdl.functional as F
from jaxdl import data, models, optimizers, training
from jaxdl.training import Best, Fit, History, Progress, Seconds, State


def fit_of(values, epochs, diverged, *, interrupted=False):
    """Return the Fit of members with these accuracies in their best epoch, the last one."""
    params = {"kernel": np.zeros((len(values), 1000))}
    best = Best(-np.array(values), np.array(epochs), params, {})
    state = State(None, np.array(epochs), np.array(epochs), params, {}, (params, params))
    accuracy = np.zeros((len(values), 40))
    accuracy[np.arange(len(values)), np.array(epochs) - 1] = values
    history = History(
        np.ones((len(values), 40)), {"accuracy": accuracy, "confusion": np.zeros((len(values), 40, 2, 2))}
    )
    return Fit(state, history, best, np.array(epochs), np.array(diverged), Seconds(1.25, 20.04), interrupted, None)


def test_a_fit_is_one_line():
    assert repr(fit_of([0.25, 0.5, 0.75], [5, 7, 9], [0, 0, 9])) == (
        "Fit(3 members, epochs 5 to 9, best epoch 5 to 9 with accuracy 0.25 to 0.75, 1 diverged, "
        "1.2 s to compile, 20.0 s to train)"
    )
    assert repr(fit_of([0.5], [5], [0], interrupted=True)) == (
        "Fit(1 member, epochs 5, best epoch 5 with accuracy 0.5, 0 diverged, interrupted, 1.2 s to compile, "
        "20.0 s to train)"
    )


def test_progress_is_one_line():
    rows = History(np.zeros((3, 1)), {})
    progress = Progress(10, 60, 1, 0, rows, np.ones(3), np.array([0, 1, 0]), np.array([True, False, True]))
    assert repr(progress) == "Progress(step 10 of 60, epoch 1, 2 of 3 members active, 1 diverged)"


def test_states_name_the_size_of_their_trees():
    model = models.mlp((), 2)
    task = training.Task(model, F.cross_entropy, optimizers.sgd(0.1), batch_size=4)
    state = training.start(task, data.moons(jax.random.key(0), examples=8), jax.random.key(1))
    assert "params=<2 arrays, 6 numbers>,\n  stats={}," in repr(state)
    assert "  loss=cross_entropy,\n" in repr(task)
    history = History(np.zeros((3, 40)), {"accuracy": np.zeros((3, 40))})
    assert repr(history) == "History(loss=float64[3, 40], observed={'accuracy': float64[3, 40]})"
    assert "value=[-0.5, -0.25]" in repr(fit_of([0.5, 0.25], [5, 4], [0, 0]).best)
