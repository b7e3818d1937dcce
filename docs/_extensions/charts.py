"""Charts: the library that draws them is bundled while the site is built, and loaded on pages that have charts."""

import pathlib

from jaxdl.reports.rendering import library, template_text

LIBRARY, SCRIPT = "vega.js", "charts.js"


def add_scripts(app, pagename, templatename, context, doctree) -> None:
    """Load the library on pages with charts."""
    if "jaxdl-chart" in context.get("body", ""):
        app.add_js_file(LIBRARY)
        app.add_js_file(SCRIPT)


def write_library(app, exception) -> None:
    """Write the library inside a function, because its global names collide with those of Sphinx."""
    if exception or app.builder.format != "html":
        return
    static = pathlib.Path(app.outdir) / "_static"
    (static / LIBRARY).write_text(f"(() => {{ {library()} }})();", encoding="utf-8")
    (static / SCRIPT).write_text(template_text(SCRIPT), encoding="utf-8")


def setup(app) -> dict:
    """Connect the handlers."""
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", write_library)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
