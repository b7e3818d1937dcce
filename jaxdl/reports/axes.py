"""Axes of charts: few ticks, numbers that a reader can take in at a glance, and titles on lines that fit a phone."""

import json
import math
import textwrap
from collections.abc import Iterable
from typing import Any

import altair as alt

from jaxdl.reports.training_charts import scale_of

LINE = 48  # characters that fit a chart of 380 pixels
TICKS = 6
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def wrapped(text: str, width: int = LINE) -> list[str]:
    """Return a text as lines, nothing of it cut."""
    return textwrap.wrap(text, width) or [""]


def number_label(number: float | int, *, power: bool = False) -> str:
    """Return a number as it stands at an axis: 0.05, 10,000, 2×10⁻⁷; with `power`, 1,000 is 10³."""
    digits, _, exponent = f"{number:.2e}".partition("e")
    mantissa, exponent = f"{float(digits):g}", int(exponent or 0)
    if number == 0 or not math.isfinite(number):
        text = f"{number:g}"
    elif not power and -4 < exponent < 6:
        text = f"{number:,.6g}"
    elif exponent == 0:
        text = mantissa
    else:
        product = {"1": "", "-1": "-"}.get(mantissa, f"{mantissa}×")
        text = f"{product}10{str(exponent).translate(SUPERSCRIPTS)}"
    return text.replace("-", "−")


def scale(values: Iterable[float | int], kind: str | None = None, padding: int = 12) -> alt.Scale:
    """Return a logarithmic scale if the values are positive and far apart, else a linear one that may exclude 0."""
    chosen: dict[str, Any] = {"type": "log"} if (kind or scale_of(values)) == "log" else {"zero": False}
    return alt.Scale(**chosen, nice=False, padding=padding)


def ticks(values: Iterable[float | int], kind: str | None = None) -> list[float | int]:
    """Return a few round numbers between the smallest and the largest value, on the scale that `scale` gives them."""
    finite = [value for value in values if math.isfinite(value)]
    return _log_ticks(finite) if (kind or scale_of(finite)) == "log" else _linear_ticks(finite)


def axis(
    values: Iterable[float | int], kind: str | None = None, at: list | None = None, *, has_grid: bool = True
) -> alt.Axis:
    """Return an axis for these values, with ticks at the given numbers, or at a few round ones."""
    values = list(values)
    is_log, shown = (kind or scale_of(values)) == "log", at or ticks(values, kind)
    is_wide = is_log and at is None and (min(shown, default=1) < 1e-3 or max(shown, default=1) > 1e5)
    labels = [number_label(number, power=is_wide) for number in shown]
    text = f"{json.dumps(labels)}[indexof({json.dumps(shown)}, datum.value)]"
    return alt.Axis(values=shown, labelExpr=text, labelOverlap="greedy", labelSeparation=7, grid=has_grid)


def _linear_ticks(values) -> list[float]:
    """Return multiples of 1, 2, 2.5 or 5 times a power of ten between the smallest and the largest value."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    width = high / TICKS - low / TICKS
    if width < 1e-300:
        return [low]
    unit = 10.0 ** math.floor(math.log10(width))
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= width * (1 - 1e-9))
    multiples = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{multiple * step:.12g}") for multiple in multiples]


def _log_ticks(values) -> list[float]:
    """Return powers of ten between the smallest and the largest value; also 2 and 5 times them, or others, if few."""
    low, high = math.log10(min(values)) - 1e-9, math.log10(max(values)) + 1e-9
    powers = range(math.ceil(low), math.floor(high) + 1)
    if len(powers) >= 3:
        return [10.0**power for power in powers[:: math.ceil(len(powers) / TICKS)]]
    close = [factor * 10.0**power for power in range(math.floor(low), math.ceil(high)) for factor in (1, 2, 5)]
    shown = [float(f"{tick:.12g}") for tick in close if tick > 0 and low <= math.log10(tick) <= high]
    return shown if len(shown) >= 3 else _linear_ticks(values)
