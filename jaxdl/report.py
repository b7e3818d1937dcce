"""One self-contained page from a run directory: whatever the run has measured is shown, and nothing else is fetched."""

import base64
import contextlib
import importlib.resources
import json
import pathlib
from collections.abc import Generator
from typing import Any

import numpy as np
from rich.console import Console

from jaxdl import experiment, run
from jaxdl.proofs import shapes_tried
from jaxdl.statistics import mean_interval

PAGE = "report.html"


def write(directory: pathlib.Path) -> pathlib.Path:
    """Write the page of a run, and its figures as SVG; returns the page's path.

    Raises FileNotFoundError where the directory is no run, and ModuleNotFoundError without the extra `report`.
    """
    if not (directory / "environment.json").is_file():
        raise FileNotFoundError(f"run must be a directory that a run has written, but {directory} holds none.")
    try:
        import jinja2
        import vl_convert
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"a page needs {error.name}, which is not installed: install the extra `report` of jaxdl-lab, then say "
            f"jaxdl report {directory}; the run's tables are there."
        ) from error
    found, trained = experiment.results(directory / "experiments"), _trained(directory)
    figures = _figures(directory, found, trained)
    for name, chart in figures.items():
        (directory / "figures").mkdir(exist_ok=True)
        run.write_text(directory / "figures" / f"{name}.svg", vl_convert.vegalite_to_svg(chart.to_dict()))
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    environment.filters["shapes_tried"] = shapes_tried
    environment.filters["scientific"] = lambda number: f"{number:.1e}"
    template = importlib.resources.files("jaxdl.templates").joinpath("report.html").read_text(encoding="utf-8")
    page = environment.from_string(template).render(
        **_content(directory, found, trained),
        library=vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"),
        figures={name: _inline(chart.to_dict()) for name, chart in figures.items()},
    )
    run.write_text(directory / PAGE, page)
    return directory / PAGE


@contextlib.contextmanager
def told(directory: pathlib.Path, console: Console) -> Generator[None]:
    """Tell on a page what is measured inside; Ctrl-C ends it with what was measured until then, and is passed on."""
    try:
        yield
    except KeyboardInterrupt:
        if run.measured(directory):
            console.print(f"interrupted; what was computed is saved in {directory}", highlight=False, soft_wrap=True)
            tell_page(directory, console)
        raise
    tell_page(directory, console)


def tell_page(directory: pathlib.Path, console: Console) -> None:
    """Write the page and print its path, or what to install for it; the measurements are safe either way."""
    try:
        console.print(f"page: {write(directory)}", highlight=False, soft_wrap=True)
    except ModuleNotFoundError as error:
        console.print(str(error), highlight=False, soft_wrap=True)


def _inline(specification) -> str:
    """A specification as JSON that can stand inside a script element."""
    return json.dumps(specification).replace("</", "<\\/")


def _figures(directory, found, trained) -> dict[str, Any]:
    """The charts that the run has numbers for."""
    from jaxdl import plots  # altair is part of the extra

    charts = {}
    if trained:
        charts["learning_curves"] = plots.learning_curves(run.read_table(directory / "metrics.parquet"))
        members = len(run.read_table(directory / "members.parquet")["member"])
        charts["confusion"] = plots.confusion(run.read_table(directory / "confusion.parquet"), members)
    for result, measured in found:
        charts[result["name"]] = (plots.growth if result.get("index") else plots.arms)(result, measured)
    return charts


def _trained(directory) -> bool:
    """Is there a training that was recorded to its end?"""
    tables = [f"{name}.parquet" for name in ("metrics", "members", "confusion", "mistakes")]
    return all((directory / name).is_file() for name in ("settings.json", "cost.json", *tables))


def _content(directory, found, trained) -> dict[str, Any]:
    """What the page says, read from the run's files."""

    def optional(name):
        return run.read_json(directory / name) if (directory / name).is_file() else None

    content: dict[str, Any] = {
        name: optional(f"{name}.json") for name in ("environment", "settings", "cost", "proofs", "splits", "pages")
    }
    content["verdicts"] = [result for result, _ in found]
    content["parts"] = []
    if not trained:
        content["settings"] = content["cost"] = None
    else:
        members = run.read_table(directory / "members.parquet")
        content["members"] = len(members.pop("member"))
        content["parts"] = [
            {
                "name": part,
                **mean_interval(values, within=(0.0, 1.0))._asdict(),
                "lowest": min(values),
                "highest": max(values),
            }
            for part, values in members.items()
        ]
        content["mistakes"] = _mistakes(run.read_table(directory / "mistakes.parquet"))
        content["diverged"] = int(np.isnan(run.read_table(directory / "metrics.parquet")["train_loss"]).any())
    return content


def _mistakes(table) -> list[dict[str, Any]]:
    """Rows of the table, each image as an address that needs no file."""
    names = [name for name in table if name != "image"]
    return [
        {
            **{name: table[name][row] for name in names},
            "address": f"data:image/png;base64,{base64.b64encode(image).decode()}",
        }
        for row, image in enumerate(table["image"])
    ]
