"""Print the measurements of a case: one row per competitor and one line per target."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))
BYTE_UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def print_case(case: dict[str, Any], console: Console) -> None:
    """Print the measurements of a case, or the reason why it was skipped."""
    if "skipped" in case:
        console.print(f"{case['name']}: skipped ({case['skipped']})", markup=False, highlight=False)
        return
    console.print(table(case))
    console.print(summary_sentence(case), markup=False, highlight=False)
    for target in case["targets"]:
        console.print(
            escape(target_sentence(target)), highlight=False, style="green" if target["reached"] else "yellow"
        )
    for competitor in case["skipped_competitors"]:
        console.print(f"skipped: {competitor}", markup=False, highlight=False)


def table(case: dict[str, Any]) -> Table:
    """Return a table with one row per competitor."""
    shown = Table(title=f"{case['name']}: time per {case['unit']}", title_justify="left")
    has_memory = any(row["memory_bytes"] is not None for row in case["rows"])
    shown.add_column("")
    interval = f"{100 * case['coverage']:.0f} % interval"
    for heading in ("time", "ratio", interval, "compile", "result", *(["memory"] if has_memory else [])):
        shown.add_column(heading, justify="right")
    for row in case["rows"]:
        cells = [format_seconds(row["seconds_per_unit"]), f"{row['ratio']:.3g}"]
        cells += [f"{row['ratio_low']:.3g} – {row['ratio_high']:.3g}", format_seconds(row["compile_seconds"])]
        cells += ["" if row["result"] is None else f"{row['result']:.4g}"]
        cells += [format_bytes(row["memory_bytes"])] if has_memory else []
        shown.add_row(label(row), *cells)
    return shown


def label(row: dict[str, Any]) -> str:
    """Return the name of a competitor with the configuration that it ran in."""
    return f"{row['name']} ({row['configuration']})" if row["configuration"] not in row["name"] else row["name"]


def summary_sentence(case: dict[str, Any]) -> str:
    """Return the time of the first competitor and the ratio of the fastest other one, or of all if they differ in size.

    A ratio of 2 means that the other competitor takes twice as long as the first.
    """
    first, *others = case["rows"]
    time = f"Time per {case['unit']}: {format_seconds(first['seconds_per_unit'])} for {first['name']}"
    if not others:
        return f"{time}."
    if first["size"] is not None:
        ratios = ", ".join(f"{row['ratio']:.3g} for {row['name']}" for row in others)
        return f"{time}. Relative to that: {ratios}."
    fastest = min(others, key=lambda row: row["ratio"])
    ratio = f"{fastest['ratio']:.3g} times as long ({fastest['ratio_low']:.3g} to {fastest['ratio_high']:.3g})"
    name = label(fastest) if len(others) == 1 else f"the fastest competitor, {label(fastest)}"
    return f"{time}; {ratio} for {name}."


def target_sentence(target: dict[str, Any]) -> str:
    """Return the target, whether it was reached, and the measured ratio with its interval."""
    goal = f"Target: at least {target['at_least']:g} times as fast as {target['competitor']}"
    if target["reached"] is None:
        return f"{goal}. Not compared: {target['explanation']}."
    outcome = "Reached" if target["reached"] else "Not reached"
    doubt = "" if target["conclusive"] else ", but the interval contains the target"
    sentence = f"{goal}. {outcome}: {target['ratio']:.3g} ({target['low']:.3g} to {target['high']:.3g}){doubt}."
    return f"{sentence} {target['explanation']}" if target["explanation"] else sentence


def format_seconds(seconds: float) -> str:
    """Return seconds with three significant digits and a suitable unit."""
    scale, unit = next((entry for entry in TIME_UNITS if seconds >= entry[0]), TIME_UNITS[-1])
    return f"{seconds / scale:.3g} {unit}"


def format_bytes(count: int | None) -> str:
    """Return bytes with three significant digits and a suitable unit; an empty string for None."""
    if count is None:
        return ""
    scale, unit = next((entry for entry in BYTE_UNITS if count >= entry[0]), BYTE_UNITS[-1])
    return f"{count / scale:.3g} {unit}"
