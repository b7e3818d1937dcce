"""The book of claims as pages of the site, and the directive `claims`, which shows experiments inside a chapter."""

import os
import pathlib
import re
import shutil

import public
from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from verdicts import read_result

from jaxdl.experiment import COURSE
from jaxdl.reports import book
from jaxdl.reports.rendering import template_text

ROOT = pathlib.Path(__file__).parents[2]
RESULTS = ROOT / "experiments" / "results"
ITEMS = re.compile(r"^:items: (.*)$", re.MULTILINE)
RANGE = re.compile(r"(\d+)(?:–(\d+))?")


def kept_results() -> dict[str, dict]:
    """Return the committed results, by name."""
    return {path.stem: read_result(path.stem) for path in sorted(RESULTS.glob("*.json"))}


def items_in(source: str) -> list[int]:
    """Return the items of the course that a chapter teaches, as the option `items` of its directive `chapter` says."""
    match = ITEMS.search(source)
    ranges = RANGE.findall(match[1]) if match else []
    return [item for first, last in ranges for item in range(int(first), int(last or first) + 1)]


def items_of_chapters(docs: pathlib.Path) -> dict[int, str]:
    """Return the chapter of the course that teaches each item."""
    pages = sorted((docs / "course").glob("*.md"))
    return {item: page.stem for page in pages for item in items_in(page.read_text(encoding="utf-8"))}


def links(docs: pathlib.Path, here: str) -> book.Links:
    """Return the addresses of the site, as a page in a folder of it (or "") writes them."""
    up = "../" if here else ""
    chapters = items_of_chapters(docs)
    return book.Links(
        claim=lambda chapter, anchor: f"{up}claims/chapter-{chapter}.html#{anchor}",
        source=lambda name: f"{up}claims/{name}.html",
        course=lambda item: f"{up}course/{chapters[item]}.html" if item in chapters else "",
        function=lambda name: f"{up}api/{public.paths()[name]}.html" if name in public.paths() else "",
    )


def generate(app) -> None:
    """Write the pages of the book."""
    docs = pathlib.Path(app.srcdir)
    folder, results, addresses = docs / "claims", list(kept_results().values()), links(docs, "claims")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if os.environ.get("JAXDL_PAGES"):
        return
    pages = book.chapter_pages(results, {}, addresses)
    names = [f"chapter-{page.number}" for page in pages]
    entry = [f"# The book of claims\n\n{INTRODUCTION}", raw(book.entry_html(results, addresses)), toctree(names)]
    (folder / "index.md").write_text("\n".join(entry), encoding="utf-8")
    for name, page in zip(names, pages, strict=True):
        (folder / f"{name}.md").write_text(chapter_source(page), encoding="utf-8")
    for name, result in kept_results().items():
        text = f"---\norphan: true\n---\n\n# Source of “{result['sentence'].strip()}”\n\nItem {result['item']}.\n\n"
        code = f"```{{literalinclude}} ../../experiments/{name}.py\n```\n"
        (folder / f"{name}.md").write_text(text + code, encoding="utf-8")


INTRODUCTION = f"""The course “{COURSE}” makes 110 points, its *items*. An item that says something testable becomes
one or more claims, each with a rule that was fixed before the measurement.
[How verdicts are decided](../guides/claims.md) explains the rules.
"""


def chapter_source(page) -> str:
    """Return the Markdown of a chapter of the book."""
    parts = [f"# {page.number} {page.title}", raw(page.introduction)]
    for section in page.sections:
        parts += [f"({section.anchor})=\n\n## {section.item} {section.title}", raw(section.html)]
    return "\n\n".join(parts)


def raw(html: str) -> str:
    """Return HTML as a part of a Markdown page."""
    return f"``````{{raw}} html\n{html}\n``````\n"


def toctree(names) -> str:
    """Return the table of contents of the book."""
    return "\n".join(["```{toctree}", ":hidden:", "", *names, "```", ""])


class Claims(SphinxDirective):
    """Show the experiments that the argument names: verdicts, what decided them, charts and limits."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = False

    def run(self) -> list[nodes.Node]:
        """Return the experiments as HTML."""
        here, shown = self.env.docname.rpartition("/")[0], []
        for name in self.arguments[0].split():
            if name not in kept_results():
                raise self.error(f"there is no result of an experiment {name!r}.")
            self.env.note_dependency(str(RESULTS / f"{name}.json"))
            html = book.experiment_html(kept_results()[name], None, links(pathlib.Path(self.env.srcdir), here))
            shown.append(nodes.raw("", html, format="html"))
        return shown


def add_files(app, pagename, templatename, context, doctree) -> None:
    """Load the style on pages that show claims or charts, and the filter of the book."""
    if "book-" in context.get("body", "") or "jaxdl-chart" in context.get("body", ""):
        app.add_css_file("book.css")
    if "book-filter" in context.get("body", ""):
        app.add_js_file("book.js")


def write_files(app, exception) -> None:
    """Write the style and the filter, which the pages of a run use too."""
    if not exception and app.builder.format == "html":
        for name in ("book.css", "book.js"):
            (pathlib.Path(app.outdir) / "_static" / name).write_text(template_text(name), encoding="utf-8")


def setup(app) -> dict:
    """Register the directive and the pages."""
    app.add_directive("claims", Claims)
    app.connect("builder-inited", generate)
    app.connect("html-page-context", add_files)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
