import numpy as np
import pytest
import scipy.stats

from jaxdl.data.preprocessing.columns import (
    LEVELS,
    Categories,
    Dates,
    Numbers,
    encode_column,
    features,
    fit_column,
    missing_cells,
    unfamiliar,
)


def names(*values):
    return np.array(values, object)


def dates(*values):
    return np.array(values, "datetime64[us]")


def test_numbers_get_mean_0_and_deviation_1(random):
    values = random.normal(1e9, 5, 1000)  # float32 could not tell these apart
    encoded = encode_column(fit_column("a", values), values)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded[:, 0], scipy.stats.zscore(values), rtol=1e-5, atol=1e-6)


def test_the_median_stands_for_what_is_missing_and_a_second_feature_says_so():
    column = fit_column("a", np.array([1.0, 2.0, 9.0, np.nan]))
    assert (column.median, column.mean, column.missing) == (2.0, 4.0, True)
    encoded = encode_column(column, np.array([np.nan, 9.0]))
    assert encoded[:, 1].tolist() == [1, 0]
    np.testing.assert_allclose(encoded[:, 0], (np.array([2, 9]) - 4) / np.std([1, 2, 9]), rtol=1e-6)
    assert features(column) == ("a", "a is missing")


def test_what_is_missing_only_later_gets_the_median_and_no_feature():
    column = fit_column("a", np.array([1.0, 2.0, 9.0]))
    assert encode_column(column, np.array([np.nan])).tolist() == encode_column(column, np.array([2.0])).tolist()


def test_a_constant_with_holes_says_where_they_are():
    column = fit_column("a", np.array([3.0, np.nan, 3.0]))
    assert encode_column(column, np.array([3.0, np.nan])).tolist() == [[0, 0], [0, 1]]


def test_names_are_one_hot_in_the_order_of_their_levels():
    column = fit_column("a", names("b", "a", "b", "ä"))
    assert column == Categories("a", ("a", "b", "ä"), rest=False)
    assert encode_column(column, names("ä", "a", "b")).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert features(column) == ("a = a", "a = b", "a = ä")


def test_a_name_that_was_not_there_in_training_is_0_everywhere():
    column = fit_column("a", names("a", "b"))
    assert encode_column(column, names("c", None)).tolist() == [[0, 0], [0, 0]]


def test_what_is_missing_is_a_level_where_training_had_it():
    column = fit_column("a", names("a", None, "a"))
    assert encode_column(column, names(None, "a")).tolist() == [[0, 1], [1, 0]]
    assert features(column) == ("a = a", "a is missing")


def test_the_rarest_of_many_names_share_a_feature():
    values = names(
        *(f"{number:03}" for number in range(LEVELS + 20) for _ in range(2 if number < LEVELS else 1)), *["no"] * 300
    )
    column = fit_column("a", values)
    assert len(column.levels) == LEVELS
    assert column.rest
    encoded = encode_column(column, names("no", "000", "119", "never seen"))
    assert encoded.sum(axis=1).tolist() == [1, 1, 1, 1]
    assert encoded[2, -1] == encoded[3, -1] == 1


def test_dates_are_days_and_where_they_lie_in_week_and_year():
    values = dates("2020-01-01", "2021-07-01", "2022-03-05")
    column = fit_column("a", values)
    assert isinstance(column, Dates)
    encoded = encode_column(column, values)
    days = values.astype("datetime64[D]").astype(int)
    np.testing.assert_allclose(encoded[:, 0], scipy.stats.zscore(days), rtol=1e-5)
    np.testing.assert_allclose(encoded[:, 1], np.sin(2 * np.pi * (days % 7) / 7), atol=1e-6)
    np.testing.assert_allclose(encoded[:, 2], np.cos(2 * np.pi * (days % 7) / 7), atol=1e-6)
    assert encoded.shape[1] == len(features(column)) == 5


def test_times_of_day_are_a_cycle_too_and_a_missing_date_is_none():
    values = dates("2020-01-01T06:00", "2021-07-01T18:00", "NaT")
    column = fit_column("a", values)
    encoded = encode_column(column, values)
    np.testing.assert_allclose(encoded[:2, 2], [1, -1], atol=1e-6)  # sine of the day at 6 and at 18 o'clock
    assert encoded[2, 1:].tolist() == [1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("a", np.array([np.nan, np.nan]), "it is empty in the training part"),
        ("a", names(None, None), "it is empty in the training part"),
        ("a", dates("NaT"), "it is empty in the training part"),
        ("a", np.array([2.0, 2.0]), "it has one value in the training part"),
        ("a", names("x", "x"), "it has one value in the training part"),
        ("PassengerId", np.arange(9.0)[::-1], "it is named as an index, and every row has another number"),
        ("", np.arange(9.0), "it is named as an index, and every row has another number"),
        (
            "a",
            names(*(f"name {n}" for n in range(30))),
            "it is text with 30 different values in 30 rows: names, not categories",
        ),
    ],
)
def test_what_says_nothing_of_new_examples_is_left_out_with_the_reason(name, values, reason):
    assert fit_column(name, values) == reason


@pytest.mark.parametrize("name", ["width", "paid", "grid", "x"])
def test_a_feature_that_happens_to_count_is_kept(name):
    assert isinstance(fit_column(name, np.arange(9.0)), Numbers)


@pytest.mark.parametrize(
    ("fitted", "given", "expected"),
    [
        (np.array([1.0, 2.0]), names("a"), "numbers"),
        (names("a", "b"), np.array([1.0]), "names"),
        (dates("2020-01-01", "2021-01-01"), names("a"), "dates"),
    ],
)
def test_another_kind_of_column_is_told(fitted, given, expected):
    with pytest.raises(TypeError, match=f"column 'a' must hold {expected}, as in training, but holds"):
        encode_column(fit_column("a", fitted), given)


def test_cells_are_missing_where_they_are():
    assert missing_cells(np.array([1.0, np.nan])).tolist() == [False, True]
    assert missing_cells(names("a", None)).tolist() == [False, True]
    assert missing_cells(dates("2020-01-01", "NaT")).tolist() == [False, True]


def test_a_number_far_beyond_those_of_training_stays_finite():
    column = fit_column("a", np.array([0.0, 2.0]))
    assert encode_column(column, np.array([1e300, -1e308, 3.0])).tolist() == [[1e6], [-1e6], [2.0]]


@pytest.mark.parametrize("values", [[1.0, 1e300], [1e-300, 2e-300]])
def test_numbers_whose_squares_are_not_to_be_held_are_told(values):
    with pytest.raises(ValueError, match="column 'a' must hold numbers whose squares float64 can hold, but those in"):
        fit_column("a", np.array(values))


def test_cells_unlike_training_are_found():
    number = fit_column("a", np.array([0.0, 2.0]))
    assert unfamiliar(number, np.array([1.0, 102.0, -98.0, np.nan, -100.0])).tolist() == [0, 1, 0, 1, 1]
    assert unfamiliar(fit_column("a", np.array([0.0, 2.0, np.nan])), np.array([np.nan])).tolist() == [0]
    name = fit_column("a", names("x", "y"))
    assert unfamiliar(name, names("y", "z", None)).tolist() == [0, 1, 1]
    assert unfamiliar(name._replace(rest=True), names("y", "z", None)).tolist() == [0, 0, 1]
    day = fit_column("a", dates("2020-01-01", "2020-01-03"))
    assert unfamiliar(day, dates("2020-01-05", "2021-01-01", "NaT")).tolist() == [0, 1, 1]
