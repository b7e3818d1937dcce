"""The parts of the site that are not pages: roles that state verdicts and numbers, links of names, docstrings."""

import json
import pathlib
import re
import sys

import pytest

from tests.docs.pages import ROOT, prose_of

pytest.importorskip("sphinx", reason="the extra docs is not installed")
import claims_book
import code_links
import docstrings
import execution
import formulas
import mathematics
import public
import verdicts

import jaxdl.functional as F
from jaxdl.experiment import OUTCOMES

CHAPTERS = sorted((ROOT / "docs" / "course").glob("*.md"))
STATED = re.compile(rf"\{{({'|'.join(OUTCOMES)})\}}`([^`]*)`")
NUMBER = re.compile(r"(?<![\w.])(?:\d+(?:\.\d+)?\s?(?:%|×(?!\d)|percent\b)|\d+\.\d+)")
PART = re.compile(r"(?:[Cc]hapters?|[Ss]ections?)\s+[\d.]+(?:,\s+[\d.]+)*(?:\s+(?:and|to)\s+[\d.]+)*|\[[\d.]+\b")
HOSTS = re.compile(r"""(?:src|href)=["'](https?:)?//""")


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_the_verdicts_that_a_chapter_states_are_the_recorded_ones(page):
    for verdict, text in STATED.findall(page.read_text()):
        target = verdicts.TARGET.match(text)
        assert verdicts.verdict_of(target["name"], int(target["claim"])) == verdict, text


def test_a_changed_verdict_is_noticed(tmp_path, monkeypatch):
    results = tmp_path / "experiments" / "results"
    results.mkdir(parents=True)
    result = json.loads((ROOT / "experiments" / "results" / "xor.json").read_text())
    result["claims"][1]["verdict"] = "supported"
    (results / "xor.json").write_text(json.dumps(result))
    assert verdicts.verdict_of("xor", 2) == "conditional"
    verdicts.read_result.cache_clear()
    monkeypatch.setattr(verdicts, "ROOT", tmp_path)
    assert verdicts.verdict_of("xor", 2) == "supported"
    verdicts.read_result.cache_clear()


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.stem)
def test_no_measured_number_is_typed(page):
    """A number comes from a role (result, setting, published), from a cell, or stands in a formula."""
    assert numbers_in(page.read_text()) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It reached 97.3 % of them.", ["97.3 %"]),
        ("It was 2.5 times and 3 × as fast,\nwith 0.012.", ["2.5", "3 ×", "0.012"]),
        ("Of {setting}`20 %`, $0.5$ and\n\n```python\n0.3\n```\n\nwith {result}`a b .2f` and `x = 0.4`.", []),
        ("See sections 5.2 and 5.3, chapter 1.4, in 10×16 squares of MNIST-1D (2012, 7 pages).", []),
    ],
)
def test_a_typed_number_is_noticed(text, found):
    assert numbers_in(text) == found


def numbers_in(text: str) -> list[str]:
    """Return decimals, shares and ratios in the sentences of a page."""
    return NUMBER.findall(PART.sub("", prose_of(text)))


def test_a_number_comes_from_a_result_file():
    name, result = "small_batches", json.loads((ROOT / "experiments/results/small_batches.json").read_text())
    expected = result["claims"][1]["comparisons"][0]["estimate"]
    assert verdicts.number_in(f"{name} claims.1.comparisons.0.estimate .3f") == f"{expected:.3f}"
    assert float(verdicts.number_in("benchmarks/populations cases.0.rows.0.seconds_per_unit")) > 0
    with pytest.raises(ValueError, match=r"has no claims\.9"):
        verdicts.number_in(f"{name} claims.9.finding")
    with pytest.raises(ValueError, match="there is no result unknown"):
        verdicts.number_in("unknown claims.0.finding")
    with pytest.raises(ValueError, match="and no claim 9"):
        verdicts.verdict_of(name, 9)


def test_names_of_the_library_are_found_and_wrong_ones_are_broken():
    assert public.paths()["F.relu"] == public.paths()["functional.relu"] == "jaxdl.functional.relu"
    assert public.paths()["training.fit"] == "jaxdl.training.fit"
    assert code_links.is_broken("F.relux")
    assert code_links.is_broken("training.fitt")
    assert not any(map(code_links.is_broken, ("F.relu", "metrics.parquet", "np.sum", "x.T", "training.Fit.state")))
    assert len({symbol.path for symbol in public.symbols()}) == len(public.symbols()) > 400


@pytest.mark.parametrize(
    ("written", "converted"),
    [
        ("The mean $\\mu$ of `x`.", "The mean :math:`\\mu` of ``x``."),
        ("the $i$th of (*batch, d)", "the :math:`i`\\ th of (\\*batch, d)"),
        ("It is\n\n$$\na = b\n$$\n\nhence", "It is\n\n.. math::\n\n   a = b\n\n\nhence"),
        (">>> f('$a$')\n'$a$'\n\n$b$", ">>> f('$a$')\n'$a$'\n\n:math:`b`"),
    ],
)
def test_a_docstring_becomes_restructured_text(written, converted):
    assert docstrings.to_rst(written) == converted


def test_a_formula_shows_the_source_without_its_docstring():
    code = formulas.code_of(F.softmax_vjp)
    assert code.startswith("def softmax_vjp(g, ")
    assert '"""' not in code
    names: dict = dict(vars(sys.modules[F.softmax.__module__]))
    exec(code, names)
    assert names["softmax_vjp"].__code__.co_names == F.softmax_vjp.__code__.co_names
    assert "Args:" not in formulas.text_of(F.softmax)


def test_a_wrong_formula_is_reported(monkeypatch):
    found = []
    monkeypatch.setattr(mathematics.LOGGER, "warning", lambda text, *args, **options: found.append(text % args))
    mathematics.check(r"\frac{a}{b}", None)
    mathematics.check(r"\frac{a}{b} \unknowncommand", None)
    assert len(found) == 1
    assert "Unknown command" in found[0]


def test_cells_that_need_absent_data_become_a_note(monkeypatch):
    monkeypatch.setattr(execution, "is_available", lambda name: name != "absent-set")
    cell = "```{{code-cell}} ipython3\n:tags: [needs-{}]\nprint(1)\n```\n"
    source = [cell.format("absent-set") + "text\n" + cell.format("digits")]
    execution.replace_absent(None, "page", source)
    assert source[0].startswith("```{note}\nThis part needs absent_set")
    assert source[0].endswith("text\n" + cell.format("digits"))


def test_each_item_is_taught_in_at_most_one_chapter():
    found = [item for page in CHAPTERS for item in claims_book.items_in(page.read_text())]
    assert len(found) == len({*found})


@pytest.mark.slow
def test_no_page_needs_a_network():
    html = ROOT / "docs" / "_build" / "html"
    if not html.is_dir():
        pytest.skip("the site is not built: run make docs")
    pages = list(html.rglob("*.html"))
    assert len(pages) > 400
    assert not [str(page) for page in pages if loads_from_a_host(page)]


def loads_from_a_host(page: pathlib.Path) -> bool:
    """Return whether a page loads a script, style or picture from a host; links for readers are allowed."""
    text = re.sub(r"<a [^>]*>", "", page.read_text(encoding="utf-8"))
    return bool(HOSTS.search(text))
