"""Rendering: charts of hostile names, what a template escapes, and the drawing library in its cache."""

import hashlib
import json

import pytest

pytest.importorskip("vl_convert")

import altair as alt

from jaxdl.reports import rendering, training_charts
from tests.hostile import NAMES


def test_a_chart_is_an_element_that_nothing_in_it_can_end():
    rows = [{"name": name} for name in NAMES]
    chart = alt.Chart(alt.Data(values=rows), height=40).mark_point().encode(x=alt.X("name:N", title=NAMES[0]))
    element = rendering.chart_html(chart, '"><script>lost()')
    assert element.count("<script") == element.count("</script") == 1
    assert 'data-chart="&#34;&gt;&lt;script&gt;lost()" style="min-height:100px"' in element
    drawn = json.loads(element.split(">", 2)[2].removesuffix("</script></div>"))
    assert drawn["encoding"]["x"]["title"] == NAMES[0]


def test_a_template_escapes_what_it_shows():
    shown = rendering.render("{{ name }} {{ 0.5 | percent }} {{ marks.supported }}", {"name": "<b>\x1b"})
    assert shown == "&lt;b&gt;␛ 50.0 % ✓"


def test_a_confusion_matrix_of_hostile_names_is_drawn():
    names = [name for name in NAMES for _ in NAMES]
    chart = training_charts.confusion({"label": names, "predicted": [*NAMES] * 6, "count": [1] * 36}, members=2)
    svg = rendering.svg(chart, "confusion")
    assert len({row["label"] for row in rendering.specification(chart)["data"]["values"]}) == 6
    assert "a\\u2028b" in svg
    assert "<script" not in svg


@pytest.fixture
def bundle(monkeypatch):
    """Bundle nothing, which takes a second: the pages of the other tests have the whole library."""
    monkeypatch.setattr(pytest.importorskip("vl_convert"), "javascript_bundle", lambda code: f"library; {code}")
    return rendering.library.__wrapped__  # without the memory of this process


def test_the_drawing_library_is_bundled_once_and_then_read_from_the_cache(bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    assert bundle() == "library; window.vegaEmbed = vegaEmbed;"
    monkeypatch.delattr("vl_convert.javascript_bundle")
    assert bundle() == "library; window.vegaEmbed = vegaEmbed;"


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1], lambda whole: b"", lambda whole: whole + b"\xff"])
def test_a_damaged_drawing_library_is_bundled_again(bundle, tmp_path, monkeypatch, damage):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    bundle()
    (path,) = (tmp_path / "figures").iterdir()
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    assert bundle() == "library; window.vegaEmbed = vegaEmbed;"
    assert path.read_bytes() == whole


def test_a_drawing_library_that_others_can_write_is_not_read(bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path))
    bundle()
    (path,) = (tmp_path / "figures").iterdir()
    forged = hashlib.sha256(b"forged").hexdigest().encode() + b"\nforged"
    path.write_bytes(forged)
    assert bundle() == "forged"  # it is the user's own file
    tmp_path.chmod(0o777)
    with pytest.warns(UserWarning, match="reads no programs"):
        assert bundle() == "library; window.vegaEmbed = vegaEmbed;"
    assert path.read_bytes() == forged


def test_without_a_cache_the_drawing_library_is_bundled_again(bundle, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("JAXDL_CACHE", str(tmp_path / "file"))
    assert bundle() == "library; window.vegaEmbed = vegaEmbed;"
