"""One self-contained page from a run directory: whatever the run has measured is shown, and nothing else is fetched."""

import base64
import contextlib
import functools
import importlib.metadata
import importlib.resources
import json
import pathlib
from collections import Counter
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np
from rich.console import Console

from jaxdl import experiment, run
from jaxdl.proofs import shapes_tried
from jaxdl.quality import doubts
from jaxdl.record import BOUNDS
from jaxdl.statistics import mean_interval
from jaxdl.storage import cache_dir, whole_file

PAGE = "report.html"
MARKS = {"supported": "✓", "refuted": "✗", "conditional": "±", "inconclusive": "?"}  # read without colour
SOURCES = {
    "digits": "“Optical Recognition of Handwritten Digits” of E. Alpaydin and C. Kaynak, UCI Machine Learning "
    "Repository, CC BY 4.0",
    "mnist": "MNIST of Y. LeCun, C. Cortes and C. Burges",
    "fashion_mnist": "Fashion-MNIST of Zalando SE, MIT licence",
    "cifar10": "CIFAR-10 of A. Krizhevsky, V. Nair and G. Hinton",
}


def write(directory: pathlib.Path) -> pathlib.Path:
    """Write the page of a run, and its figures as SVG; returns the page's path.

    Raises FileNotFoundError where the directory is no run, and ModuleNotFoundError without the extra `report`.
    """
    if not (directory / "environment.json").is_file():
        raise FileNotFoundError(f"run must be a directory that a run has written, but {directory} holds none.")
    vl_convert = _extra(f"jaxdl report {directory}")[1]
    found, trained = experiment.results(directory / "experiments"), _trained(directory)
    figures = _figures(directory, found, trained)
    for name, chart in figures.items():
        (directory / "figures").mkdir(exist_ok=True)
        run.write_text(directory / "figures" / f"{name}.svg", vl_convert.vegalite_to_svg(chart.to_dict()))
    content = _content(directory, found, trained)
    alone = found and not any((trained, content.get("done"), content["proofs"], content["pages"]))
    written = page(_template("book.html" if alone else "report.html"), figures, content)
    run.write_text(directory / PAGE, written)
    return directory / PAGE


def page(template: str, figures: dict[str, Any], content: Mapping[str, Any]) -> str:
    """A self-contained page: a template that extends `page.html`, its charts, and what else it tells by name.

    Raises ModuleNotFoundError without the extra `report`.
    """
    jinja2, _ = _extra("it again")
    loader = jinja2.FunctionLoader(_template)
    environment = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    environment.filters["shapes_tried"] = shapes_tried
    environment.filters["scientific"] = lambda number: f"{number:.1e}"
    return environment.from_string(template).render(
        content,
        library=_library(),
        figures={name: _inline(chart.to_dict()) for name, chart in figures.items()},
    )


@functools.cache
def _library() -> str:
    """The script that draws figures in a browser: to put it together takes a second, so that it is kept on disk."""
    import vl_convert

    path = cache_dir() / "figures" / f"vl-convert-{importlib.metadata.version('vl-convert-python')}.js"
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8")
    library = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    with contextlib.suppress(OSError), whole_file(path) as file:
        file.write(library.encode())
    return library


def _template(name) -> str:
    return importlib.resources.files("jaxdl.templates").joinpath(name).read_text(encoding="utf-8")


def _extra(again) -> tuple[Any, Any]:
    """What a page needs, or what to install and then to say again."""
    try:
        import jinja2
        import vl_convert
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a page needs {error.name}, which is not installed: install the extra `report` of jaxdl-lab, then say "
            f"{again}; the run's tables are there."
        ) from error
    return jinja2, vl_convert


@contextlib.contextmanager
def told(directory: pathlib.Path, console: Console) -> Generator[None]:
    """Tell on a page what is measured inside; Ctrl-C ends it with what was measured until then, and is passed on."""
    try:
        yield
    except KeyboardInterrupt:
        if run.measured(directory):
            console.print(
                f"interrupted; what was computed is saved in {directory}", markup=False, highlight=False, soft_wrap=True
            )
            tell_page(directory, console)
        raise
    tell_page(directory, console)


def tell_page(directory: pathlib.Path, console: Console) -> None:
    """Write the page and print its path, or what to install for it; the measurements are safe either way."""
    try:
        console.print(f"page: {write(directory)}", markup=False, highlight=False, soft_wrap=True)
    except ModuleNotFoundError as error:
        console.print(str(error), markup=False, highlight=False, soft_wrap=True)


def _inline(specification) -> str:
    """A specification as JSON that can stand inside a script element."""
    return json.dumps(specification).replace("</", "<\\/")


def _figures(directory, found, trained) -> dict[str, Any]:
    """The charts that the run has numbers for."""
    from jaxdl import panels, plots  # altair is part of the extra

    charts = {}
    if _begun(directory, trained):
        charts["learning_curves"] = plots.learning_curves(run.read_lines(directory / "metrics.jsonl"))
    if trained:
        charts["learning_curves"] = plots.learning_curves(run.read_table(directory / "metrics.parquet"))
        members = len(run.read_table(directory / "members.parquet")["member"])
        for name, draw in (("confusion", plots.confusion), ("predicted", plots.predictions)):
            if (directory / f"{name}.parquet").is_file():
                charts[name] = draw(run.read_table(directory / f"{name}.parquet"), members)
    return charts | {result["name"]: panels.figure(result, measured) for result, measured in found}


def _trained(directory) -> bool:
    """Is there a training that was recorded to its end?"""

    def there(*names):
        return all((directory / name).is_file() for name in names)

    judged = there("confusion.parquet", "mistakes.parquet") or there("predicted.parquet")
    return judged and there("settings.json", "quality.json", "cost.json", "metrics.parquet", "members.parquet")


def _begun(directory, trained) -> bool:
    """Is there a training that has not come to its end, but to that of an epoch?"""
    lines = directory / "metrics.jsonl"
    return not trained and (directory / run.SETTINGS).is_file() and lines.is_file() and lines.stat().st_size > 0


def _content(directory, found, trained) -> dict[str, Any]:
    """What the page says, read from the run's files."""

    def optional(name):
        return run.read_json(directory / name) if (directory / name).is_file() else None

    content: dict[str, Any] = {
        name: optional(f"{name}.json")
        for name in ("environment", "settings", "quality", "cost", "proofs", "splits", "pages")
    }
    content["sources"] = SOURCES
    content["results"] = [result for result, _ in found]
    content["verdicts"] = Counter(claim["verdict"] for result in content["results"] for claim in result["claims"])
    content["chapters"] = [
        (chapter, [result for result in content["results"] if result["chapter"] == chapter.number])
        for chapter in experiment.CHAPTERS
    ]
    content["marks"] = MARKS
    content["parts"] = []
    if _begun(directory, trained):
        content["done"] = max(run.read_lines(directory / "metrics.jsonl")["epoch"])
        content["directory"] = directory
        return {**content, "quality": None, "cost": None}
    if not trained:
        return {**content, "settings": None, "quality": None, "cost": None}
    content["doubts"] = list(doubts(content["quality"]))
    members = run.read_table(directory / "members.parquet")
    content["members"] = len(members["member"])
    content["parts"] = [_part(part, members, content["cost"]["score"]) for part in ("train", "dev", "test")]
    mistakes = directory / "mistakes.parquet"
    content["mistakes"] = _mistakes(run.read_table(mistakes)) if mistakes.is_file() else None
    content["diverged"] = np.count_nonzero(members.get("diverged", ()))
    content["lasted"] = sorted(members.get("best_epoch", ())) if content["settings"].get("patience") else ()
    return content


def _part(name, members, score) -> dict[str, Any]:
    """A part's score over the members, and the mean of any other that there is."""
    values = members[name]
    more = {
        column.removeprefix(f"{name}_"): np.mean(members[column]) for column in members if column.startswith(f"{name}_")
    }
    told = mean_interval(values, within=BOUNDS[score])._asdict()
    return {"name": name, **told, "lowest": min(values), "highest": max(values), "more": more}


def _mistakes(table) -> list[dict[str, Any]]:
    """Rows of the table, each image, where there are any, as an address that needs no file."""
    columns = {name: values for name, values in table.items() if name != "image"}
    if "image" in table:
        encoded = (base64.b64encode(image).decode() for image in table["image"])
        columns["address"] = [f"data:image/png;base64,{image}" for image in encoded]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
