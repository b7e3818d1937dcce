"""Pages: their content, and in a browser all figures drawn, no error, nothing fetched, at any width, light and dark."""

import html
import json
import re
import subprocess

import numpy as np
import pytest

from jaxdl.backpropagation import worked_example
from jaxdl.experiment import MEDIAN, Claim, Exact, Experiment, Greater, Panel, PerRegime, Published, conduct
from jaxdl.reports import page
from jaxdl.reports.rendering import library
from jaxdl.reports.worked_examples import write_worked_examples
from jaxdl.runs import files
from jaxdl.runs.directory import environment
from tests.docs import browser
from tests.hostile import NAMES

SEEDS = 16
PROBE = """<script>
addEventListener("DOMContentLoaded", () => dispatchEvent(new Event("beforeprint")));  // draws also what is not in view
setTimeout(() => {
  const charts = [...document.querySelectorAll(".jaxdl-chart")];
  document.body.dataset.seen = JSON.stringify({
    charts: charts.length,
    drawn: charts.filter(chart => chart.querySelector("svg path, svg rect")).length,
    marks: charts.map(chart => chart.querySelectorAll(".mark-symbol path, .mark-line path").length),
    wider: Math.max(...[document.documentElement, ...charts].map(each => each.scrollWidth - each.clientWidth)),
    paper: getComputedStyle(document.body).backgroundColor,
    filter: !document.querySelector(".book-filter")?.hidden,
  });
}, 2000)</script></body>"""


def experiment(name, values, *, over=None, rule=None):
    """Return an experiment whose right arm measures twice the values of its left arm."""
    panel = Panel("height", {"left": "the left one", "right": "the right one"}, over, (0.5,), larger_is_better=True)
    holds = Exact(
        "it holds", lambda measured: next(iter(measured.values())) > -1, lambda measured: "It <holds> & so on."
    )
    claims = (Claim("One is more.", rule or holds), Claim("It holds.", holds, "careful"))
    columns = panel.columns()
    return Experiment(
        name,
        1,
        "A coin “falls”.",
        claims,
        (panel,),
        len(values),
        lambda keys: ((column, (1 + columns.index(column)) * values) for column in columns),
        published=(Published(columns[0], 1.5, "A. Author (2000), table 1", "the coin", "the table", 0.01, 1.4, 1.6),),
        limits="One coin was thrown.",
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """Pages of all kinds of charts and verdicts; some numbers are infinite or far apart, one has a single seed."""
    directory = tmp_path_factory.mktemp("run")
    values, broken = np.linspace(1, 2, SEEDS), np.linspace(1, 2, SEEDS)
    broken[3] = np.inf
    numbers = ("size", (1, 10, 100))
    both = PerRegime({"here": Greater("right", "left", 0.5, MEDIAN), "there": Greater("left", "right", 0.5, MEDIAN)})
    for each in (
        experiment("apart", values, rule=both),
        experiment("broken", broken, rule=Greater("right", "left", 1.5, MEDIAN)),
        experiment("over", values, over=numbers),
        experiment("wide", 10.0 ** np.arange(-8, 8), over=numbers),
        experiment("alone", np.ones(1), over=numbers),
    ):
        conduct(each, directory / "experiments")
    files.write_json(directory / "environment.json", environment())
    return page.write_report(directory)


@pytest.fixture
def chapter(book):
    """The page of a chapter."""
    return book.with_name("chapter-1.1.html")


def opened(page, folder, *settings, size="1200,1000"):
    """Return the lines in the console of a browser that shows a page, and the result of the probe."""
    if browser.PATH is None:
        pytest.skip("there is no chromium")
    probed = folder / "probed.html"
    probed.write_text(PROBE.join(page.rsplit("</body>", 1)))
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=6000")
    done = subprocess.run(
        [browser.PATH, *options, *settings, f"--window-size={size}", "--dump-dom", probed.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    return console, json.loads(html.unescape(seen[1])) if seen else None


DARK, LIGHT = "rgb(17, 21, 29)", "rgb(251, 252, 254)"


@pytest.mark.parametrize(("size", "scheme", "paper"), [("1200,1000", 0, DARK), ("420,900", 1, LIGHT)])
def test_every_chart_is_drawn_at_any_width_in_the_preferred_colours_without_an_error(
    chapter, tmp_path, size, scheme, paper
):
    console, seen = opened(chapter.read_text(), tmp_path, f"--blink-settings=preferredColorScheme={scheme}", size=size)
    assert console == []
    assert seen["charts"] == seen["drawn"] == 8
    assert min(seen["marks"]) >= 2
    assert seen["wider"] <= 0
    assert seen["paper"] == paper
    assert seen["filter"]


def test_the_page_of_a_training_is_drawn_without_an_error(digits_run, tmp_path):
    console, seen = opened((digits_run / "report.html").read_text(), tmp_path, size="420,900")
    assert console == []
    assert seen["charts"] == seen["drawn"] == 3
    assert seen["wider"] <= 0


def test_the_browser_reports_a_request_or_an_error(book, tmp_path):
    """Without this test the others could pass although the console is never read."""
    planted = (
        '<img src="https://example.com/a.png">',
        "<script>fetch('https://example.com/b')</script>",
        "<script>lost()</script>",
    )
    console, _ = opened(book.read_text().replace("<footer>", f"{''.join(planted)}<footer>"), tmp_path)
    for trace in ("example.com/a.png", "example.com/b", "lost is not defined"):
        assert any(trace in line for line in console)


def test_the_page_of_a_chapter_shows_claim_verdict_rule_and_command_escaped(chapter):
    text = chapter.read_text()
    for word in (
        "It &lt;holds&gt; &amp; so on.",
        '<span class="book-badge book-conditional">± conditional</span>',
        '<span class="book-badge book-inconclusive">? inconclusive</span>',
        "<b>Rule:</b> here: supported if the confidence interval",
        "python -m experiments run apart",
        "1 runs failed",
        "16 seeds each, shared",
        "The significance level of each item is 0.0036.",
        "significance level of each test 0.0018; 1 rule has been measured for this experiment",
        "<b>Limits.</b> One coin was thrown.",
        "A. Author (2000), table 1. Kept: the coin. Changed: the table.",
    ):
        assert word in text
    assert {path.stem for path in (chapter.parent / "figures").glob("*.svg")} == {
        "apart",
        "broken",
        "over",
        "wide",
        "alone",
    }


def test_links_between_the_pages_of_a_run_lead_to_an_anchor(book):
    pages = {path.name: path.read_text() for path in book.parent.glob("*.html")}
    assert set(pages) == {"report.html", "chapter-1.1.html"}
    links = {
        (link if link.partition("#")[0] else f"{name}{link}")
        for name, text in pages.items()
        for link in re.findall(r'href="([^"]+)"', text.replace(library(), ""))
    }
    assert {"chapter-1.1.html#item-1", "chapter-1.1.html#apart-2", "report.html"} <= links
    for link in links:
        name, _, anchor = link.partition("#")
        assert not anchor or f'id="{anchor}"' in pages[name]


def test_the_page_of_a_training_is_self_contained(digits_run):
    text = (digits_run / "report.html").read_text()
    for loads in ("<script src", "<link", "@import"):
        assert loads not in text
    assert 'src="data:image/png;base64,' in text
    assert text.count("data-chart") == 3


def test_the_page_of_a_training_shows_score_settings_data_and_source(digits_run):
    text = " ".join((digits_run / "report.html").read_text().split())
    for shown in (
        "<h1>3 networks on digits</h1>",
        "test accuracy, 95 % interval",
        "3 networks with 16 hidden units trained together on digits for 4 epochs with Adam (learning rate 0.003)",
        "1078 training, 360 dev and 359 test examples, with inputs of shape 8×8×1",
        "predicted <b>",
        "Optical Recognition of Handwritten Digits",
    ):
        assert shown in text


def test_the_page_of_a_table_lists_concerns_and_classes(classes_run):
    text = (classes_run / "report.html").read_text()
    for shown in (
        "column &#39;constant&#39; is not used",
        "test has no example of 1 classes, which have too few examples for every part: selten",
        "ja ✓",
        "<th>networks wrong</th>",
    ):
        assert shown in text


def test_the_page_of_a_regression_shows_r_squared_and_predictions(regression_run):
    text = (regression_run / "report.html").read_text()
    assert "test R²" in text
    assert "<th>root mean squared error</th>" in text
    assert 'data-chart="predicted"' in text
    assert text.count("data-chart") == 3


@pytest.mark.slow
def test_the_page_of_a_convnet_names_its_filters(images_run):
    assert "with 4 filters, with 8 hidden units" in " ".join((images_run / "report.html").read_text().split())


def test_gradient_checks_and_worked_examples_have_sections(tmp_path):
    files.write_json(tmp_path / "environment.json", environment())
    proof = {"name": "relu", "shapes": [[[2, 3]]], "float64": 0.0, "float32": 1e-7, "float32_of_jax": 1e-7}
    wrong = {**proof, "name": "tanh", "fault": "argument 0 is wrong"}
    files.write_json(tmp_path / "proofs.json", [{**proof, "fault": ""}, wrong])
    write_worked_examples(tmp_path, [worked_example("xor")])
    text = page.write_report(tmp_path).read_text()
    for shown in (
        "1 of 2</b><span>hand-written gradients agree",
        "argument 0 is wrong",
        "1.0e-07",
        "2×3",
        "x2ᵀ @ ∂L/∂x3",
    ):
        assert shown in text


def test_another_directory_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not a run directory \(no environment.json\).$"):
        page.write_report(tmp_path)


def test_names_are_escaped_for_the_place_where_they_land(tmp_path):
    """A page and its figures are drawn whatever classes, arms and titles are named."""
    random = np.random.default_rng(0)
    arms = {name: name for name in NAMES}
    panel = Panel("<!--<script>\u2028", arms, over=("\u2028<b>", (1, 2)))
    holds = lambda measured: measured["a"] == 0
    claim = Claim("<script>lost()</script>", Exact("it holds", holds, lambda measured: "\x1b[0m"))
    numbers = [(column, random.normal(size=SEEDS)) for column in panel.columns()]
    hostile = Experiment("hostile", 1, "<img src=x>", (claim,), (panel, Panel("x", {"a": "b"})), SEEDS, None)
    conduct(hostile._replace(measure=lambda keys: [*numbers, ("a", np.zeros(SEEDS))]), tmp_path / "experiments")
    files.write_json(tmp_path / "environment.json", {**environment(), "command": "<!--<script>\x1b[0m"})
    text = page.write_report(tmp_path).read_text() + (tmp_path / "chapter-1.1.html").read_text()
    assert not re.search("<!--|<script>lost|<img|[\x00-\x08\x1b\x85\u2028\u202e]", text.replace(library(), ""))
    assert "{{ 7 * 7 }}" in text
    console, seen = opened((tmp_path / "chapter-1.1.html").read_text(), tmp_path)
    assert console == []
    assert seen["charts"] == seen["drawn"] == 2


def test_a_page_has_the_whole_drawing_library(book):
    assert "window.vegaEmbed=" in book.read_text()
    assert len(book.read_text()) > 500_000
