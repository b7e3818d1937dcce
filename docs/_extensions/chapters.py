"""The directive `chapter` opens a chapter: items of the course, prerequisites, reading time, and the notebook."""

import re

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

WORDS_PER_MINUTE = 130  # of a text with formulas and code; prose alone is read at about 240
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def reading_minutes(source: str) -> int:
    """Return the minutes that a page takes to read, in steps of 5."""
    words = len(FRONT_MATTER.sub("", source).split())
    return max(5, 5 * round(words / WORDS_PER_MINUTE / 5))


class Chapter(SphinxDirective):
    """Show what a reader should know before the chapter; the content names the prerequisites."""

    option_spec = {"items": directives.unchanged_required}  # noqa: RUF012  a convention of docutils
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the box at the top of a chapter."""
        with open(self.env.doc2path(self.env.docname), encoding="utf-8") as file:
            minutes = reading_minutes(file.read())
        name = self.env.docname.rpartition("/")[2]
        text = (
            f"**Items of the course:** {self.options['items']}\n\n**Before you read:** {' '.join(self.content)}\n\n"
            f"**Reading time:** about {minutes} minutes · {{nb-download}}`executed notebook <{name}.ipynb>`"
        )
        return [nodes.container("", *self.parse_text_to_nodes(text), classes=["chapter-head"])]


def setup(app) -> dict:
    """Register the directive."""
    app.add_directive("chapter", Chapter)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
