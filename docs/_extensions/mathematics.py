"""Mathematics: every formula is parsed while the site is built, and drawn by the copy of KaTeX in _static."""

import functools
import html
import re

import math_core
from docutils import nodes
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
FILES = ("katex/katex.min.css", "katex/katex.min.js", "formulas.js")


@functools.cache
def _parser() -> math_core.LatexToMathML:
    return math_core.LatexToMathML()


def check(formula: str, node) -> None:
    """Warn, which fails the build, if a formula is not valid LaTeX."""
    try:
        _parser().convert_with_local_state(formula, displaystyle=True)
    except math_core.LatexError as error:
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).strip().splitlines()[0]
        LOGGER.warning("invalid formula %r: %s", formula, reason, location=node)


def _write(self, node, tag: str, kind: str) -> None:
    formula = node.astext()
    check(formula, node)
    self.body.append(f'<{tag} class="math {kind}">{html.escape(formula)}</{tag}>')


def visit_inline(self, node) -> None:
    """Write an inline formula as LaTeX, for KaTeX."""
    _write(self, node, "span", "inline")
    raise nodes.SkipNode


def visit_display(self, node) -> None:
    """Write a display formula as LaTeX, for KaTeX."""
    _write(self, node, "div", "display")
    raise nodes.SkipNode


def add_katex(app, pagename, templatename, context, doctree) -> None:
    """Load KaTeX on pages with formulas."""
    if 'class="math ' in context.get("body", ""):
        app.add_css_file(FILES[0])
        for name in FILES[1:]:
            app.add_js_file(name)


def setup(app) -> dict:
    """Register the renderer."""
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.connect("html-page-context", add_katex)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
