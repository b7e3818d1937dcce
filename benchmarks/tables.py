"""What a case measured, for a terminal: a row a competitor, and a line for each target."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"), (1e-12, "ps"))
SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))


def tell(case: dict[str, Any], console: Console) -> None:
    """Print what was measured in a case, or why nothing was."""
    if "skipped" in case:
        console.print(f"{case['name']}: skipped, {case['skipped']}", markup=False, highlight=False)
        return
    console.print(table(case))
    console.print(answer(case), markup=False, highlight=False)
    for target in case["targets"]:
        console.print(escape(told(target)), highlight=False, style="green" if target["reached"] else "yellow")
    for competitor in case["left_out"]:
        console.print(f"left out: {competitor}", markup=False, highlight=False)


def table(case: dict[str, Any]) -> Table:
    """A row a competitor."""
    shown = Table(title=f"{case['name']}; times for one {case['unit']}", title_justify="left")
    remembers = any(row["memory"] is not None for row in case["rows"])
    shown.add_column("")
    for heading in ("time", "ratio", "interval", "compile", "check", *(["memory"] if remembers else [])):
        shown.add_column(heading, justify="right")
    for row in case["rows"]:
        cells = [duration(row["seconds"]), f"{row['ratio']:.3g}", f"{row['ratio_low']:.3g} – {row['ratio_high']:.3g}"]
        cells += [duration(row["compile"]), "" if row["result"] is None else f"{row['result']:.4g}"]
        cells += [size(row["memory"])] if remembers else []
        shown.add_row(named(row), *cells)
    return shown


def named(row: dict[str, Any]) -> str:
    """A competitor and the setting in which it ran."""
    return f"{row['name']} ({row['setting']})" if row["setting"] not in row["name"] else row["name"]


def answer(case: dict[str, Any]) -> str:
    """What was measured, in a sentence: how long the first takes, and how many times as long the nearest other."""
    first, *others = case["rows"]
    begun = f"{first['name']} takes {duration(first['seconds'])} for one {case['unit']}"
    if not others:
        return f"{begun}."
    if first["at"] is not None:
        told = ", ".join(f"{row['name']} {row['ratio']:.3g} times" for row in others)
        return f"{begun}; {told}."
    nearest = min(others, key=lambda row: row["ratio"])
    ratio = f"{nearest['ratio']:.3g} times as long ({nearest['ratio_low']:.3g} to {nearest['ratio_high']:.3g})"
    if len(others) == 1:
        return f"{begun}; {named(nearest)} {ratio}."
    return f"{begun}; of the others {named(nearest)} takes least, {ratio}."


def told(target: dict[str, Any]) -> str:
    """What was to be reached, and whether it was."""
    wanted = f"at least {target['at_least']:g} times as fast as {target['competitor']}"
    if target["reached"] is None:
        return f"{wanted}: not compared, {target['why']}"
    verdict = "reached" if target["reached"] else "not reached"
    figures = f"{target['ratio']:.3g} ({target['low']:.3g} to {target['high']:.3g})"
    close = "" if target["sure"] else ", within what the rounds differ by"
    return f"{wanted}: {verdict}{close}, {figures}{'; ' if target['why'] else ''}{target['why']}"


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    scale, unit = next((s for s in SCALES if seconds >= s[0]), SCALES[-1])
    return f"{seconds / scale:.3g} {unit}"


def size(memory: int | None) -> str:
    """Bytes, three digits and a unit."""
    if memory is None:
        return ""
    scale, unit = next((s for s in SIZES if memory >= s[0]), SIZES[-1])
    return f"{memory / scale:.3g} {unit}"
