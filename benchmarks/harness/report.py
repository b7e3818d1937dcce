"""Write one self-contained HTML page from stored measurements: answers, targets, tables and charts of growth."""

import pathlib
from collections import defaultdict
from typing import Any

from benchmarks.harness import tables
from jaxdl.reports.rendering import render_page
from jaxdl.runs import files
from jaxdl.system.schema import Integer, Many, Mapping, Number, Text, check_content

SECONDS, TEXT, RATIO = Number(0), Text(), Number()
ROW = {
    "name": TEXT,
    "configuration": TEXT,
    "tried": Many([TEXT, SECONDS]),
    "size": (None, Number()),
    "result": (None, float),
    "memory_bytes": (None, Number(0)),
    **dict.fromkeys(("seconds_per_unit", "compile_seconds"), SECONDS),
    **dict.fromkeys(("ratio", "ratio_low", "ratio_high"), RATIO),
}
UNMEASURED = {"competitor": TEXT, "at_least": RATIO, "reached": None, "explanation": TEXT}  # a target
MEASURED = {
    "competitor": TEXT,
    "at_least": RATIO,
    "reached": bool,
    "conclusive": bool,
    "explanation": TEXT,
    **dict.fromkeys(("ratio", "low", "high"), RATIO),
}
CASE = {
    **dict.fromkeys(("name", "unit", "axis"), TEXT),
    "size": (None, Number()),
    "rounds": Integer(1),
    "coverage": Number(0, 1),
    "rows": Many(ROW, least=1),
    "targets": Many(Mapping(object)),
    "skipped_competitors": Many(TEXT),
}
SKIPPED = {"name": TEXT, "axis": TEXT, "skipped": TEXT}  # a case
MEASUREMENT = {
    **dict.fromkeys(("name", "question", "workload"), TEXT),
    "environment": {
        **dict.fromkeys(("date", "device", "machine", "python", "jax", "flax", "optax"), TEXT),
        "cores": (None, Integer()),
    },
    "versions": Mapping(TEXT),
    "total_seconds": SECONDS,
    "cases": Many(Mapping(object)),
}
TEMPLATE = pathlib.Path(__file__).with_name("report.html")


def write_report(results: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Write the page for all measurements in a directory.

    Args:
        results: Directory with the NAME.json files that `python -m benchmarks run` writes.
        out: Path of the page. Its directory is created; an existing page is replaced.

    Returns:
        The path of the page.

    Raises:
        FileNotFoundError: If the directory has no measurements.
        ValueError: If a file was written by another version of the harness.
        ModuleNotFoundError: If the extra `report` is not installed.
    """
    measured = read_measurements(results)
    figures, charts = {}, {}
    for benchmark in measured:
        for axis, points in growth_curves(benchmark).items():
            figures.setdefault(benchmark["name"], []).append(f"figure-{len(charts)}")
            charts[f"figure-{len(charts)}"] = (axis, points)
    content = {
        "benchmarks": [
            benchmark
            | {
                "cases": [page_case(case) for case in benchmark["cases"]],
                "figures": figures.get(benchmark["name"], ()),
            }
            for benchmark in measured
        ],
        "targets": [
            target for benchmark in measured for case in benchmark["cases"] for target in case.get("targets", ())
        ],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(out, render_page(TEMPLATE.read_text(encoding="utf-8"), _draw(charts), content))
    return out


def read_measurements(results: pathlib.Path) -> list[dict[str, Any]]:
    """Read all measurements of a directory, sorted by name.

    Raises FileNotFoundError if the directory has no measurements, and ValueError if a file has another format.
    """
    paths = sorted(results.glob("*.json"))
    if not paths:
        raise FileNotFoundError(
            f"{results} contains no benchmark results (NAME.json). Run `python -m benchmarks run` first."
        )
    try:
        return [_read_measurement(path) for path in paths]
    except ValueError as error:
        raise ValueError(f"{error} If another version of the benchmarks wrote it, run that benchmark again.") from error


def _read_measurement(path) -> dict[str, Any]:
    measurement = files.read_json(path, MEASUREMENT)
    try:
        for case in measurement["cases"]:
            check_content(case, SKIPPED if "skipped" in case else CASE, "a case")
            for target in case.get("targets", []):
                check_content(target, UNMEASURED if target.get("reached") is None else MEASURED, "a target")
    except ValueError as error:
        raise ValueError(f"{path} is damaged or was written by another version of jaxdl: {error}.") from error
    return measurement


def page_case(case: dict[str, Any]) -> dict[str, Any]:
    """Return a case with its values formatted for the page; a skipped case is returned unchanged."""
    if "skipped" in case:
        return case
    rows = [
        {
            "name": row["name"],
            "label": tables.label(row),
            "tried": [f"{tables.format_seconds(seconds)} with {name}" for name, seconds in row["tried"]],
            "time": tables.format_seconds(row["seconds_per_unit"]),
            "ratio": f"{row['ratio']:.3g}",
            "interval": f"{row['ratio_low']:.3g} – {row['ratio_high']:.3g}",
            "compile": tables.format_seconds(row["compile_seconds"]),
            "memory": tables.format_bytes(row["memory_bytes"]),
            "result": "" if row["result"] is None else f"{row['result']:.4g}",
        }
        for row in case["rows"]
    ]
    return case | {
        "answer": tables.summary_sentence(case),
        "rows": rows,
        "targets": [target | {"sentence": tables.target_sentence(target)} for target in case["targets"]],
        "has_memory": any(row["memory"] for row in rows),
    }


def growth_curves(measured: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the points of the charts of a benchmark, per axis: seconds per unit against the size of a case or row.

    An axis with a single size has no chart.
    """
    found = defaultdict(list)
    for case in measured["cases"]:
        for row in case.get("rows", ()) if case["axis"] else ():
            at, line = (case["size"], row["name"]) if row["size"] is None else (row["size"], "jaxdl")
            seconds = row["seconds_per_unit"]
            found[case["axis"]].append({"line": line, "at": at, "seconds": seconds, "unit": case["unit"]})
    return {axis: points for axis, points in found.items() if len({point["at"] for point in points}) > 1}


def _draw(charts):
    from jaxdl.reports import training_charts  # altair is part of the extra

    return {name: training_charts.scaling(points, axis) for name, (axis, points) in charts.items()}
