"""Figures as altair charts: the same specification is drawn in the page and saved as SVG."""

from typing import Any, Literal

import altair as alt
import numpy as np

COLOURS = BLUE, ORANGE, *_ = "#4381d0", "#d9762b", "#3a9e77", "#9b6bc4", "#c05780", "#8a8f99"
SHAPES = "circle", "square", "triangle-up", "diamond", "cross", "triangle-down"
DASHES = [1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3]
GREY = "#8a8f99"
WIDTH, HEIGHT = 420, 260
SHOWN = 400  # epochs of a curve
Chart = alt.LayerChart | alt.HConcatChart | alt.FacetChart


def learning_curves(metrics: dict[str, list]) -> Chart:
    """The median over the members and the band from the 5th to the 95th percentile, of losses and of the score."""
    losses = {"train": metrics["train_loss"], "dev": metrics["dev_loss"]}
    loss, score, title = ("cross-entropy (nats)", "dev_accuracy", "accuracy on dev")
    if score not in metrics:
        loss, score, title = ("loss", "dev_r_squared", "R² on dev")
    return alt.hconcat(
        _curves(metrics["epoch"], losses, loss),
        _curves(metrics["epoch"], {"dev": metrics[score]}, title).properties(width=WIDTH - 20),
    )


def predictions(predicted: dict[str, list], members: int) -> Chart:
    """The predictions of a regression over what they should be, and where both would be equal."""
    names = ("example", "label", "predicted", "low", "high")
    rows = [dict(zip(names, row, strict=True)) for row in zip(*(predicted[name] for name in names), strict=True)]
    ends = [{"label": of(predicted["label"]), "predicted": of(predicted["label"])} for of in (min, max)]
    scale = alt.Scale(zero=False, nice=True, padding=8)
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH + 60, height=WIDTH).encode(
        x=alt.X("label:Q", title="label", scale=scale), tooltip=[f"{name}:Q" for name in names]
    )
    equal: alt.Chart = alt.Chart(alt.Data(values=ends)).encode(
        x=alt.X("label:Q", scale=scale), y=alt.Y("predicted:Q", scale=scale)
    )
    mean = alt.Y("predicted:Q", scale=scale, title=f"predicted, mean of {members}")
    return alt.layer(
        equal.mark_line(strokeDash=[5, 4], color=GREY, strokeWidth=1.4),
        base.encode(y=alt.Y("low:Q", scale=scale), y2="high:Q").mark_rule(opacity=0.25, color=BLUE),
        base.encode(y=mean).mark_circle(size=26, opacity=0.6, color=BLUE),
    )


def _curves(epochs, columns, title) -> Chart:
    epochs = np.asarray(epochs)
    rows = [
        {"epoch": int(epoch), "part": part, "low": low, "median": median, "high": high}
        for part, column in columns.items()
        for epoch in _some(np.unique(epochs))
        for measured in [np.asarray(column)[epochs == epoch]]
        if np.isfinite(measured).any()
        for low, median, high in [np.nanquantile(measured, [0.05, 0.5, 0.95]).tolist()]
    ]
    scale = alt.Scale(type=scale_of(row["low"] for row in rows) if len(columns) > 1 else "linear", zero=False)
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH, height=HEIGHT).encode(
        x=alt.X("epoch:Q", title="epoch", scale=alt.Scale(domain=[0, int(epochs.max())], nice=False)),
        color=alt.Color("part:N", legend=None, scale=alt.Scale(domain=["train", "dev"], range=[BLUE, ORANGE])),
        tooltip=["part:N", "epoch:Q", *(alt.Tooltip(f"{name}:Q", format=".4f") for name in ("low", "median", "high"))],
    )
    median = alt.Y("median:Q", scale=scale, title=title)
    last = base.transform_filter(f"datum.epoch == {int(epochs.max())}")
    return alt.layer(
        base.encode(y=alt.Y("low:Q", scale=scale, title=title), y2="high:Q").mark_area(opacity=0.22),
        base.encode(y=median).mark_line(strokeWidth=2.2),
        last.encode(y=median, text="part:N").mark_text(align="right", dy=-11, fontSize=13),
    )


def _some(epochs: np.ndarray) -> np.ndarray:
    """At most SHOWN of them, evenly, the first and the last included: more than a line can show."""
    return epochs[np.unique(np.linspace(0, len(epochs) - 1, SHOWN).astype(int))]


def scale_of(values) -> Literal["log", "linear"]:
    """Logarithmic where all numbers are positive and they span more than a decade."""
    values = np.asarray(list(values))
    return "log" if values.size and values.min() > 0 and values.max() > 10 * values.min() else "linear"


def confusion(counts: dict[str, list], members: int) -> Chart:
    """How many test images of each class one network takes for each class, on average over the members."""
    counts = {name: [_drawn(cell) for cell in column] for name, column in counts.items()}
    rows = [
        {
            "label": label,
            "predicted": predicted,
            "mean": count / members,
            "wrong": (label != predicted) * count / members,
        }
        for label, predicted, count in zip(counts["label"], counts["predicted"], counts["count"], strict=True)
    ]
    most = max((row["wrong"] for row in rows), default=0.0) or 1.0
    names = list(dict.fromkeys(counts["label"]))
    turned = -45 if max(len(str(name)) for name in names) > 3 else 0
    side = max(360, 26 * min(len(names), 40))
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=side, height=side).encode(
        x=alt.X("predicted:O", title="taken for", sort=names, axis=alt.Axis(labelAngle=turned, orient="top")),
        y=alt.Y("label:O", title="is", sort=names),
        tooltip=["label:O", "predicted:O", alt.Tooltip("mean:Q", format=".2f")],
    )
    wrong = alt.Color("wrong:Q", legend=None, scale=alt.Scale(domain=[0, most], range=["#d9762b00", ORANGE]))
    return alt.layer(
        base.encode(color=wrong).mark_rect(stroke="#8884", strokeWidth=0.5),
        base.transform_filter("datum.mean >= 0.05")
        .encode(text=alt.Text("mean:Q", format=".1f"))
        .mark_text(fontSize=11),
    )


def _drawn(name) -> Any:
    """A class name as SVG can hold it: control characters as their pictures, what is no character as U+FFFD."""
    if not isinstance(name, str):
        return name
    pictures = {code: 0x2400 + code for code in range(32)} | {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}
    return name.translate(pictures).encode(errors="replace").decode()


def scaling(points: list[dict[str, Any]], axis: str) -> Chart:
    """Seconds for one unit of work against a size, both logarithmic: a line for each of those who were timed."""
    lines = list(dict.fromkeys(point["line"] for point in points))
    sizes = sorted({point["at"] for point in points})
    x = alt.X("at:Q", title=axis, scale=alt.Scale(type="log", nice=False), axis=alt.Axis(values=sizes, format="~d"))
    y = alt.Y(
        "seconds:Q",
        title=f"time for one {points[0]['unit']} (s)",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(format="~s", tickCount=6),
    )
    colours = alt.Scale(domain=lines, range=COLOURS[: len(lines)])
    base: alt.Chart = alt.Chart(alt.Data(values=points), width=WIDTH + 60, height=HEIGHT).encode(
        x=x,
        y=y,
        color=alt.Color("line:N", title=None, scale=colours, legend=alt.Legend(labelLimit=260)),
        tooltip=["line:N", "at:Q", alt.Tooltip("seconds:Q", format=".3s")],
    )
    return alt.layer(base.mark_line(strokeWidth=2.2), base.mark_circle(size=48))
