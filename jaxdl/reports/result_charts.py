"""Charts of results in memory: learning curves of a training, means with their intervals, confusion matrices."""

from collections.abc import Mapping

import altair as alt
import numpy as np

from jaxdl.reports.training_charts import BLUE, GRAY, WIDTH, Chart, confusion, curves
from jaxdl.statistics import Interval, PairedComparison, Summary
from jaxdl.training import Fit, History

MAX_CLASSES = 100  # of a confusion matrix; more are not readable


def training_curves(result: Fit | History, name: str = "") -> alt.ConcatChart:
    """Draw the loss and every observed value over the epochs: the median over the members, and the 90 % band.

    A member that stopped counts with its last values, one that diverged up to that epoch. The dashed line is at the
    median of the best epochs of a Fit. The name of the training, if there are several, is the title.
    """
    history = result.history if isinstance(result, Fit) else result
    rows = {name: np.atleast_2d(np.asarray(column, float)) for name, column in history.observed.items()}
    losses = {"train": np.atleast_2d(np.asarray(history.loss, float))}
    epochs = np.broadcast_to(np.arange(1, losses["train"].shape[1] + 1), losses["train"].shape)
    if not epochs.size:
        raise ValueError("the history must have at least one epoch to draw, got none: train the model first.")
    shown, best = np.full(epochs.shape, True), None
    if isinstance(result, Fit):
        diverged = np.asarray(result.diverged)[:, None]
        shown = (diverged == 0) | (epochs < diverged)
        best_epochs = np.asarray(result.best.epoch)
        best = float(np.median(best_epochs[best_epochs > 0])) if (best_epochs > 0).any() else None
    if "loss" in rows:
        losses["dev"] = rows.pop("loss")
    panels = [
        ("loss", losses),
        *((f"{name.replace('_', ' ')} on dev", {"dev": values}) for name, values in rows.items()),
    ]
    drawn = [
        curves(
            epochs.ravel(),
            {part: np.where(shown, values, np.nan).ravel() for part, values in columns.items()},
            title,
            best,
        )
        for title, columns in panels
    ]
    chart = alt.concat(*drawn, columns=2)
    return chart.properties(title=name) if name else chart


def intervals(results: Mapping[str, Summary | PairedComparison | Interval]) -> Chart:
    """Draw means or mean differences with their intervals, one below the other; differences with a line at 0."""
    rows = [{"name": name, **_limits(result)} for name, result in results.items()]
    differences = [isinstance(result, PairedComparison) for result in results.values()]
    levels = {result.level for result in results.values() if not isinstance(result, Interval)}
    title = "mean difference" if all(differences) else "mean" if levels else "estimate"
    title += f", {100 * levels.pop():.4g} % interval" if len(levels) == 1 else ", interval"
    scale, names = alt.Scale(zero=False, padding=12), list(results)
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH + 60, height=48 * len(rows)).encode(
        y=alt.Y("name:N", title=None, sort=names, axis=alt.Axis(labelLimit=260)),
        tooltip=["name:N", *(alt.Tooltip(f"{field}:Q", format=".4g") for field in ("estimate", "low", "high"))],
    )
    zero = [alt.Chart(alt.Data(values=[{"zero": 0}])).encode(x="zero:Q").mark_rule(strokeDash=[5, 4], color=GRAY)]
    return alt.layer(
        *(zero if any(differences) else []),
        base.encode(x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6)), x2="high:Q").mark_rule(
            strokeWidth=2.5, color=BLUE
        ),
        base.encode(x=alt.X("estimate:Q", scale=scale)).mark_point(size=70, filled=True, opacity=1, color=BLUE),
    )


def _limits(result) -> dict[str, float]:
    """Return the estimate of a result and the limits of its interval."""
    match result:
        case Summary():
            numbers = result.mean, result.mean_low, result.mean_high
        case PairedComparison():
            numbers = result.difference, result.difference_low, result.difference_high
        case _:
            numbers = result
    if any(np.ndim(number) for number in numbers):
        raise ValueError(
            f"an interval must be of one number to be drawn, got the shape {np.shape(numbers[0])}: give a dictionary "
            "of intervals by name."
        )
    return dict(zip(("estimate", "low", "high"), map(float, numbers), strict=True))


def confusion_table(counts: np.ndarray) -> Chart:
    """Draw a confusion matrix (classes, classes): the counts, and a color for those that are wrong."""
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not 0 < len(counts) <= MAX_CLASSES:
        raise ValueError(
            f"a confusion matrix must have the shape (classes, classes) with at most {MAX_CLASSES} classes, got "
            f"{counts.shape}."
        )
    label, predicted = (index.ravel().tolist() for index in np.indices(counts.shape))
    return confusion({"label": label, "predicted": predicted, "count": counts.ravel().tolist()}, members=1)
