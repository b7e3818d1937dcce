"""Pages in a browser: all figures drawn, no error, nothing fetched, wide and narrow, light and dark."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from jaxdl.experiment import Claim, Exact, Experiment, Greater, Panel, PerRegime, conduct
from jaxdl.reports import page
from jaxdl.runs import files
from jaxdl.runs.directory import environment

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SEEDS = 16
LOOK = """<script>setTimeout(() => {
  const charts = [...document.querySelectorAll(".chart")];
  document.body.dataset.seen = JSON.stringify({
    charts: charts.length,
    drawn: charts.filter(chart => chart.querySelector("svg path, svg rect")).length,
    marks: charts.map(chart => chart.querySelectorAll(".mark-symbol path, .mark-line path").length),
    wider: document.documentElement.scrollWidth - window.innerWidth,
    paper: getComputedStyle(document.body).backgroundColor,
  });
}, 2000)</script></body>"""


def experiment(name, values, *, over=None, rule=None):
    """Two arms with these numbers."""
    panel = Panel("height", {"left": "the left one", "right": "the right one"}, over=over, thresholds=(0.5,))
    holds = Exact("it holds", lambda measured: True, lambda measured: "It <holds> & so on.")
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
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A page of all kinds of figures and verdicts; also numbers that are not finite, far apart, and one seed alone."""
    directory = tmp_path_factory.mktemp("run")
    values, broken = np.linspace(1, 2, SEEDS), np.linspace(1, 2, SEEDS)
    broken[3] = np.inf
    numbers = ("size", (1, 10, 100))
    both = PerRegime({"here": Greater("right", "left", 1.0, 1.0), "there": Greater("left", "right", 1.0, 1.0)})
    for each in (
        experiment("apart", values, rule=both),
        experiment("broken", broken, rule=Greater("left", "right", 1.0, 1.0)),
        experiment("over", values, over=numbers),
        experiment("wide", 10.0 ** np.arange(-8, 8), over=numbers),
        experiment("alone", np.ones(1), over=numbers),
    ):
        conduct(each, directory / "experiments")
    files.write_json(directory / "environment.json", environment())
    return page.write_report(directory)


def opened(page, folder, *settings, size="1200,1000"):
    """What a browser has in its console, and what it sees, of a page with a look added at its end."""
    if BROWSER is None:
        pytest.skip("there is no chromium")
    looked_at = folder / "looked_at.html"
    looked_at.write_text(LOOK.join(page.rsplit("</body>", 1)))
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--virtual-time-budget=6000")
    done = subprocess.run(
        [BROWSER, *options, *settings, f"--window-size={size}", "--dump-dom", looked_at.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    return console, json.loads(html.unescape(seen[1])) if seen else None


@pytest.mark.parametrize("size", ["1200,1000", "500,900"])
def test_every_figure_is_drawn_at_any_width_and_nothing_goes_wrong(book, tmp_path, size):
    console, seen = opened(book.read_text(), tmp_path, size=size)
    assert console == []
    assert seen["charts"] == seen["drawn"] == 5
    assert min(seen["marks"]) >= 6
    assert seen["wider"] <= 0


def test_it_is_dark_where_that_is_wished(book, tmp_path):
    papers = {
        opened(book.read_text(), tmp_path, f"--blink-settings=preferredColorScheme={wish}")[1]["paper"]
        for wish in (0, 1)
    }
    assert papers == {"rgb(17, 21, 29)", "rgb(251, 252, 254)"}


@pytest.mark.parametrize(
    "planted",
    [
        '<img src="https://example.com/a.png">',
        "<script>fetch('https://example.com')</script>",
        "<script>lost()</script>",
    ],
)
def test_what_fetches_or_fails_would_be_seen(book, tmp_path, planted):
    console, _ = opened(book.read_text().replace("<footer>", f"{planted}<footer>"), tmp_path)
    assert console


def test_the_page_says_all_of_a_claim_and_escapes_it(book):
    page = book.read_text()
    for word in (
        "It &lt;holds&gt; &amp; so on.",
        '<span class="badge conditional">± conditional</span>',
        '<span class="badge inconclusive">? inconclusive</span>',
        "Rule, fixed before these seeds were measured: here: supported if the confidence interval",
        "python -m experiments run apart",
        "not finite",
        "16 seeds each, shared",
        "0.05 / 12",
    ):
        assert word in page
    assert {path.stem for path in (book.parent / "figures").glob("*.svg")} == {
        "apart",
        "broken",
        "over",
        "wide",
        "alone",
    }


def test_what_draws_figures_is_put_together_once_and_then_read(tmp_path, monkeypatch):
    vl_convert = pytest.importorskip("vl_convert")
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    page._library.cache_clear()
    made = page._library()
    assert made == vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    monkeypatch.delattr(vl_convert, "javascript_bundle")
    page._library.cache_clear()
    assert page._library() == made


def test_where_nothing_can_be_kept_it_is_put_together_each_time(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "file"))
    page._library.cache_clear()
    assert "vegaEmbed" in page._library()
