"""Charts of experiments: all seeds, or means over a variable, and the paired differences that rules compare.

Every chart is a single or layered view, so that it can take the width of the page that shows it.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import numpy as np

from jaxdl.reports.axes import axis, number_label, scale, ticks, wrapped
from jaxdl.reports.training_charts import COLORS, DASHES, GRAY, HEIGHT, SHAPES, WIDTH, scale_of

TOOLTIP = ["arm:N", *(alt.Tooltip(f"{name}:Q", format=".4g") for name in ("at", "estimate", "low", "high"))]
OUTCOME_COLORS = {"supported": "#2f9e6a", "refuted": "#d2544a"}  # readable on light and dark
LABEL, STRIP = 16, 44  # pixels of a line of text, and of the numbers of an arm
Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart


def figure(result: dict[str, Any], measured: Mapping[Any, np.ndarray] | None) -> Chart:
    """Draw all panels of an experiment and the differences that its rules compare, one below the other.

    Args:
        result: The result of an experiment, as `experiment.conduct` returns it.
        measured: The numbers of every seed, by arm, or None.
    """
    drawn = panel_charts(result, measured) + [chart for claim in result["claims"] for chart in decision_charts(claim)]
    charts = [chart.properties(width=WIDTH + 60) for chart in drawn]
    scales: dict[str, Any] = dict.fromkeys(("color", "shape", "strokeDash"), "independent")
    return charts[0] if len(charts) == 1 else alt.vconcat(*charts, spacing=32).resolve_scale(**scales)


def panel_charts(result: dict[str, Any], measured: Mapping[Any, np.ndarray] | None = None) -> list[Chart]:
    """Draw each panel of an experiment: every seed of every arm, or the means of the arms over a variable.

    Arms differ in shape and dash as well as in color. Without the numbers of every seed, means and intervals are drawn.
    """
    published = result.get("published", ())
    return [
        _panel(panel, measured, [each for each in published if each["arm"] in panel["arms"]])
        for panel in result["panels"]
    ]


def decision_charts(claim: dict[str, Any]) -> list[Chart]:
    """Draw each comparison that decided a claim: differences of seeds, interval, equality and threshold."""
    return [_comparison(comparison) for comparison in claim["comparisons"] if _has_numbers(comparison)]


def _panel(panel, measured, published) -> Chart:
    layers = _lines(panel, published) if panel["over"] else _points(panel, measured, published)
    height = HEIGHT if panel["over"] else len(panel["arms"]) * _row_height(panel, measured)
    return alt.layer(*layers).properties(height=height, title=_title(panel["metric"]))


def _title(text) -> alt.TitleParams:
    lines = wrapped(text)
    return alt.TitleParams(text=lines, anchor="start", frame="group", fontSize=13, fontWeight=600, offset=10)


def _row_labels(panel) -> dict[str, list[str]]:
    """Return the label of each arm as lines, with the number of its runs that failed."""
    failed = {mean["arm"]: mean.get("failed") for mean in panel["means"]}
    return {
        arm: wrapped(f"{name} ({failed[arm]} runs failed)" if failed.get(arm) else name)
        for arm, name in panel["arms"].items()
    }


def _row_height(panel, measured) -> int:
    """Return the height of an arm: its label, and below it its numbers."""
    return LABEL * max(map(len, _row_labels(panel).values())) + (STRIP if measured else STRIP // 2)


def _points(panel, measured, published) -> list[Any]:
    """Draw every seed of every arm as a point, below the name of the arm, and the mean with its interval."""
    seeds, means, marks = _rows(panel, measured, published)
    values = [row["value"] for row in (*seeds, *marks)] + [row[end] for row in means for end in ("low", "high")]
    values += _visible(panel["thresholds"], values)
    names = list(panel["arms"].values())
    settings: dict[str, Any] = {"title": None, "scale": scale(values), "axis": axis(values, has_grid=False)}
    color = alt.Color("arm:N", legend=None, scale=alt.Scale(domain=names, range=COLORS[: len(names)]))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[0, len(names)], reverse=True, nice=False))
    layers = _frame(panel, _strip(panel, measured), values, settings, y)
    if seeds:
        points: alt.Chart = alt.Chart(alt.Data(values=seeds)).encode(x=alt.X("value:Q", **settings), y=y, color=color)
        layers.append(points.encode(tooltip=["arm:N", "seed:Q", "value:Q"]).mark_circle(size=36, opacity=0.45))
    if means:  # empty if every arm has a number that is not finite
        mean: alt.Chart = alt.Chart(alt.Data(values=means)).encode(y=y, tooltip=TOOLTIP)
        mean = mean.encode(color=alt.value(GRAY) if seeds else color)
        layers.append(mean.encode(x=alt.X("low:Q", **settings), x2="high:Q").mark_rule(strokeWidth=2.5))
        mark: dict[str, Any] = {"shape": "stroke", "angle": 90, "size": 320, "strokeWidth": 2}
        layers.append(mean.encode(x=alt.X("estimate:Q", **settings)).mark_point(**mark))
    return layers + _published(marks, "x", settings, y=y)


def _strip(panel, measured) -> float:
    """Return the share of the height of an arm that its numbers take, below its label."""
    return (STRIP if measured else STRIP // 2) / _row_height(panel, measured)


def _rows(panel, measured, published) -> tuple[list[dict[str, Any]], ...]:
    """Return the finite numbers of the seeds, the means and the published numbers, each at the height of its arm."""
    strip, jitter = _strip(panel, measured), np.random.default_rng(0)
    middle = {arm: row + 1 - strip / 2 for row, arm in enumerate(panel["arms"])}
    seeds = [
        {"arm": name, "value": float(value), "seed": seed, "y": middle[arm] + jitter.uniform(-0.3, 0.3) * strip}
        for arm, name in panel["arms"].items()
        for seed, value in enumerate(measured[arm] if measured else ())
        if np.isfinite(value)
    ]
    others = [
        [{**row, "y": middle[row["arm"]], "arm": panel["arms"][row["arm"]]} for row in rows]
        for rows in (_means(panel), published)
    ]
    return seeds, *others


def _frame(panel, strip, values, settings, y) -> list[Any]:
    """Draw ticks and thresholds across the numbers of each arm, and the label of the arm above them."""
    ends = [(row + 1 - 0.86 * strip, row + 1) for row in range(len(panel["arms"]))]
    thresholds = _visible(panel["thresholds"], values)
    rules = [
        _segments(lines, ends, settings, y).mark_rule(color=GRAY, opacity=opacity, strokeDash=dash)
        for lines, opacity, dash in ((ticks(values), 0.25, [1, 0]), (thresholds, 1, [5, 4]))
        if lines and values
    ]
    rows = [{"y": row, "label": "\n".join(lines)} for row, lines in enumerate(_row_labels(panel).values())]
    labels: alt.Chart = alt.Chart(alt.Data(values=rows)).encode(x=alt.value(0), y=y, text="label:N")
    return [*rules, labels.mark_text(align="left", baseline="top", dy=4, lineBreak="\n", fontSize=12.5)]


def _segments(values, ends, settings, y) -> alt.Chart:
    """Draw lines across an axis that leave out the labels of the arms: between these ends."""
    rows = [{"value": value, "y": top, "end": bottom} for value in values for top, bottom in ends]
    return alt.Chart(alt.Data(values=rows)).encode(x=alt.X("value:Q", **settings), y=y, y2="end:Q")


def _lines(panel, published) -> list[Any]:
    """Draw the mean of each arm, with its interval, as a line over a variable."""
    variable, numbers = panel["over"]
    names, means = list(panel["arms"].values()), [{**row, "arm": panel["arms"][row["arm"]]} for row in _means(panel)]
    marks = [{**each, "arm": panel["arms"][each["arm"]]} for each in published]
    values = [row[end] for row in means for end in ("low", "high")] + [row["value"] for row in marks]
    values += _visible(panel["thresholds"], values)
    x = alt.X("at:Q", title=wrapped(variable), scale=scale(numbers, padding=8), axis=axis(numbers, at=list(numbers)))
    y: dict[str, Any] = {"title": None, "scale": scale(values, padding=8), "axis": axis(values)}
    in_legend: dict[str, Any] = {"title": None, "legend": alt.Legend(labelLimit=0, orient="bottom", columns=1)}
    colors, dashes, shapes = (alt.Scale(domain=names, range=kinds[: len(names)]) for kinds in (COLORS, DASHES, SHAPES))
    base: alt.Chart = alt.Chart(alt.Data(values=means)).encode(
        x=x, color=alt.Color("arm:N", scale=colors, **in_legend), tooltip=TOOLTIP
    )
    mean = base.encode(y=alt.Y("estimate:Q", **y))
    layers: list[Any] = [
        *_thresholds(values, panel),
        base.encode(y=alt.Y("low:Q", **y), y2="high:Q").mark_rule(strokeWidth=1.6),
        mean.encode(strokeDash=alt.StrokeDash("arm:N", scale=dashes, **in_legend)).mark_line(strokeWidth=2),
        mean.encode(shape=alt.Shape("arm:N", scale=shapes, **in_legend)).mark_point(size=60, filled=True, opacity=1),
    ]
    return layers + _published(marks, "y", y, x=x)


def _published(rows, along, settings, **other) -> list[Any]:
    """Draw published numbers as open triangles, with their intervals if they have one."""
    if not rows:
        return []
    channel: Any = {"x": alt.X, "y": alt.Y}[along]
    tooltip = ["arm:N", "value:Q", "low:Q", "high:Q", "source:N"]
    base: alt.Chart = alt.Chart(alt.Data(values=rows)).encode(tooltip=tooltip, **other)
    ends = base.encode(**{along: channel("low:Q", **settings), f"{along}2": "high:Q"})
    points = base.encode(**{along: channel("value:Q", **settings)})
    has_interval = "datum.low !== null && datum.high !== null"
    return [
        ends.transform_filter(has_interval).mark_rule(strokeDash=[2, 3], strokeWidth=2, color=GRAY),
        points.mark_point(shape="triangle-down", size=150, filled=False, strokeWidth=2, color=GRAY),
    ]


def _has_numbers(comparison) -> bool:
    """Return whether there is an interval, or differences that are not all equal, to draw."""
    finite = {value for value in comparison["differences"] if value is not None}
    return len(finite) > 1 or None not in (comparison["estimate"], comparison["low"], comparison["high"])


def _comparison(comparison) -> Chart:
    """Draw the paired difference of every seed, the interval that decides, equality, and the threshold."""
    jitter, kind = np.random.default_rng(0), "log" if comparison["scale"] == "ratio" else "linear"
    seeds = [
        {"value": value, "seed": seed, "y": float(jitter.uniform(-1, 1))}
        for seed, value in enumerate(comparison["differences"])
        if value is not None and (kind == "linear" or value > 0)
    ]
    limits = {name: comparison[name] for name in ("low", "high", "estimate")}
    is_drawable = None not in limits.values() and (kind == "linear" or min(limits.values()) > 0)
    marks = _marks(comparison, kind)
    values = [row["value"] for row in (*seeds, *marks)] + (list(limits.values()) if is_drawable else [])
    level = f"{comparison['estimand']} and {100 * comparison['confidence']:.4g} % interval"
    x: dict[str, Any] = {"title": wrapped(level), "scale": scale(values, kind), "axis": axis(values, kind)}
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-2, 2]))
    kinds = list(dict.fromkeys(row["mark"] for row in marks))
    dashes = alt.Scale(domain=kinds, range=[[5, 4], [1, 0]][: len(kinds)])
    dash = alt.StrokeDash(
        "mark:N",
        scale=dashes,
        legend=alt.Legend(title=None, orient="bottom", labelLimit=0, symbolType="stroke", symbolSize=500),
    )
    rules: alt.Chart = alt.Chart(alt.Data(values=marks)).encode(x=alt.X("value:Q", **x), strokeDash=dash)
    layers: list[Any] = [rules.mark_rule(color=GRAY, strokeWidth=1.6)]
    if seeds:
        points: alt.Chart = alt.Chart(alt.Data(values=seeds)).encode(x=alt.X("value:Q", **x), y=y)
        layers.append(points.encode(tooltip=["seed:Q", "value:Q"]).mark_circle(size=30, opacity=0.4, color=COLORS[0]))
    if is_drawable:
        color = OUTCOME_COLORS.get(comparison["outcome"], GRAY)
        interval: alt.Chart = alt.Chart(alt.Data(values=[limits])).encode(tooltip=["estimate:Q", "low:Q", "high:Q"])
        layers.append(interval.encode(x=alt.X("low:Q", **x), x2="high:Q").mark_rule(strokeWidth=4, color=color))
        estimate = interval.encode(x=alt.X("estimate:Q", **x))
        layers.append(estimate.mark_point(shape="diamond", size=120, filled=True, opacity=1, color=color))
    compared = comparison["arm"]
    if comparison["reference"] not in (None, "0"):
        compared += f" {'/' if kind == 'log' else '−'} {comparison['reference']}"
    part = f"{comparison['part']}: " if comparison["part"] else ""
    return alt.layer(*layers).properties(height=56 if seeds else 36, title=_title(f"{part}{compared}"))


def _marks(comparison, kind) -> list[dict[str, Any]]:
    """Return the lines across the differences: thresholds, and equality unless a number or a share is compared."""
    margin, is_two_sided = comparison["margin"], comparison["two_sided"]
    both = [margin, 1 / margin if kind == "log" else -margin] if is_two_sided else [margin]
    threshold = f"threshold {'±' if is_two_sided and kind == 'linear' else ''}{number_label(margin)}"
    is_share = comparison["estimand"].startswith("share of")
    equal = [] if comparison["reference"] is None or is_share else [1.0 if kind == "log" else 0.0]
    return [{"value": value, "mark": threshold} for value in both] + [{"value": at, "mark": "equal"} for at in equal]


def _thresholds(values, panel) -> list[Any]:
    """Draw the thresholds as dashed lines."""
    lines = [alt.Chart(alt.Data(values=[{"value": value}])) for value in _visible(panel["thresholds"], values)]
    return [line.encode(y="value:Q").mark_rule(strokeDash=[5, 4], color=GRAY) for line in lines]


def _visible(thresholds, values) -> list[float]:
    """Return the thresholds that the scale of these values can show: a logarithmic one has no 0."""
    return [number for number in thresholds if number > 0 or scale_of(values) == "linear"]


def _means(panel) -> list[dict[str, Any]]:
    """Return the means that are finite as rows; a missing interval gets length 0."""
    rows = [mean for mean in panel["means"] if mean["estimate"] is not None]
    return [{**row, **{end: row["estimate"] for end in ("low", "high") if row[end] is None}} for row in rows]
