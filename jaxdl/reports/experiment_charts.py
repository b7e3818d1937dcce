"""Charts of experiments: all seeds, or means over a variable, and the paired differences that rules compare."""

from typing import Any

import altair as alt
import numpy as np

from jaxdl.reports.training_charts import COLORS, DASHES, GRAY, HEIGHT, SHAPES, WIDTH, scale_of

TOOLTIP = ["arm:N", *(alt.Tooltip(f"{name}:Q", format=".4g") for name in ("at", "estimate", "low", "high"))]
Chart = alt.LayerChart | alt.FacetChart | alt.VConcatChart


def figure(result: dict[str, Any], measured: dict[Any, np.ndarray]) -> Chart:
    """Draw all panels of an experiment and the differences that its rules compare, one below the other.

    Arms differ in shape and dash as well as in color.

    Args:
        result: The result of an experiment, as `experiment.conduct` returns it.
        measured: The numbers of every seed, by arm.
    """
    charts = [_lines(panel) if panel["over"] else _points(panel, measured) for panel in result["panels"]]
    for number, panel in enumerate(result["panels"]):
        if published := [each for each in result.get("published", ()) if each["arm"] in panel["arms"]]:
            charts[number] = alt.layer(charts[number], *_published(panel, published))
    comparisons = [comparison for claim in result["claims"] for comparison in claim["comparisons"]]
    charts += [_differences(comparison) for comparison in comparisons if _has_spread(comparison)]
    scales: dict[str, Any] = dict.fromkeys(("color", "shape", "strokeDash"), "independent")
    return charts[0] if len(charts) == 1 else alt.vconcat(*charts).resolve_scale(**scales)


def _points(panel, measured) -> Chart:
    """Draw every seed of every arm as a point, the mean with its interval, and the thresholds."""
    jitter, names = np.random.default_rng(0), list(panel["arms"].values())
    rows = [
        {"arm": name, "value": float(value), "seed": seed, "jitter": float(jitter.uniform(-1, 1))}
        for arm, name in panel["arms"].items()
        for seed, value in enumerate(measured[arm])
        if np.isfinite(value)
    ]
    values = [row["value"] for row in rows]
    axis = alt.Axis(format=".0e" if scale_of(values) == "log" else "~g", tickCount=5)
    x = alt.X("value:Q", title=panel["metric"], scale=_scale(values, padding=12), axis=axis)
    y = alt.Y("arm:N", title=None, sort=names, axis=alt.Axis(labelLimit=260))
    color = alt.Color("arm:N", legend=None, scale=alt.Scale(domain=names, range=COLORS[: len(names)]))
    offset = alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-1.6, 1.6]))
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH + 60, height=64 * len(names)).encode(y=y)
    points = base.encode(x=x, color=color, yOffset=offset, tooltip=["arm:N", "seed:Q", "value:Q"])
    layers: list[Any] = [*_thresholds(panel, "x"), points.mark_circle(size=42, opacity=0.45)]
    if _means(panel):  # empty if every arm has a number that is not finite
        means: alt.Chart = alt.Chart(alt.Data(values=_means(panel))).encode(y=y, tooltip=TOOLTIP)
        interval = means.encode(x=alt.X("low:Q", title=panel["metric"]), x2="high:Q")
        layers.append(interval.mark_rule(strokeWidth=2.5, color=GRAY))
        layers.append(means.encode(x="estimate:Q").mark_point(shape="stroke", angle=90, size=420, color=GRAY))
    return alt.layer(*layers)


def _published(panel, published) -> list[Any]:
    """Draw published numbers as open triangles, with their intervals if they have one."""
    rows = [{**each, "arm": panel["arms"][each["arm"]]} for each in published]
    tooltip = ["arm:N", "value:Q", "low:Q", "high:Q", "source:N"]
    base: alt.Chart = alt.Chart(alt.Data(values=rows)).encode(tooltip=tooltip)
    if panel["over"]:
        ends = base.encode(x="at:Q", y=alt.Y("low:Q", title=panel["metric"]), y2="high:Q")
        points = base.encode(x="at:Q", y=alt.Y("value:Q", title=panel["metric"]))
    else:
        y = alt.Y("arm:N", title=None, sort=list(panel["arms"].values()))
        ends = base.encode(y=y, x=alt.X("low:Q", title=panel["metric"]), x2="high:Q")
        points = base.encode(y=y, x=alt.X("value:Q", title=panel["metric"]))
    has_interval = "datum.low !== null"
    return [
        ends.transform_filter(has_interval).mark_rule(strokeDash=[2, 3], strokeWidth=2, color=GRAY),
        points.mark_point(shape="triangle-down", size=150, filled=False, strokeWidth=2, color=GRAY),
    ]


def _has_spread(comparison) -> bool:
    """Return whether there are differences to draw; those of a share, or of equal numbers, say nothing more."""
    finite = {value for value in comparison.get("differences", ()) if value is not None}
    return len(finite) > 1


def _differences(comparison) -> Chart:
    """Draw the paired difference of every seed, the interval that decides, equality, and the threshold."""
    ratio, reference = comparison["scale"] == "ratio", comparison["reference"]
    title = comparison["arm"] + ("" if reference in (None, "0") else f" {'/' if ratio else '−'} {reference}")
    jitter = np.random.default_rng(0)
    rows = [
        {"value": value, "seed": seed, "jitter": float(jitter.uniform(-1, 1))}
        for seed, value in enumerate(comparison["differences"])
        if value is not None
    ]
    margin, equal = comparison["margin"], 1.0 if ratio else 0.0
    both = [margin, 1 / margin if ratio else -margin] if comparison["two_sided"] else [margin]
    threshold = f"threshold {'±' if comparison['two_sided'] and not ratio else ''}{margin:g}"
    marks = [{"value": value, "mark": threshold} for value in both]
    marks += [] if reference is None else [{"value": equal, "mark": "equal"}]
    scale = alt.Scale(type="log" if ratio else "linear", zero=False, nice=False, padding=12)
    part = f"{comparison['part']}: " if comparison["part"] else ""
    level = f"{comparison['estimand']} and {100 * comparison['confidence']:.4g} % interval"
    axis = alt.Axis(format="~g", tickCount=6, titleLimit=WIDTH + 60)
    titles = [f"{part}{title}", level]
    x = alt.X("value:Q", title=titles, scale=scale, axis=axis)
    y = alt.Y("jitter:Q", title=None, axis=None, scale=alt.Scale(domain=[-3, 3]))
    base: alt.Chart = alt.Chart(alt.Data(values=rows), width=WIDTH + 60, height=56)
    points = base.encode(x=x, y=y, tooltip=["seed:Q", "value:Q"]).mark_circle(size=32, opacity=0.4, color=COLORS[0])
    dash = alt.StrokeDash(
        "mark:N",
        scale=alt.Scale(domain=["equal", threshold], range=[[1, 0], [5, 4]]),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    rules = alt.Chart(alt.Data(values=marks)).encode(x=x, strokeDash=dash).mark_rule(color=GRAY)
    limits = {name: comparison[name] for name in ("low", "high", "estimate")}
    layers: list[Any] = [rules, points]
    if None not in limits.values():
        interval: alt.Chart = alt.Chart(alt.Data(values=[limits])).encode(tooltip=["estimate:Q", "low:Q", "high:Q"])
        layers.append(interval.encode(x=alt.X("low:Q", title=titles), x2="high:Q").mark_rule(strokeWidth=3, color=GRAY))
        layers.append(interval.encode(x="estimate:Q").mark_point(shape="diamond", size=90, filled=True, color=GRAY))
    return alt.layer(*layers)


def _lines(panel) -> Chart:
    """Draw the mean of each arm, with its interval, as a line over a variable."""
    variable, numbers = panel["over"]
    names, means = list(panel["arms"].values()), _means(panel)
    x = alt.X(
        "at:Q",
        title=variable,
        scale=_scale(numbers, nice=False),
        axis=alt.Axis(values=list(numbers), format=".4~g"),
    )
    y = alt.Y(
        "estimate:Q",
        title=panel["metric"],
        scale=_scale([row[limit] for row in means for limit in ("low", "high")]),
        axis=alt.Axis(format=",~g", tickCount=6),
    )
    legend = alt.Legend(labelLimit=300, orient="bottom", columns=1 if max(map(len, names)) > 30 else 2, symbolSize=70)
    in_legend: dict[str, Any] = {"title": None, "legend": legend}
    colors, dashes, shapes = (alt.Scale(domain=names, range=kinds[: len(names)]) for kinds in (COLORS, DASHES, SHAPES))
    base: alt.Chart = alt.Chart(alt.Data(values=means), width=WIDTH + 60, height=HEIGHT).encode(
        x=x, color=alt.Color("arm:N", scale=colors, **in_legend), tooltip=TOOLTIP
    )
    mean = base.encode(y=y)
    layers: list[Any] = [
        *_thresholds(panel, "y"),
        base.encode(y=alt.Y("low:Q", title=panel["metric"]), y2="high:Q").mark_rule(strokeWidth=1.6),
        mean.encode(strokeDash=alt.StrokeDash("arm:N", scale=dashes, **in_legend)).mark_line(strokeWidth=2),
        mean.encode(shape=alt.Shape("arm:N", scale=shapes, **in_legend)).mark_point(size=60, filled=True, opacity=1),
    ]
    return alt.layer(*layers)


def _scale(values, **settings: Any) -> alt.Scale:
    """Return a logarithmic scale if the values are positive and far apart, else a linear one that may exclude 0."""
    kind: dict[str, Any] = {"type": "log"} if scale_of(values) == "log" else {"zero": False}
    return alt.Scale(**kind, **settings)


def _thresholds(panel, axis) -> list[Any]:
    """Draw the thresholds as dashed lines across an axis."""
    lines = [alt.Chart(alt.Data(values=[{"value": value}])) for value in panel["thresholds"]]
    return [line.encode(**{axis: "value:Q"}).mark_rule(strokeDash=[5, 4], color=GRAY) for line in lines]


def _means(panel) -> list[dict[str, Any]]:
    """Return the means that are finite as rows; a missing interval gets length 0."""
    rows = [{**mean, "arm": panel["arms"][mean["arm"]]} for mean in panel["means"] if mean["estimate"] is not None]
    return [{**row, **{end: row["estimate"] for end in ("low", "high") if row[end] is None}} for row in rows]
