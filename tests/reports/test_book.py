"""The book: a row for every item, an anchor for every claim, links that lead to it, and the kept verdicts."""

import json
import pathlib
import re

import pytest

pytest.importorskip("altair")
pytest.importorskip("jinja2")

from jaxdl.experiment import CHAPTERS, ITEMS
from jaxdl.reports.book import Links, anchors, chapter_pages, data_set, entry_html, experiment_html
from tests.hostile import NAMES

KEPT = pathlib.Path(__file__).parents[2] / "experiments" / "results"
LINKS = Links(
    claim=lambda chapter, anchor: f"{chapter}/#{anchor}",
    source=lambda name: f"code/{name}.py",
    course=lambda item: f"text/{item}",
    function=lambda name: f"api/{name}",
)


@pytest.fixture(scope="module")
def results():
    """The kept results, without the numbers of every seed."""
    return [json.loads(path.read_text()) for path in sorted(KEPT.glob("*.json"))]


@pytest.fixture(scope="module")
def pages(results):
    """The chapters, without the charts of most experiments, which take seconds."""
    drawn = ("adam_against_sgd", "xor")
    plain = {"panels": [], "published": []}
    some = [each if each["name"] in drawn else each | plain | {"claims": _undrawn(each)} for each in results]
    return chapter_pages(some, {}, LINKS)


def _undrawn(result):
    return [claim | {"comparisons": []} for claim in result["claims"]]


def small(**changes):
    """Return the result of an experiment with one claim."""
    mean = {"arm": "a", "at": None, "estimate": None, "low": None, "high": None, "failed": 2}
    panel = {"metric": "height", "arms": {"a": "all"}, "over": None, "thresholds": [], "means": [mean]}
    claim = {"says": "So.", "reading": "", "verdict": "refuted", "finding": "No.", "rule": "r", "comparisons": []}
    whole = {"name": "one", "item": 27, "sentence": "S", "claims": [claim], "panels": [panel], "seeds": 2}
    return whole | {"functions": [], "seconds": 1.0, "date": "2026-01-01", "settings": "", "full": False} | changes


def test_every_item_has_a_row_and_a_section(results, pages):
    entry = entry_html(results, LINKS)
    assert re.findall(r'<span class="book-number">(\d+)</span>', entry) == [str(item.number) for item in ITEMS]
    assert all(item.title.replace("'", "&#39;") in entry for item in ITEMS)
    assert [(section.item, section.title) for page in pages for section in page.sections] == [
        item[:2] for item in ITEMS
    ]
    assert [page.number for page in pages] == [chapter.number for chapter in CHAPTERS]
    tested = {result["item"] for result in results}
    assert {section.item for page in pages for section in page.sections if section.verdicts} == tested
    assert entry.count('data-verdicts=""') == len(ITEMS) - len(tested)
    assert f"<b>{len(tested)} of 105</b>" in entry


def test_every_claim_has_one_anchor_that_the_entry_links_to(results, pages):
    expected = {f"{result['chapter']}/#{anchor}" for result in results for anchor in anchors(result)}
    html = {page.number: "".join(section.html for section in page.sections) for page in pages}
    found = [f"{number}/#{anchor}" for number, text in html.items() for anchor in re.findall(r' id="([^"]+)"', text)]
    assert sorted(found) == sorted(expected)
    marks = re.findall(r'class="book-mark book-(\w+)" href="([^"]+)"', entry_html(results, LINKS))
    assert sorted(link for _, link in marks) == sorted(expected)
    verdicts = [claim["verdict"] for result in results for claim in result["claims"]]
    assert sorted(verdict for verdict, _ in marks) == sorted(verdicts)


def test_an_item_has_its_verdicts_and_its_words_for_the_filter(results, pages):
    section = pages[2].sections[6]
    assert section[:4] == ("item-27", 27, "XOR needs a hidden layer", ("supported", "conditional"))
    assert 'data-verdicts="supported conditional" data-search="27 xor needs a hidden layer' in section.html
    assert section.html.count('data-verdict="conditional"') == 1
    assert 'class="book-filter"' in pages[2].introduction
    assert 'class="book-filter"' in entry_html(results, LINKS)
    assert pages[2].navigation.count("<a href=") == len(pages[2].sections)


def test_what_decided_is_drawn_beside_the_verdict_and_the_code_is_linked(pages):
    html = pages[5].sections[104 - 89].html
    claim = html[html.index('id="adam_against_sgd-1"') : html.index('id="adam_against_sgd-2"')]
    assert claim.count('class="jaxdl-chart"') == 2
    assert '"mark": "threshold 0.01"' in claim
    assert '"mark": "equal"' in claim
    for link in ("code/adam_against_sgd.py", "text/104", "api/data.load_digits"):
        assert f'href="{link}"' in html


@pytest.mark.parametrize(
    ("paths", "seeds", "name"),
    [
        (["jaxdl/data/catalog/digits.npz"], 9, "digits"),
        (["x.csv", "/data/fashion_mnist.npz"], 9, "Fashion-MNIST"),
        ([], 9, "synthetic"),
        ([], 1, "no data"),
    ],
)
def test_the_data_set_is_that_of_the_files_that_were_read(paths, seeds, name):
    assert data_set({"inputs": [{"path": path} for path in paths], "seeds": seeds}) == name


def test_numbers_that_are_missing_are_said_to_be():
    html = experiment_html(small(), None, Links())
    assert "all (2 runs failed)" in html
    assert "not finite" in html
    assert "<a href" not in html.replace('<a class="book-anchor" href', "")


def test_an_item_outside_the_course_is_an_error():
    with pytest.raises(ValueError, match="item must be from 1 to 110, got 111"):
        entry_html([small(item=111)], LINKS)


@pytest.mark.parametrize("name", NAMES)
def test_hostile_texts_are_escaped(name):
    claim = small()["claims"][0] | {"says": name, "finding": name, "rule": name}
    panel = small()["panels"][0] | {"arms": {"a": name}, "metric": name}
    hostile = small(name=name, sentence=name, claims=[claim], panels=[panel], functions=[name], settings=name)
    page = chapter_pages([hostile], {}, Links())[2]
    text = entry_html([hostile], Links()) + page.introduction + page.navigation + page.sections[6].html
    assert not re.search("<!--|<script>|[\x00-\x08\x1b\u2028\u202e]", text)
    assert text.count("<script") == text.count("</script") == 1  # that of the chart
    assert "onload=x" not in re.sub('"[^"]*"', "", "".join(re.findall("<[^>]*>", text)))


def test_several_comparisons_are_a_list():
    two = "a: median 0.5, 95 % interval 0.4 to 0.6, threshold 0.1. b: median 1, 95 % interval 0.9 to 1.1, threshold 2."
    claim = small()["claims"][0] | {"finding": two}
    assert "<li>" not in experiment_html(small(claims=[claim]), None, LINKS)  # a sentence of another kind stays whole
    comparison = dict.fromkeys(("needed", "part", "outcome"), "") | {"scale": "difference", "estimand": "median"}
    sides = {"arm": "a", "reference": "b", "margin": 0.1, "two_sided": False, "failed": 0, "confidence": 0.95}
    comparison |= sides | {"estimate": 0.5, "low": 0.4, "high": 0.6, "differences": [0.4, 0.6]}
    shown = experiment_html(small(claims=[claim | {"comparisons": [comparison] * 2}]), None, LINKS)
    assert shown.count("<li>") == 2
    assert "<li>b: median 1, 95 % interval 0.9 to 1.1, threshold 2.</li>" in shown
