"""Draw the charts of a training with altair; the page shows and an SVG file saves the same specification."""

import math
from typing import Any, Literal

import altair as alt
import numpy as np

COLORS = BLUE, ORANGE, *_ = "#4381d0", "#d9762b", "#3a9e77", "#9b6bc4", "#c05780", "#8a8f99"
SHAPES = "circle", "square", "triangle-up", "diamond", "cross", "triangle-down"
DASHES = [1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3]
GRAY = "#8a8f99"
WIDTH, HEIGHT = 420, 260
LIMITS = {"mean_low_95": "low", "mean_high_95": "high"}  # the names that older runs gave these columns
MAX_EPOCHS = 400  # points of a curve; more are not visible at this width
Chart = alt.LayerChart | alt.HConcatChart | alt.FacetChart


def learning_curves(metrics: dict[str, list]) -> Chart:
    """Draw losses and score over the epochs: the median over the members, and the band from 5th to 95th percentile.

    `metrics` has the columns of metrics.parquet: a row for each member and epoch.
    """
    losses = {"train": metrics["train_loss"], "dev": metrics["dev_loss"]}
    loss, score, title = ("cross-entropy (nats)", "dev_accuracy", "accuracy on dev")
    if score not in metrics:
        loss, score, title = ("loss", "dev_r_squared", "R² on dev")
    return alt.hconcat(
        curves(metrics["epoch"], losses, loss),
        curves(metrics["epoch"], {"dev": metrics[score]}, title).properties(width=WIDTH - 20),
    )


def predictions(predicted: dict[str, list], members: int) -> Chart:
    """Draw the predictions of a regression over the labels, with intervals and the line of perfect predictions.

    `predicted` has the columns of predicted.parquet, also as older runs named them.
    """
    low, high = LIMITS
    names = ("example", "label", "predicted", low, high)
    columns = [predicted[name] if name in predicted else predicted[LIMITS[name]] for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    ends = [dict.fromkeys(("label", "predicted"), end(predicted["label"])) for end in (min, max)]
    scale = alt.Scale(zero=False, nice=True, padding=8)
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH + 60, height=WIDTH).encode(
        x=alt.X("label:Q", title="label", scale=scale), tooltip=[f"{name}:Q" for name in names]
    )
    diagonal: alt.Chart = alt.Chart(alt.Data(values=ends)).encode(
        x=alt.X("label:Q", scale=scale), y=alt.Y("predicted:Q", scale=scale)
    )
    mean = alt.Y("predicted:Q", scale=scale, title=f"prediction, mean of {members} networks")
    return alt.layer(
        diagonal.mark_line(strokeDash=[5, 4], color=GRAY, strokeWidth=1.4),
        base.encode(y=alt.Y(f"{low}:Q", scale=scale), y2=f"{high}:Q").mark_rule(opacity=0.25, color=BLUE),
        base.encode(y=mean).mark_circle(size=26, opacity=0.6, color=BLUE),
    )


def curves(epochs: Any, columns: dict[str, Any], title: str, best_epoch: float | None = None) -> Chart:
    """Draw a line and a band for each part of the data, train or dev, and a mark at the best epoch.

    `epochs` and each column hold a number for each member and epoch; numbers that are not finite are left out.
    """
    epochs = np.asarray(epochs)
    rows = [
        {"epoch": int(epoch), "part": part, "low": low, "median": median, "high": high}
        for part, column in columns.items()
        for epoch in _thinned(np.unique(epochs))
        for measured in [np.asarray(column)[(epochs == epoch) & np.isfinite(column)]]
        if measured.size
        for low, median, high in [np.quantile(measured, [0.05, 0.5, 0.95]).tolist()]
    ]
    is_log = len(columns) > 1 and scale_of(row["low"] for row in rows) == "log"
    scale = alt.Scale(type="log") if is_log else alt.Scale(zero=False)
    whole = alt.Axis(format="d", tickMinStep=1)
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH, height=HEIGHT).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, int(epochs.max())], nice=False), axis=whole),
        color=alt.Color("part:N", legend=None, scale=alt.Scale(domain=["train", "dev"], range=[BLUE, ORANGE])),
        tooltip=["part:N", "epoch:Q", *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("low", "median", "high"))],
    )
    median = alt.Y("median:Q", scale=scale, title=title)
    last = {row["part"]: row for row in rows}  # the label of the lower line is below it
    highest = max((row["median"] for row in last.values()), default=0.0)
    return alt.layer(
        *_best_mark(best_epoch),
        base.encode(y=alt.Y("low:Q", scale=scale, title=title), y2="high:Q").mark_area(opacity=0.22),
        base.encode(y=median).mark_line(strokeWidth=2.2),
        *(
            base.transform_filter(f"datum.epoch == {row['epoch']} && datum.part == '{part}'")
            .encode(y=median, text="part:N")
            .mark_text(align="right", dy=-11 if row["median"] == highest else 14, fontSize=13)
            for part, row in last.items()
        ),
    )


def _best_mark(epoch) -> list[Any]:
    """Draw a dashed line at the best epoch, with its number at the top."""
    if epoch is None:
        return []
    base: alt.Chart = alt.Chart(alt.Data(values=[{"best": epoch, "text": f"best epoch {epoch:g}"}])).encode(x="best:Q")
    text = base.encode(y=alt.value(0), text="text:N")
    return [
        base.mark_rule(strokeDash=[5, 4], color=GRAY),
        text.mark_text(align="right" if epoch > 1 else "left", dy=-7, color=GRAY, fontSize=12),
    ]


def _thinned(epochs: np.ndarray) -> np.ndarray:
    """Return at most MAX_EPOCHS epochs, evenly spaced, with the first and the last."""
    return epochs[np.unique(np.linspace(0, len(epochs) - 1, MAX_EPOCHS).astype(int))]


def scale_of(values) -> Literal["log", "linear"]:
    """Return log if all values are positive and span more than a factor of ten, else linear."""
    values = np.asarray(list(values))
    return "log" if values.size and values.min() > 0 and values.max() > 10 * values.min() else "linear"


def confusion(counts: dict[str, list], members: int) -> Chart:
    """Draw the confusion matrix of the test part: examples per network, on average over the members.

    `counts` has the columns of confusion.parquet: label, predicted class, and count, or weight, over all members.
    """
    rows = [
        {
            "label": label,
            "predicted": predicted,
            "mean": count / members,
            "wrong": (label != predicted) * count / members,
        }
        for label, predicted, count in zip(counts["label"], counts["predicted"], counts["count"], strict=True)
    ]
    largest = max((row["wrong"] for row in rows if math.isfinite(row["wrong"])), default=0.0) or 1.0
    whole = members == 1 and all(count == count // 1 for count in counts["count"])  # else weights, or means
    names = list(dict.fromkeys(counts["label"]))
    angle = -45 if max(len(str(name)) for name in names) > 3 else 0
    side = max(360, 26 * min(len(names), 40))
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=side, height=side).encode(
        x=alt.X("predicted:O", title="predicted", sort=names, axis=alt.Axis(labelAngle=angle, orient="top")),
        y=alt.Y("label:O", title="label", sort=names),
        tooltip=["label:O", "predicted:O", alt.Tooltip("mean:Q", format=".2f")],
    )
    wrong = alt.Color("wrong:Q", legend=None, scale=alt.Scale(domain=[0, largest], range=["#d9762b00", ORANGE]))
    return alt.layer(
        base.encode(color=wrong).mark_rect(stroke="#8884", strokeWidth=0.5),
        base.transform_filter("datum.mean >= 0.05")
        .encode(text=alt.Text("mean:Q", format="d" if whole else ".1f"))
        .mark_text(fontSize=11),
    )


def scaling(points: list[dict[str, Any]], axis: str) -> Chart:
    """Draw seconds for one unit of work over a size, on logarithmic axes, with a line for each competitor.

    Each point is a dictionary with line, at (the size), seconds and unit; `axis` is the title of the size.
    """
    lines = list(dict.fromkeys(point["line"] for point in points))
    sizes = sorted({point["at"] for point in points})
    x = alt.X("at:Q", title=axis, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(values=sizes, format="~d"))
    y = alt.Y(
        "seconds:Q",
        title=f"time for one {points[0]['unit']} (s)",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(format="~s", tickCount=6),
    )
    colors = alt.Scale(domain=lines, range=COLORS[: len(lines)])
    base: alt.Chart = alt.Chart(alt.Data(values=points), width=WIDTH + 60, height=HEIGHT).encode(
        x=x,
        y=y,
        color=alt.Color("line:N", title=None, scale=colors, legend=alt.Legend(labelLimit=260)),
        tooltip=["line:N", "at:Q", alt.Tooltip("seconds:Q", format=".3s")],
    )
    return alt.layer(base.mark_line(strokeWidth=2.2), base.mark_circle(size=48))
