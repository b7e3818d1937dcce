"""Short texts and tables: values of a few numbers, otherwise shapes; the same cells as text and as HTML."""

import html.parser
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdl import data, models
from jaxdl._display import MAX_LINE, Columns, Table, html_table, short_repr, span, summarized, text_table
from jaxdl.backpropagation import WorkedExample, trace_expression
from jaxdl.data import Dataset, Split
from jaxdl.derivation import Proof, Proofs
from jaxdl.experiment import Comparison, Verdict
from jaxdl.statistics import Interval


class Pair(NamedTuple):
    first: Any
    second: Any

    __repr__ = short_repr


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((3, 2), np.float32), "float32[3, 2]"),
        (np.zeros(9), "float64[9]"),
        (np.array([0.123456, 2.0]), "[0.1235, 2]"),
        (np.float32(0.5), "0.5"),
        (np.array(3), "3"),
        (np.array([True, False]), "[True, False]"),
        (np.array(["hut", "flat"]), "text[2]"),
        (np.array(["hut", None], object), "object[2]"),
        (np.zeros(0), "float64[0]"),
        (jax.ShapeDtypeStruct((2,), jnp.float32), "float32[2]"),
        ({"loss": np.zeros((2, 9))}, "{'loss': float64[2, 9]}"),
        ({"dense": {"kernel": np.zeros((2, 3)), "bias": np.zeros(3)}}, "<2 arrays, 9 numbers>"),
        ((1, "a"), "(1, 'a')"),
        ((), "()"),
        ((np.zeros(1),), "<1 array, 1 number>"),
        (None, "None"),
        (np.mean, "mean"),
        (optax.EmptyState(), "EmptyState()"),
    ],
)
def test_a_value_is_summarized(value, text):
    assert summarized(value) == text


def test_arrays_without_values_have_a_shape():
    shown = []
    jax.jit(lambda x: shown.append(summarized(x)) or x)(jnp.zeros(2))
    deleted = jnp.ones(3)
    deleted.delete()
    assert [*shown, summarized(deleted), summarized(jax.random.key(0))] == ["float32[2]", "float32[3]", "key<fry>[]"]


def test_a_long_text_has_one_line_for_each_field():
    assert repr(Pair(1, 0.5)) == "Pair(first=1, second=0.5)"
    long = "x" * MAX_LINE
    assert repr(Pair(long, Pair(1, long))).splitlines() == [
        *("Pair(", f"  first='{long}',", "  second=Pair(", "    first=1,", f"    second='{long}',", "  ),", ")")
    ]


def test_the_range_of_values():
    assert [span([0.25, 0.123456]), span(jnp.array([5, 5])), span([np.nan, 1])] == ["0.1235 to 0.25", "5", "nan"]


def test_data_sets_name_their_shapes():
    moons = data.moons(jax.random.key(0), examples=50)
    assert repr(moons) == "Dataset(inputs=float32[50, 2], labels=int32[50], weights=float32[50])"
    assert repr(Split(moons, moons, moons)).splitlines()[1:2] == [f"  train={moons!r},"]
    table = Dataset({"age": np.zeros(9), "home": np.array(["hut"] * 9, object)}, np.arange(9), np.ones(9))
    assert repr(table).startswith("Dataset(inputs={'age': float64[9], 'home': object[9]}, labels=int64[9], ")


def test_results_are_one_line():
    assert repr(Interval(0.5, np.float64(0.25), 0.75)) == "Interval(estimate=0.5, low=0.25, high=0.75)"
    assert repr(Verdict("supported", "a − b: 0.1.")) == "Verdict(supported, a − b: 0.1.)"
    assert repr(Proof("relu", ((), ()), 0.0, 1e-7, 0.0, "")) == (
        "Proof(relu, holds, cases 2, float64 error 0.0e+00, float32 error 1.0e-07)"
    )
    assert repr(models.mlp((4,), 2)) == "Model(init=from_linen.init, apply=from_linen.apply)"


class Cells(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.rows, self.is_cell = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.is_cell = True

    def handle_endtag(self, tag):
        self.is_cell = False

    def handle_data(self, data):
        if self.is_cell:
            self.rows[-1][-1] += data


def test_a_table_is_aligned_and_escaped():
    rows = [["name", "value"], ["a < b", " 1\n10"], ["c", ""]]
    assert text_table(rows, right=[1]) == "name   value\na < b      1\n          10\nc"
    assert Cells(html_table(rows)).rows == rows
    assert "a &lt; b" in html_table(rows)
    wraps = re.findall(r"white-space: ([\w-]+)", html_table([("name", "matrix"), ("a long line", "1 2\n3 4")]))
    assert wraps == ["pre-wrap", "pre-wrap", "pre-wrap", "pre"]


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        (trace_expression("y = x * x", {"x": 3.0}), 5),
        (Proofs([Proof("relu", (), 0.0, 0.0, 0.0, "")] * 2), 3),
    ],
)
def test_a_table_is_a_tuple_displayed_as_its_rows(table, rows):
    assert isinstance(table, tuple)
    assert isinstance(table, Table)
    assert len(table) < len(repr(table).splitlines()) == rows == len(Cells(table._repr_html_()).rows)


def test_a_worked_example_is_displayed_whole():
    page = WorkedExample("A square", "y = x²", "y is 9.", "", trace_expression("y = x * x", {"x": 3.0}))
    for text in (repr(page), page._repr_html_()):
        assert page.title in text
        assert page.steps[-1].name in text
    assert len(Cells(page._repr_html_()).rows) == len(page.steps) + 1


def test_a_verdict_is_displayed_with_its_comparisons():
    fields = dict.fromkeys(Comparison._fields, 0.25) | {"arm": "a", "reference": "b", "outcome": "refuted"}
    shown = Verdict("refuted", "a < b", (Comparison(**fields),))._repr_html_()
    assert "<b>refuted</b>: a &lt; b" in shown
    assert Cells(shown).rows[1] == ["'a'", "'b'", "0.25", "0.25", "0.25", "0.25", "'refuted'"]
    assert "<table" not in Verdict("refuted")._repr_html_()


def test_a_summary_is_displayed_as_its_table():
    summary = models.summary(models.mlp((4,), 2), jax.ShapeDtypeStruct((1, 3), jnp.float32))
    assert repr(summary) == str(summary)
    assert Cells(summary._repr_html_()).rows[-1] == ["total", "", "", "26", "20", "36"]


def test_data_sets_and_splits_display_themselves_as_tables():
    part = Dataset({"<b>": np.zeros((9, 2))}, np.arange(9), np.ones(9))
    cells = Cells(part._repr_html_()).rows
    assert cells == [["field", "value"], ["inputs", "{'<b>': float64[9, 2]}"], ["labels", "int64[9]"], cells[3]]
    rows = Cells(Split(part, part, part)._repr_html_()).rows
    assert [row[0] for row in rows] == ["part", "train", "dev", "test"]
    assert rows[1] == ["train", "{'<b>': float64[9, 2]}", "int64[9]", "float64[9]"]


def test_a_column_that_does_not_exist_raises_with_the_names_of_all():
    with pytest.raises(KeyError, match="no column 'acc': it has member, accuracy"):
        Columns({"member": [0], "accuracy": [0.5]})["acc"]
