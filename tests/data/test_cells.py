import datetime

import numpy as np
import pyarrow as pa
import pytest

from jaxdl.data.readers.cells import as_written, dates, names, nearly, numbers, numbers_in


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["1", "2.5", "-3e2", "+4", ".5", "6."], [1, 2.5, -300, 4, 0.5, 6]),
        ([" 1", "2 ", "\t3", "   "], [1, 2, 3, np.nan]),
        (["1", "-", "--", ".", "NaT", " NA ", "?"], [1, *[np.nan] * 6]),
        (["08:30:00", "8:30", "00:00:01.5"], [30600, 30600, 1.5]),
        (["9007199254740993", "1e300"], [2.0**53, 1e300]),
        ([None, "", "nan"], [np.nan] * 3),
    ],
)
def test_text_is_numbers_where_all_of_it_is(written, read):
    np.testing.assert_array_equal(as_written(pa.array(written, pa.string())), read)


@pytest.mark.parametrize(
    "written", [["1", "x"], ["0x1A", "1"], ["1_000", "1"], ["1,5"], ["+", "-"], ["١"], ["1 2"], ["25:1:1", "1"]]
)
def test_text_stays_text_where_not_all_of_it_is_numbers(written):
    assert as_written(pa.array(written)).tolist() == written


def test_which_cells_are_no_numbers_is_told():
    values, strange = numbers(pa.chunked_array([["1", "x"], ["-", None, "y", "2"]]))
    np.testing.assert_array_equal(values, [1, np.nan, np.nan, np.nan, np.nan, 2])
    assert strange.tolist() == [False, True, False, False, True, False]
    values, strange = numbers_in(np.array(["1", None], object))
    np.testing.assert_array_equal(values, [1, np.nan])
    assert not strange.any()


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_kind_of_text_is_text(kind):
    assert as_written(pa.array(["a", "b"], pa.string()).cast(kind)).tolist() == ["a", "b"]
    np.testing.assert_array_equal(as_written(pa.array(["1", "2"], pa.string()).cast(kind)), [1, 2])


def test_names_are_alike_however_a_file_spells_them():
    spelled = names(pa.array(["True", "TRUE", " true ", "false", "Cafe\u0301", "NA", "truest"]))
    assert spelled.tolist() == ["true", "true", "true", "false", "Caf\u00e9", None, "truest"]
    assert names(pa.array([True, False, None])).tolist() == ["true", "false", None]
    assert names(pa.array([1, 2])).tolist() == ["1", "2"]


def test_dates_are_read_in_all_formats_that_are_unambiguous():
    day = [datetime.datetime(2020, 12, 31)]
    for written in ("2020-12-31", "2020/12/31", "31.12.2020", "2020-12-31T00:00:00Z", "2020-12-31 00:00"):
        assert as_written(pa.array([written, None, "-"])).tolist() == [*day, None, None]
    for written in ("12/31/2020", "31/12/2020", "2020-13-01"):
        assert as_written(pa.array([written])).tolist() == [written]
    with pytest.raises(ValueError, match="holds 'soon'"):
        dates(pa.array(["2020-12-31", "soon"]))


@pytest.mark.parametrize(
    ("cells", "doubt"),
    [
        (["1"] * 20 + ["old"], "nearly all of its cells look like numbers, but 'old' is none"),
        (["2020-01-01"] * 20 + ["soon"], "look like dates, but 'soon' is none"),
        (["1,5", "2,5", None], "look like numbers as 1234.5 is written, but '1,5' is none"),
        (["€ 5", "7 %"], "look like numbers as 1234.5 is written"),
        (["01/31/2020", "02/01/2020"], "look like dates as YYYY-MM-DD is written, but '01/31/2020' is none"),
        (["1"] * 8 + ["old"], None),
        (["a", "b"], None),
        ([None, "7%"], None),
    ],
)
def test_what_names_may_have_been_meant_as_is_told(cells, doubt):
    told = nearly(np.array(cells, object))
    assert told is None if doubt is None else doubt in told
