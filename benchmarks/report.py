"""One self-contained page from the numbers of earlier runs: answers, tables, targets, charts of how times grow."""

import pathlib
from collections import defaultdict
from typing import Any

from benchmarks import tables
from jaxdl.reports.page import render_page
from jaxdl.runs import files

TEMPLATE = pathlib.Path(__file__).with_name("report.html")


def write(results: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Write the page; its path.

    Raises FileNotFoundError where there are no results, ValueError where one is of an older version, and
    ModuleNotFoundError without the extra `report`.
    """
    paths = sorted(results.glob("*.json"))
    found = [files.read_json(path) for path in paths]
    if not found:
        raise FileNotFoundError(
            f"results must be a directory with NAME.json of benchmarks, but {results} has none: "
            "python -m benchmarks run writes them."
        )
    older = [path for path, each in zip(paths, found, strict=True) if "cases" not in each]
    if older:
        raise ValueError(f"results must be of this version, but {older[0]} has no cases: run that benchmark again.")
    names, charts = {}, {}
    for each in found:
        for axis, lines in curves(each).items():
            names.setdefault(each["name"], []).append(f"figure-{len(charts)}")
            charts[f"figure-{len(charts)}"] = (axis, lines)
    content = {
        "benchmarks": [
            each | {"cases": [shown(case) for case in each["cases"]], "figures": names.get(each["name"], ())}
            for each in found
        ],
        "targets": [target for each in found for case in each["cases"] for target in case.get("targets", ())],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    files.write_text(out, render_page(TEMPLATE.read_text(encoding="utf-8"), _drawn(charts), content))
    return out


def shown(case: dict[str, Any]) -> dict[str, Any]:
    """A case as the page tells it: a sentence, and the cells of its table."""
    if "skipped" in case:
        return case
    rows = [
        {
            "name": tables.named(row),
            "tried": ", ".join(f"{name} {tables.duration(took)}" for name, took in row.get("tried", ())),
            "time": tables.duration(row["seconds"]),
            "ratio": f"{row['ratio']:.3g}",
            "between": f"{row['ratio_low']:.3g} – {row['ratio_high']:.3g}",
            "compile": tables.duration(row["compile"]),
            "memory": tables.size(row["memory"]),
            "result": "" if row["result"] is None else f"{row['result']:.4g}",
        }
        for row in case["rows"]
    ]
    said = [target | {"told": tables.told(target)} for target in case["targets"]]
    return case | {
        "answer": tables.answer(case),
        "rows": rows,
        "targets": said,
        "memory": any(row["memory"] for row in rows),
    }


def curves(answered: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """For each axis the points of its lines: seconds for one unit against a size, of a case or of its competitors."""
    found = defaultdict(list)
    for case in answered["cases"]:
        for row in case.get("rows", ()) if case["axis"] else ():
            at, line = (case["at"], row["name"]) if row["at"] is None else (row["at"], "jaxdl")
            found[case["axis"]].append({"line": line, "at": at, "seconds": row["seconds"], "unit": case["unit"]})
    return {axis: points for axis, points in found.items() if len({point["at"] for point in points}) > 1}


def _drawn(charts):
    from jaxdl.reports import training_charts  # altair is part of the extra

    return {name: training_charts.scaling(points, axis) for name, (axis, points) in charts.items()}
