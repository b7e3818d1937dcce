"""The book of claims: HTML fragments of all items of the course, their verdicts and what decided them.

The pages of a run and the documentation are made from the same fragments. They use the classes of `book.css` and the
scripts `book.js` and `charts.js`, which `template_text` reads; `book.css` names the variables that a page must define.
"""

import pathlib
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jaxdl.experiment import CHAPTERS, COURSE, ITEMS, Chapter, Item, Measured, chapter_of
from jaxdl.reports.rendering import MARKS, READINGS, chart_html, render, template_text

DATA_SETS = {"digits": "digits", "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10_jpeg": "CIFAR-10"}
NO_FILES = "synthetic", "no data"
END_OF_COMPARISON = re.compile(r"(?<=\d\.) (?=\S)")  # each ends with its threshold


def _no_address(name: Any) -> str:  # noqa: ARG001
    return ""


class Links(NamedTuple):
    """Addresses of what the book links to; an empty one makes no link.

    Attributes:
        claim: Address of an anchor on the page of a chapter, given the number of the chapter and the anchor.
        source: Address of the source of an experiment, given its name.
        course: Address of the text of the course, given the number of an item.
        function: Address of a function, given its name, such as "functional.relu".
    """

    claim: Callable[[str, str], str] = lambda chapter, anchor: f"chapter-{chapter}.html#{urllib.parse.quote(anchor)}"
    source: Callable[[str], str] = _no_address
    course: Callable[[int], str] = _no_address
    function: Callable[[str], str] = _no_address


class Section(NamedTuple):
    """An item of the course, with its experiments.

    Attributes:
        anchor: Anchor of the item, such as "item-27". Those of its claims, such as "xor-2", are in `html`.
        item: Its number.
        title: Its title.
        verdicts: The verdicts of its claims; empty if it is not tested.
        html: Claims, charts, limits and numbers, without the heading.
    """

    anchor: str
    item: int
    title: str
    verdicts: tuple[str, ...]
    html: str


class ChapterPage(NamedTuple):
    """A chapter of the book.

    Attributes:
        number: Number in the course, such as "1.4".
        title: Its title.
        introduction: How much of it is tested, and the filter, as HTML.
        navigation: Links to its sections, as HTML.
        sections: All items of the chapter.
    """

    number: str
    title: str
    introduction: str
    navigation: str
    sections: tuple[Section, ...]

    @property
    def is_tested(self) -> bool:
        """Whether a claim of the chapter is tested."""
        return any(section.verdicts for section in self.sections)


def entry_html(results: Sequence[dict[str, Any]], links: Links) -> str:
    """Return the entry of the book: counts of verdicts, and a table of all items with the verdicts of their claims.

    Args:
        results: Results of experiments, as `experiment.conduct` returns them.
        links: The addresses.

    Example:
        >>> from jaxdl.reports.book import Links, entry_html
        >>> "XOR needs a hidden layer" in entry_html([], Links())
        True
    """
    by_item, columns = _by_item(results), _columns(results)
    rows = {
        chapter: [_row(item, by_item[item.number], columns, links) for item in chapter.items] for chapter in CHAPTERS
    }
    content = {"course": COURSE, "columns": columns, "chapters": rows, "verdicts": count_verdicts(results)}
    tested = sum(bool(found) for found in by_item.values())
    return render(template_text("entry.html"), {**content, "tested": tested, "testable": _testable(ITEMS)})


def chapter_pages(
    results: Sequence[dict[str, Any]], measured: Mapping[str, Measured], links: Links
) -> tuple[ChapterPage, ...]:
    """Return the pages of all chapters, with a section for each item.

    Args:
        results: Results of experiments, as `experiment.conduct` returns them.
        measured: The numbers of every seed by arm, for each name of an experiment. Without them, means are drawn.
        links: The addresses.

    Example:
        >>> from jaxdl.reports.book import Links, chapter_pages
        >>> pages = chapter_pages([], {}, Links())
        >>> [page.number for page in pages], pages[2].sections[6].title
        (['1.1', '1.2', '1.3', '1.4', '1.5', '1.6'], 'XOR needs a hidden layer')
    """
    by_item = _by_item(results)
    return tuple(_page(chapter, by_item, measured, links) for chapter in CHAPTERS)


def experiment_html(result: dict[str, Any], measured: Measured | None, links: Links) -> str:
    """Return an experiment: each claim with its verdict and what decided it, charts, limits and numbers.

    Args:
        result: The result of the experiment.
        measured: The numbers of every seed by arm, or None.
        links: The addresses.
    """
    from jaxdl.reports import experiment_charts  # altair is part of the extra

    claims = [
        {
            **claim,
            "anchor": anchor,
            "charts": [_chart(each) for each in experiment_charts.decision_charts(claim)],
            "findings": END_OF_COMPARISON.split(claim["finding"]) if claim["comparisons"] else [claim["finding"]],
        }
        for anchor, claim in zip(anchors(result), result["claims"], strict=True)
    ]
    panels = [_chart(chart, result["name"]) for chart in experiment_charts.panel_charts(result, measured)]
    functions = [(name, links.function(name)) for name in result["functions"]]
    addresses = {"source": links.source(result["name"]), "course": _course(result, links)}
    content = {"result": result, "claims": claims, "panels": panels, "functions": functions, **addresses}
    return render(template_text("experiment.html"), content)


def anchors(result: dict[str, Any]) -> list[str]:
    """Return the anchor of each claim of an experiment: its name and the number of the claim, from 1."""
    return [f"{result['name']}-{number}" for number in range(1, len(result["claims"]) + 1)]


def data_set(result: dict[str, Any]) -> str:
    """Return the name of the data set of an experiment, "synthetic" for random data, or "no data"."""
    read = [pathlib.PurePosixPath(file["path"]).stem for file in result.get("inputs", ())]
    found = [DATA_SETS[stem] for stem in read if stem in DATA_SETS]
    return found[-1] if found else NO_FILES[result["seeds"] == 1]


def count_verdicts(results: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the number of claims with each verdict that occurs."""
    counts = Counter(claim["verdict"] for result in results for claim in result["claims"])
    return {verdict: counts[verdict] for verdict in MARKS if counts[verdict]}


def _chart(chart, name="") -> str:
    return chart_html(chart, name, is_fluid=True)


def _course(result, links) -> str:
    return "" if result["item"] is None else links.course(result["item"])


def _by_item(results) -> dict[int, list[dict[str, Any]]]:
    """Return the results of each item of the course; questions of one's own belong to none."""
    found: dict[int, list] = {item.number: [] for item in ITEMS}
    for result in results:
        if result["item"] is not None:
            chapter_of(result["item"])  # raises for an item that the course does not have
            found[result["item"]].append(result)
    return found


def _testable(items) -> int:
    return sum(item.is_testable for item in items)


def _columns(results) -> list[tuple[str, str]]:
    """Return the pairs of reading and data set that a claim has, sorted."""
    used = {
        (claim["reading"], data_set(result))
        for result in results
        for claim in result["claims"]
        if result["item"] is not None
    }
    orders = [*READINGS], [*DATA_SETS.values(), *NO_FILES]
    return [(reading, name) for reading in orders[0] for name in orders[1] if (reading, name) in used]


def _row(item: Item, results, columns, links) -> dict[str, Any]:
    """Return an item as a row of the table: in each column, the claims with this reading and data set."""
    chapter = chapter_of(item.number).number
    claims = [
        {**claim, "column": (claim["reading"], data_set(result)), "address": links.claim(chapter, anchor)}
        for result in results
        for anchor, claim in zip(anchors(result), result["claims"], strict=True)
    ]
    return {
        "item": item,
        "address": links.claim(chapter, f"item-{item.number}"),
        "cells": [[claim for claim in claims if claim["column"] == column] for column in columns],
        "verdicts": _verdicts(results),
        "search": _search(item, results),
    }


def _verdicts(results) -> tuple[str, ...]:
    return tuple(claim["verdict"] for result in results for claim in result["claims"])


def _search(item, results) -> str:
    """Return the words that the text search finds an item by."""
    texts = [f"{item.number} {item.title}"]
    for result in results:
        texts += [result["name"], result["sentence"], *result["functions"]]
        texts += [text for claim in result["claims"] for text in (claim["says"], claim["finding"])]
    return " ".join(texts).lower()


def _page(chapter: Chapter, by_item, measured, links) -> ChapterPage:
    found = [result for item in chapter.items for result in by_item[item.number]]
    sections = tuple(_section(item, by_item[item.number], measured, links) for item in chapter.items)
    counts = {"tested": sum(bool(each.verdicts) for each in sections), "testable": _testable(chapter.items)}
    content = {"chapter": chapter, "sections": sections, "verdicts": count_verdicts(found), **counts}
    introduction = render(template_text("introduction.html"), content)
    navigation = render(template_text("navigation.html"), content)
    return ChapterPage(chapter.number, chapter.title, introduction, navigation, sections)


def _section(item: Item, results, measured, links) -> Section:
    experiments = [experiment_html(result, measured.get(result["name"]), links) for result in results]
    verdicts, address = _verdicts(results), links.course(item.number)
    content = {"item": item, "experiments": experiments, "verdicts": verdicts, "search": _search(item, results)}
    html = render(template_text("item.html"), {**content, "course": address})
    return Section(f"item-{item.number}", item.number, item.title, verdicts, html)
