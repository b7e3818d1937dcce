"""Every page of the site in a browser: drawn without an error, on a wide and a narrow screen, light and dark."""

import random

import pytest

from tests.docs import browser
from tests.docs.pages import ROOT

HTML = ROOT / "docs" / "_build" / "html"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(18, 18, 18)"
COURSE = ("", "course", "guides", "claims")
LOOK = """(async () => {
  const pause = () => new Promise(done => setTimeout(done, 50));
  const overflows = element => element.scrollWidth > element.clientWidth + 1;
  const kinds = ["symbol path", "line path", "rect path", "area path", "rule line", "text text"];
  const marks = kinds.map(kind => `.mark-${kind}`).join();
  const charts = [...document.querySelectorAll(".jaxdl-chart")];
  const undrawn = () => charts.filter(chart => !chart.querySelector(marks));
  dispatchEvent(new Event("beforeprint"));  // draws also the charts that are out of view
  for (let tries = 0; tries < 100 && undrawn().length; tries++) await pause();
  await document.fonts.ready;
  await pause();
  const controls = [...document.querySelectorAll(".jaxdl-chart :is(input[type=range], select)")];
  const dead = [];
  for (const control of controls) {
    const drawings = new Set();
    for (const value of control.options ? [...control.options].map(each => each.value) : [control.min, control.max]) {
      control.value = value;
      control.dispatchEvent(new Event(control.options ? "change" : "input"));
      await pause();
      await pause();
      drawings.add(control.closest(".jaxdl-chart").querySelector("svg").innerHTML);
    }
    if (drawings.size < 2) dead.push(control.name);
  }
  return {
    charts: charts.length,
    controls: controls.length,
    formulas: document.querySelectorAll(".math").length,
    paper: getComputedStyle(document.body).backgroundColor,
    faults: {
      undrawn: undrawn().length,
      dead,
      unrendered: [...document.querySelectorAll(".math")].filter(each => !each.querySelector(".katex")).length,
      wide_charts: charts.filter(overflows).length,
      wide_formulas: [...document.querySelectorAll("div.math")].filter(overflows)
        .map(each => each.querySelector("annotation").textContent.slice(0, 60)),
      wider_than_the_screen: overflows(document.documentElement),
    },
  };
})()"""

FOUND = """(async () => {
  const heading = () => document.querySelector("#search-results h2")?.textContent ?? "";
  for (let tries = 0; tries < 200 && !heading().includes("Results"); tries++)
    await new Promise(done => setTimeout(done, 50));
  await new Promise(done => setTimeout(done, 500));  // the results appear one by one
  return [...document.querySelectorAll("#search-results ul.search a")].slice(0, 5).map(each => each.href);
})()"""


@pytest.fixture(scope="module")
def tab():
    if browser.PATH is None:
        pytest.skip("there is no chromium")
    if not HTML.is_dir():
        pytest.skip("the site is not built: run make docs")
    with browser.browser() as opened:
        yield opened


def look(tab, page, **settings) -> dict:
    """Open a page and return what the browser shows, with the lines of its console among the faults."""
    tab.open(page.as_uri(), **settings)
    seen = tab.evaluate(LOOK)
    seen["faults"]["console"] = tab.complaints
    return seen


def pages(*folders: str) -> list:
    """Return all pages of these folders of the site."""
    found = [page for folder in folders for page in sorted((HTML / folder).glob("*.html"))]
    assert found
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("width", "dark", "folders"), [(1280, False, COURSE), (420, True, (*COURSE, "api"))])
def test_every_page_is_drawn_without_an_error(tab, width, dark, folders):
    faults, totals = {}, {"charts": 0, "controls": 0, "formulas": 0}
    for page in pages(*folders):
        seen = look(tab, page, width=width, dark=dark)
        assert seen["paper"] == (DARK if dark else LIGHT), page
        found = {fault: what for fault, what in seen["faults"].items() if what}
        if found:
            faults[str(page.relative_to(HTML))] = found
        totals = {name: total + seen[name] for name, total in totals.items()}
    assert faults == {}
    assert totals["charts"] > 100
    assert totals["controls"] > 10
    assert totals["formulas"] > 700


@pytest.mark.slow
def test_a_public_name_is_found_by_search(tab):
    pages_of_names = sorted((HTML / "api").glob("jaxdl.*.*.html"))
    for page in random.Random(0).sample(pages_of_names, 5):
        name = page.stem.rpartition(".")[2]
        tab.open(f"{(HTML / 'search.html').as_uri()}?q={name}")
        found = tab.evaluate(FOUND)
        assert any(page.name in address for address in found), (name, found)
        assert tab.complaints == []


@pytest.mark.slow
def test_a_fault_of_a_page_is_noticed(tab, tmp_path):
    """Without this test the other could pass although nothing is looked at."""
    (tmp_path / "course").mkdir()
    for each in HTML.iterdir():
        if each.name != "course":
            (tmp_path / each.name).symlink_to(each)
    text = (HTML / "course" / "losses.html").read_text()
    planted = {
        "console": "<script>lost()</script>",
        "wide_formulas": rf'<div class="math display">{"x + " * 200} x</div>',
        "undrawn": '<div class="jaxdl-chart"><script type="application/json">{"mark": "none"}</script></div>',
        "wider_than_the_screen": '<div style="width: 3000px">x</div>',
    }
    page = tmp_path / "course" / "page.html"
    for fault, code in {"": "", **planted}.items():
        page.write_text(text.replace("</article>", f"{code}</article>"))
        found = [name for name, what in look(tab, page)["faults"].items() if what]
        assert fault in found if fault else not found, (fault, found)
