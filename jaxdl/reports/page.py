"""Write one self-contained HTML page from the results in a run directory; the page fetches nothing from a network."""

import base64
import os
import pathlib
from typing import Any

import numpy as np

from jaxdl import experiment
from jaxdl._formatting import format_argument
from jaxdl.experiment import COURSE, ITEMS, chapter_of
from jaxdl.reports.book import Links, chapter_pages, count_verdicts, entry_html, experiment_html
from jaxdl.reports.rendering import extra, render_page, svg, template_text
from jaxdl.runs import files
from jaxdl.runs.contents import read_columns, read_content, read_history
from jaxdl.runs.data_report import concerns
from jaxdl.runs.directory import SETTINGS, checked_folder, is_file_name
from jaxdl.runs.manifest import COMPLETE, FOR_REPORT, is_complete, verify_files
from jaxdl.runs.results import BOUNDS
from jaxdl.statistics import mean_interval

PAGE = "report.html"
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
    examples. If it has measured claims of the course only, the page lists the items of the course, and the claims stand
    on one page for each chapter beside it, such as chapter-1.4.html.

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
    extra(f"jaxdl report {directory}")
    charts = _training_charts(directory, trained)
    folder = checked_folder(directory, "figures")
    for name, chart in (charts | _experiment_charts(found)).items():
        folder.mkdir(exist_ok=True)
        files.write_text(folder / f"{name}.svg", svg(chart, name))
    content = _content(directory, found, trained)
    if found and not any((trained, content.get("done"), content["proofs"], content["pages"])):
        _write_book(directory, found, content)
    else:
        content["experiments"] = [_article(result, measured) for result, measured in found]
        fluid = {name: _fluid(name, chart) for name, chart in charts.items()}
        files.write_text(directory / PAGE, render_page(template_text("report.html"), fluid, content))
    return directory / PAGE


def run_charts(directory: pathlib.Path) -> dict[str, Any]:
    """Draw the charts of a run directory, by name. Raises FileNotFoundError if it is not a run directory."""
    found, trained = _results(directory)
    return _training_charts(directory, trained) | _experiment_charts(found)


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


def _write_book(directory, found, content) -> None:
    """Write the pages of claims: the items of the course and its chapters, or the questions of one's own."""
    of_course = [result for result, _ in found if result["item"] is not None]
    content["questions"] = [_article(result, measured) for result, measured in found if result["item"] is None]
    if of_course:
        content |= {"entry": entry_html(of_course, Links()), "course": COURSE}
        numbers = {result["name"]: measured for result, measured in found}
        pages = [page for page in chapter_pages(of_course, numbers, Links()) if page.is_tested]
        for page in pages:
            html = render_page(template_text("chapter.html"), {}, {"page": page, "pages": pages})
            files.write_text(directory / f"chapter-{page.number}.html", html)
    files.write_text(directory / PAGE, render_page(template_text("book.html"), {}, content))


def _article(result, measured) -> dict[str, str]:
    """Return an experiment as HTML, with the item of the course, or the question, as its title."""
    item = result["item"]
    if item is not None:
        chapter_of(item)  # raises for an item that the course does not have
    title = result["sentence"] if item is None else f"{item} {ITEMS[item - 1].title}"
    return {"title": title, "html": experiment_html(result, measured, Links())}


def _fluid(name, chart) -> list[Any]:
    """Return the charts that a page shows for one of a training: each as wide as the page, except for a matrix."""
    charts = getattr(chart, "hconcat", [chart])
    return charts if name == "confusion" else [each.properties(width="container") for each in charts]


def _experiment_charts(found) -> dict[str, Any]:
    """Draw the charts of each experiment."""
    from jaxdl.reports import experiment_charts  # altair is part of the extra

    return {result["name"]: experiment_charts.figure(result, measured) for result, measured in found}


def _training_charts(directory, trained) -> dict[str, Any]:
    """Draw the charts of a training that the run has results for."""
    from jaxdl.reports import training_charts  # altair is part of the extra

    charts = {}
    if _is_unfinished(directory, trained):
        charts["learning_curves"] = training_charts.learning_curves(read_history(directory / "metrics.jsonl"))
    if trained:
        charts["learning_curves"] = training_charts.learning_curves(read_columns(directory / "metrics.parquet"))
        members = len(read_columns(directory / "members.parquet")["member"])
        for name, draw in (("confusion", training_charts.confusion), ("predicted", training_charts.predictions)):
            if (directory / f"{name}.parquet").is_file():
                charts[name] = draw(read_columns(directory / f"{name}.parquet"), members)
    return charts


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
    content["verdicts"] = count_verdicts(content["results"])
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
