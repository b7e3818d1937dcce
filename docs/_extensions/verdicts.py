"""Roles that state a verdict or a measured number: they come from the committed results, or the build fails.

- `` {supported}`a sentence <xor 2>` ``, also `refuted`, `conditional` and `inconclusive`: the sentence, with a link to
  the second claim of the experiment xor. The build fails if its committed verdict is another one.
- `` {result}`xor claims.0.comparisons.0.estimate .2f` ``: a number of a result file, with a format. Files of benchmarks
  are named benchmarks/populations.
- `` {experiment}`xor` ``: a link to the experiment in the book of claims.
- `` {setting}`20 %` ``: a number that the text chooses, for an example or as a setting; nothing was measured.
- `` {published}`1.26 <Guo et al. 2017, table 1>` ``: a number that others measured, and where they state it.

Other decimals, shares and ratios in the prose of a chapter are errors, which a test finds.
"""

import functools
import json
import pathlib
import re
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from jaxdl.experiment import OUTCOMES, chapter_of
from jaxdl.reports.rendering import MARKS

ROOT = pathlib.Path(__file__).parents[2]
TARGET = re.compile(r"^(?P<text>.*?)\s*<(?P<name>[a-z_]+) (?P<claim>\d+)>$", re.DOTALL)
PUBLISHED = re.compile(r"^(?P<number>.*?)\s*<(?P<source>[^>]*\b(?:18|19|20)\d\d\b[^>]*)>$", re.DOTALL)


def path_of(name: str) -> pathlib.Path:
    """Return the path of a result file."""
    folder, _, stem = name.rpartition("/")
    return ROOT / (folder or "experiments") / "results" / f"{stem}.json"


@functools.cache
def read_result(name: str) -> dict[str, Any]:
    """Return a result file: of an experiment, or of a benchmark as benchmarks/NAME. Raises ValueError for others."""
    path = path_of(name)
    if not path.is_file():
        raise ValueError(f"there is no result {name}.")
    return json.loads(path.read_text(encoding="utf-8"))


def verdict_of(name: str, number: int) -> str:
    """Return the committed verdict of a claim, counted from 1. Raises ValueError if there is no such claim."""
    claims = read_result(name)["claims"]
    if not 1 <= number <= len(claims):
        raise ValueError(f"{name} has {len(claims)} claims, and no claim {number}.")
    return claims[number - 1]["verdict"]


def number_in(text: str) -> str:
    """Return the number that "file path format" names. Raises ValueError for an unknown file or path."""
    name, path, *form = text.split()
    value: Any = read_result(name)
    for key in path.split("."):
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(f"the result {name} has no {path} ({key}).") from error
    return format(value, form[0] if form else "").replace("-", "−")


def page_of(name: str) -> str:
    """Return the page of the book of claims that shows an experiment."""
    return f"claims/chapter-{chapter_of(read_result(name)['item']).number}"


class VerdictRole(SphinxRole):
    """A sentence that states a verdict; its name is the verdict."""

    def run(self) -> tuple[list, list]:
        """Return the sentence as a link, or an error if the committed verdict is another one."""
        match = TARGET.match(self.text)
        if not match:
            return _error(self, f"write {self.name} as `sentence <experiment number>`, got {self.text!r}")
        self.env.note_dependency(str(path_of(match["name"])))  # a changed result reads the page again
        try:
            verdict = verdict_of(match["name"], int(match["claim"]))
        except ValueError as error:
            return _error(self, str(error))
        if verdict != self.name:
            return _error(
                self,
                f"the text says that claim {match['claim']} of {match['name']} is {self.name}, "
                f"but its committed verdict is {verdict}",
            )
        mark = nodes.inline(text=f"{MARKS[verdict]} {verdict}", classes=["verdict", verdict])
        link = _link(self, match["name"], f"{match['name']}-{match['claim']}", match["text"])
        return [link, nodes.Text(" ("), mark, nodes.Text(")")], []


class ResultRole(SphinxRole):
    """A number of a result file."""

    def run(self) -> tuple[list, list]:
        """Return the number, or an error if the file has none."""
        self.env.note_dependency(str(path_of(self.text.partition(" ")[0])))
        try:
            return [nodes.inline(text=number_in(self.text), classes=["result"])], []
        except ValueError as error:
            return _error(self, str(error))


class SettingRole(SphinxRole):
    """A number that the text chooses."""

    def run(self) -> tuple[list, list]:
        """Return the number."""
        return [nodes.Text(self.text)], []


class PublishedRole(SphinxRole):
    """A number that others measured."""

    def run(self) -> tuple[list, list]:
        """Return the number with its source as a tip, or an error if there is no source with a year."""
        match = PUBLISHED.match(self.text)
        if not match:
            return _error(self, f"write published as `number <authors year, table>`, got {self.text!r}")
        return [nodes.abbreviation(text=match["number"], explanation=match["source"])], []


class ExperimentRole(SphinxRole):
    """A link to an experiment in the book of claims."""

    def run(self) -> tuple[list, list]:
        """Return the link, with the name of the experiment in words."""
        try:
            return [_link(self, self.text, f"{self.text}-1", self.text.replace("_", " "))], []
        except ValueError as error:
            return _error(self, str(error))


def _link(role, name, anchor, text) -> nodes.reference:
    page = page_of(name)
    uri = "../" * role.env.docname.count("/") + f"{page}.html#{anchor}"
    return nodes.reference("", text, internal=True, refuri=uri)


def _error(role, message) -> tuple[list, list]:
    problem = role.inliner.reporter.warning(f"{message}.", line=role.lineno)
    return [nodes.problematic(role.rawtext, role.rawtext)], [problem]


def setup(app) -> dict:
    """Register the roles."""
    for outcome in OUTCOMES:
        app.add_role(outcome, VerdictRole())
    app.add_role("result", ResultRole())
    app.add_role("setting", SettingRole())
    app.add_role("published", PublishedRole())
    app.add_role("experiment", ExperimentRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
