"""Write one self-contained HTML page from the results in a run directory; the page fetches nothing from a network."""

import base64
import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.resources
import json
import os
import pathlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxdl import experiment
from jaxdl._formatting import format_argument, format_shapes
from jaxdl._printable import printable
from jaxdl.runs import files
from jaxdl.runs.contents import read_columns, read_content, read_history
from jaxdl.runs.data_report import concerns
from jaxdl.runs.directory import SETTINGS, checked_folder, is_file_name
from jaxdl.runs.manifest import COMPLETE, FOR_REPORT, is_complete, verify_files
from jaxdl.runs.results import BOUNDS
from jaxdl.statistics import mean_interval
from jaxdl.system.storage import private_cache, whole_file

PAGE = "report.html"
MARKS = {"supported": "✓", "refuted": "✗", "conditional": "±", "inconclusive": "?", "draft": "…"}  # read without color
SOURCES = {
    "digits": "“Optical Recognition of Handwritten Digits” of E. Alpaydin and C. Kaynak, UCI Machine Learning "
    "Repository, CC BY 4.0",
    "mnist": "MNIST of Y. LeCun, C. Cortes and C. Burges",
    "fashion_mnist": "Fashion-MNIST of Zalando SE, MIT license",
    "cifar10": "CIFAR-10 of A. Krizhevsky, V. Nair and G. Hinton",
}


def write_report(directory: str | pathlib.Path) -> pathlib.Path:
    """Write the page of a run, and its figures as SVG files.

    The page shows whatever the run has measured: a training (also an unfinished one), experiments, proofs, worked
    examples.

    Args:
        directory: A run directory of `jaxdl train`, `jaxdl trace --out` or the experiments.

    Returns:
        The path of the page, DIRECTORY/report.html.

    Raises:
        TypeError: The argument is not a path.
        FileNotFoundError: The directory is not a run directory.
        ValueError: A file of the run is damaged or that of another run.
        ModuleNotFoundError: The extra `report` is not installed.

    Example:
        >>> from jaxdl import reports
        >>> reports.write_report("no/such/run")
        Traceback (most recent call last):
        ...
        FileNotFoundError: no/such/run is not a run directory (no environment.json).
    """
    if not isinstance(directory, str | os.PathLike):
        raise TypeError(
            f"directory must be the path of a run directory, got {format_argument(directory)}: draw a result in memory "
            "with reports.figure."
        )
    directory = pathlib.Path(directory)
    found, trained = _results(directory)
    vl_convert = _extra(f"jaxdl report {directory}")[1]
    figures = _figures(directory, found, trained)
    folder = checked_folder(directory, "figures")
    for name, chart in figures.items():
        folder.mkdir(exist_ok=True)
        files.write_text(folder / f"{name}.svg", _svg(vl_convert, chart, name))
    content = _content(directory, found, trained)
    only_claims = found and not any((trained, content.get("done"), content["proofs"], content["pages"]))
    html = render_page(_template("book.html" if only_claims else "report.html"), figures, content)
    files.write_text(directory / PAGE, html)
    return directory / PAGE


def run_charts(directory: pathlib.Path) -> dict[str, Any]:
    """Draw the charts of a run directory, by name. Raises FileNotFoundError if it is not a run directory."""
    return _figures(directory, *_results(directory))


def _results(directory) -> tuple[list, bool]:
    """Return the results of experiments in a run directory, and whether it holds those of a training."""
    if not (directory / "environment.json").is_file():
        raise FileNotFoundError(f"{directory} is not a run directory (no environment.json).")
    if is_complete(directory):
        verify_files(directory, (*FOR_REPORT, COMPLETE))
    found = experiment.results(directory / "experiments")
    for result, _ in found:
        if not is_file_name(result["name"]):
            raise ValueError(
                f"{directory / 'experiments'} has a result with the name {result['name']!r}, which cannot name a "
                "figure: it must not begin with '.' or contain '/', '\\', ':' or control characters. Delete it."
            )
    return found, _is_trained(directory)


def render_page(template: str, figures: dict[str, Any], content: Mapping[str, Any]) -> str:
    """Render a template that extends `page.html`, with its charts and its content, to self-contained HTML.

    Raises ModuleNotFoundError if the extra `report` is not installed.
    """
    jinja2, _ = _extra("the command again")
    loader = jinja2.FunctionLoader(_template)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, finalize=_finalized, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    environment.filters["format_shapes"] = format_shapes
    environment.filters["scientific"] = lambda number: f"{number:.1e}"
    return environment.from_string(template).render(
        content,
        library=_library(),
        figures={name: _inline(chart) for name, chart in figures.items()},
    )


@functools.cache
def _library() -> str:
    """Return the JavaScript that draws figures in a browser, from a cache on disk because bundling takes a second.

    The first line of the cached file is the SHA-256 of the rest; a damaged file is replaced.
    """
    import vl_convert

    folder = private_cache("figures")
    name = f"vl-convert-{importlib.metadata.version('vl-convert-python')}.js"
    with contextlib.suppress(OSError):
        digest, _, content = (folder / name).read_bytes().partition(b"\n") if folder else (b"", b"", b"")
        if hashlib.sha256(content).hexdigest().encode() == digest:
            return content.decode()
    content = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").encode()
    if folder:
        with contextlib.suppress(OSError), whole_file(folder / name) as file:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    return content.decode()


def _svg(vl_convert, chart, name) -> str:
    try:
        return vl_convert.vegalite_to_svg(specification(chart))
    except ValueError as error:  # of many lines, with the source of the library
        reason = next(line for line in str(error).splitlines()[::-1] if line and "    at " not in line)
        raise ValueError(f"the figure {name!r} cannot be drawn from the results of the run ({reason}).") from error


def _template(name) -> str:
    return importlib.resources.files("jaxdl.reports.templates").joinpath(name).read_text(encoding="utf-8")


def _extra(again) -> tuple[Any, Any]:
    """Import jinja2 and vl_convert, or raise an error that names the extra to install and the command to repeat."""
    try:
        import jinja2
        import vl_convert
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cannot write the page: {error.name} is not installed. Install the extra `report` of jaxdl-lab, then run "
            f"{again}. All results are saved."
        ) from error
    return jinja2, vl_convert


def specification(chart: Any) -> dict[str, Any]:
    """Return the specification of a chart with printable texts, because Vega and SVG accept no others."""
    return _printable_texts(chart.to_dict())


def _printable_texts(part) -> Any:
    if isinstance(part, dict):
        return {name: _printable_texts(each) for name, each in part.items()}
    if isinstance(part, list):
        return [_printable_texts(each) for each in part]
    return printable(part) if isinstance(part, str) else part


def _finalized(value) -> Any:
    """Make texts that a template shows printable; Jinja escapes them afterwards."""
    return printable(value) if type(value) is str else value


def _inline(chart) -> str:
    """Serialize a chart as JSON that is safe inside a script element."""
    return json.dumps(specification(chart)).replace("<", "\\u003c")


def _figures(directory, found, trained) -> dict[str, Any]:
    """Draw the charts that the run has results for."""
    from jaxdl.reports import (
        experiment_charts,
        training_charts,  # altair is part of the extra
    )

    charts = {}
    if _is_unfinished(directory, trained):
        charts["learning_curves"] = training_charts.learning_curves(read_history(directory / "metrics.jsonl"))
    if trained:
        charts["learning_curves"] = training_charts.learning_curves(read_columns(directory / "metrics.parquet"))
        members = len(read_columns(directory / "members.parquet")["member"])
        for name, draw in (("confusion", training_charts.confusion), ("predicted", training_charts.predictions)):
            if (directory / f"{name}.parquet").is_file():
                charts[name] = draw(read_columns(directory / f"{name}.parquet"), members)
    return charts | {result["name"]: experiment_charts.figure(result, measured) for result, measured in found}


def _is_trained(directory) -> bool:
    """Return whether the directory holds the results of a finished training."""

    def has(*names):
        return all((directory / name).is_file() for name in names)

    evaluated = has("confusion.parquet", "mistakes.parquet") or has("predicted.parquet")
    return evaluated and has("settings.json", "quality.json", "cost.json", "metrics.parquet", "members.parquet")


def _is_unfinished(directory, trained) -> bool:
    """Return whether the directory holds a training that has finished an epoch but not all of them."""
    lines = directory / "metrics.jsonl"
    return not trained and (directory / SETTINGS).is_file() and lines.is_file() and lines.stat().st_size > 0


def _content(directory, found, trained) -> dict[str, Any]:
    """Read the content of the page from the files of the run."""

    def optional(name):
        return read_content(directory / name) if (directory / name).is_file() else None

    content: dict[str, Any] = {name: optional(f"{name}.json") for name in ("environment", "proofs", "splits", "pages")}
    unfinished = _is_unfinished(directory, trained)
    content["settings"] = optional(SETTINGS) if trained or unfinished else None
    content |= {name: optional(f"{name}.json") if trained else None for name in ("quality", "cost")}
    content["sources"] = SOURCES
    content["results"] = [result for result, _ in found]
    content["verdicts"] = Counter(claim["verdict"] for result in content["results"] for claim in result["claims"])
    content["chapters"] = [
        (chapter, [result for result in content["results"] if result["chapter"] == chapter.number])
        for chapter in experiment.CHAPTERS
    ]
    content["questions"] = [result for result in content["results"] if not result["chapter"]]
    content["marks"] = MARKS
    content["parts"] = []
    if unfinished:
        content["done"] = max(read_history(directory / "metrics.jsonl")["epoch"])
        content["directory"] = directory
    if not trained:
        return content
    content["concerns"] = list(concerns(content["quality"]))
    members = read_columns(directory / "members.parquet")
    content["members"] = len(members["member"])
    content["parts"] = [_part(part, members, content["cost"]["score"]) for part in ("train", "dev", "test")]
    mistakes = directory / "mistakes.parquet"
    content["mistakes"] = _mistakes(read_columns(mistakes)) if mistakes.is_file() else None
    content["diverged"] = np.count_nonzero(members.get("diverged", ()))
    content["best_epochs"] = sorted(members.get("best_epoch", ())) if content["settings"].get("patience") else ()
    return content


def _part(name, members, score) -> dict[str, Any]:
    """Return the main score of a part over the members, and the means of other scores."""
    values = members[name]
    more = {
        column.removeprefix(f"{name}_"): np.mean(members[column]) for column in members if column.startswith(f"{name}_")
    }
    interval = mean_interval(values, within=BOUNDS[score])._asdict()
    return {"name": name, **interval, "lowest": min(values), "highest": max(values), "more": more}


def _mistakes(table) -> list[dict[str, Any]]:
    """Return the rows of the table, with images as data URLs."""
    columns = {name: table[name] for name in ("example", "label", "predicted", "members_wrong")}
    if "image" in table:
        encoded = (base64.b64encode(image).decode() for image in table["image"])
        columns["address"] = [f"data:image/png;base64,{image}" for image in encoded]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
