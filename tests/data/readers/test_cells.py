import datetime

import numpy as np
import pyarrow as pa
import pytest

from jaxdl.data.readers.cells import infer_column, misread_reason, texts_to_numbers, to_dates, to_numbers, to_texts


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1", "2.5", "-3e2", "+4", ".5", "6."], [1, 2.5, -300, 4, 0.5, 6]),
        ([" 1", "2 ", "\t3", "   "], [1, 2, 3, np.nan]),
        (["1", "-", "--", ".", "NaT", " NA ", "?"], [1, *[np.nan] * 6]),
        (["08:30:00", "8:30", "00:00:01.5"], [30600, 30600, 1.5]),
        (["9007199254740993", "1e300"], [2.0**53, 1e300]),
        ([None, "", "nan"], [np.nan] * 3),
    ],
)
def test_text_becomes_numbers_if_every_cell_is_a_number(cells, numbers):
    np.testing.assert_array_equal(infer_column(pa.array(cells, pa.string())), numbers)


@pytest.mark.parametrize(
    "cells", [["1", "x"], ["0x1A", "1"], ["1_000", "1"], ["1,5"], ["+", "-"], ["١"], ["1 2"], ["25:1:1", "1"]]
)
def test_text_stays_text_if_a_cell_is_not_a_number(cells):
    assert infer_column(pa.array(cells)).tolist() == cells


def test_a_mask_marks_the_cells_that_are_not_numbers():
    values, invalid = to_numbers(pa.chunked_array([["1", "x"], ["-", None, "y", "2"]]))
    np.testing.assert_array_equal(values, [1, np.nan, np.nan, np.nan, np.nan, 2])
    assert invalid.tolist() == [False, True, False, False, True, False]
    values, invalid = texts_to_numbers(np.array(["1", None], object))
    np.testing.assert_array_equal(values, [1, np.nan])
    assert not invalid.any()


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_arrow_type_of_text_is_read(kind):
    assert infer_column(pa.array(["a", "b"], pa.string()).cast(kind)).tolist() == ["a", "b"]
    np.testing.assert_array_equal(infer_column(pa.array(["1", "2"], pa.string()).cast(kind)), [1, 2])


def test_text_is_normalized():
    texts = to_texts(pa.array(["True", "TRUE", " true ", "false", "Cafe\u0301", "NA", "truest"]))
    assert texts.tolist() == ["true", "true", "true", "false", "Caf\u00e9", None, "truest"]
    assert to_texts(pa.array([True, False, None])).tolist() == ["true", "false", None]
    assert to_texts(pa.array([1, 2])).tolist() == ["1", "2"]


def test_dates_are_read_in_unambiguous_formats():
    day = [datetime.datetime(2020, 12, 31)]
    for text in ("2020-12-31", "2020/12/31", "31.12.2020", "2020-12-31T00:00:00Z", "2020-12-31 00:00"):
        assert infer_column(pa.array([text, None, "-"])).tolist() == [*day, None, None]
    for text in ("12/31/2020", "31/12/2020", "2020-13-01"):
        assert infer_column(pa.array([text])).tolist() == [text]
    with pytest.raises(ValueError, match="holds 'soon'"):
        to_dates(pa.array(["2020-12-31", "soon"]))


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (["1"] * 20 + ["old"], "is read as text: nearly all cells look like numbers, but 'old' is not a number"),
        (["2020-01-01"] * 20 + ["soon"], "look like dates, but 'soon' is not a date of the same format"),
        (["1,5", "2,5", None], "look like numbers, but '1,5' is not written as 1234.5"),
        (["€ 5", "7 %"], "look like numbers, but '€ 5' is not written as 1234.5"),
        (["01/31/2020", "02/01/2020"], "look like dates, but '01/31/2020' is not written as YYYY-MM-DD"),
        (["1"] * 8 + ["old"], None),
        (["a", "b"], None),
        ([None, "7%"], None),
    ],
)
def test_text_that_looks_like_numbers_or_dates_is_reported(cells, reason):
    found = misread_reason(np.array(cells, object))
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    "cell",
    [
        "1\u00a0234,5",
        "\u221212",
        "1\u2019000",
        "¥ 500",
        "(123)",
        "12.5 kg",
        "3 m²",
        "₹1,00,000",
        "12 CHF",
        "-$4",
        "80 km/h",
        "7\u202f000",
    ],
)
def test_numbers_in_other_notations_are_reported(cell):
    reason = misread_reason(np.array([cell] * 3, object))
    assert reason == f"is read as text: nearly all cells look like numbers, but {cell!r} is not written as 1234.5"


@pytest.mark.parametrize("cell", ["a1", "1st floor", "3b7f", "192.168.0.1:80", "(a)", "+", "12 Main Street"])
def test_other_text_is_not_reported_as_numbers(cell):
    assert misread_reason(np.array([cell] * 3, object)) is None


def test_the_texts_of_missing_values_can_be_chosen():
    column = pa.array(["NA", "None", "", "x", "?"])
    assert to_texts(column).tolist() == [None, None, None, "x", None]
    assert to_texts(column, ["x", ""]).tolist() == ["NA", "None", None, None, "?"]
    np.testing.assert_array_equal(infer_column(pa.array(["1", "-9", "3"]), ["-9"]), [1, np.nan, 3])
