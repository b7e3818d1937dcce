"""Render templates to HTML, and charts to the element that a script draws; the parts that all pages share."""

import contextlib
import functools
import hashlib
import importlib.metadata
import importlib.resources
import json
from collections.abc import Mapping
from typing import Any

from jaxdl._formatting import format_shapes
from jaxdl._printable import printable
from jaxdl.system.storage import private_cache, whole_file

MARKS = {"supported": "✓", "refuted": "✗", "conditional": "±", "inconclusive": "?", "draft": "…"}  # read without color
AXES = 60  # pixels that axis and title of a chart take, about


READINGS = {"literal": "literal", "careful": "careful", "": "plain"}


def render(template: str, content: Mapping[str, Any]) -> str:
    """Render a template, whose source is given, with everything in it escaped.

    Raises ModuleNotFoundError if the extra `report` is not installed.
    """
    return _compiled(template).render(content)


@functools.cache
def _compiled(template: str) -> Any:
    return _environment().from_string(template)


@functools.cache
def _environment() -> Any:
    jinja2, _ = extra("the command again")
    loader = jinja2.FunctionLoader(template_text)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, finalize=_finalized, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals |= {"marks": MARKS, "readings": READINGS}
    environment.filters["percent"] = lambda share, digits=1: f"{100 * share:.{digits}f} %"
    environment.filters["format_shapes"] = format_shapes
    environment.filters["scientific"] = lambda number: f"{number:.1e}"
    return environment


def render_page(template: str, charts: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """Render a template that extends `page.html`, with its charts and its content, to self-contained HTML.

    In the template, `charts.NAME` is the element of a chart, or the elements of a list of charts.

    Raises ModuleNotFoundError if the extra `report` is not installed.
    """
    import markupsafe  # a part of jinja2

    lists = {name: chart if isinstance(chart, list) else [chart] for name, chart in charts.items()}
    drawn = {
        name: markupsafe.Markup("".join(chart_html(chart, name) for chart in several))
        for name, several in lists.items()
    }
    parts = {"style": "book.css", "draw": "charts.js", "filter": "book.js"}
    files = {name: template_text(file) for name, file in parts.items()}
    return render(template, {**content, **files, "library": library(), "charts": drawn})


def template_text(name: str) -> str:
    """Return the content of a file in `jaxdl/reports/templates`."""
    return importlib.resources.files("jaxdl.reports.templates").joinpath(name).read_text(encoding="utf-8")


def chart_html(chart: Any, name: str = "", *, is_fluid: bool = False) -> str:
    """Return the element of a chart, which `charts.js` draws when it comes into view.

    Its height is reserved, so that the page does not move when the chart is drawn. A fluid chart, which must be a
    single or layered view, takes the width of its place.
    """
    import markupsafe

    drawn = specification(chart) | ({"width": "container"} if is_fluid else {})
    height = drawn.get("height", 0)
    reserved = f' style="min-height:{height + AXES}px"' if isinstance(height, int) and height else ""
    label = f' data-chart="{markupsafe.escape(printable(name))}"' if name else ""
    content = json.dumps(drawn).replace("<", "\\u003c")
    kind = "" if drawn.get("width") == "container" else " jaxdl-chart-fixed"
    return f'<div class="jaxdl-chart{kind}"{label}{reserved}><script type="application/json">{content}</script></div>'


def specification(chart: Any) -> dict[str, Any]:
    """Return the specification of a chart with printable texts, because Vega and SVG accept no others."""
    return _printable_texts(chart.to_dict(validate=False))  # Altair has checked each part, and Vega checks the whole


def svg(chart: Any, name: str) -> str:
    """Draw a chart as SVG. Raises ValueError, which names the chart, if that is impossible."""
    _, vl_convert = extra("the command again")
    try:
        return vl_convert.vegalite_to_svg(specification(chart))
    except ValueError as error:  # of many lines, with the source of the library
        reason = next(line for line in str(error).splitlines()[::-1] if line and "    at " not in line)
        raise ValueError(f"the figure {name!r} cannot be drawn from the results of the run ({reason}).") from error


@functools.cache
def library() -> str:
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


def extra(again: str) -> tuple[Any, Any]:
    """Import jinja2 and vl_convert.

    Raises ModuleNotFoundError that names the extra to install and the command to repeat.
    """
    try:
        import jinja2
        import vl_convert
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"cannot write the page: {error.name} is not installed. Install the extra `report` of jaxdl-lab, then run "
            f"{again}. All results are saved."
        ) from error
    return jinja2, vl_convert


def _printable_texts(part) -> Any:
    if isinstance(part, dict):
        return {name: _printable_texts(each) for name, each in part.items()}
    if isinstance(part, list):
        return [_printable_texts(each) for each in part]
    return printable(part) if isinstance(part, str) else part


def _finalized(value) -> Any:
    """Make texts that a template shows printable; Jinja escapes them afterwards."""
    return printable(value) if type(value) is str else value
