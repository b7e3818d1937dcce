import numpy as np
import pytest
import scipy.stats

from jaxdl.data.preprocessing.columns import (
    MAX_CATEGORIES,
    Categories,
    Dates,
    Numbers,
    encode_column,
    feature_names,
    fit_column,
    missing_cells,
    unfamiliar,
)


def texts(*values):
    return np.array(values, object)


def dates(*values):
    return np.array(values, "datetime64[us]")


def test_numbers_get_mean_0_and_standard_deviation_1(random):
    values = random.normal(1e9, 5, 1000)  # float32 could not represent the differences
    encoded = encode_column(fit_column("a", values), values)
    assert encoded.dtype == np.float32
    np.testing.assert_allclose(encoded[:, 0], scipy.stats.zscore(values), rtol=1e-5, atol=1e-6)


def test_missing_numbers_get_the_median_and_an_indicator_feature():
    column = fit_column("a", np.array([1.0, 2.0, 9.0, np.nan]))
    assert (column.median, column.mean, column.missing) == (2.0, 4.0, True)
    encoded = encode_column(column, np.array([np.nan, 9.0]))
    assert encoded[:, 1].tolist() == [1, 0]
    np.testing.assert_allclose(encoded[:, 0], (np.array([2, 9]) - 4) / np.std([1, 2, 9]), rtol=1e-6)
    assert feature_names(column) == ("a", "a is missing")


def test_numbers_missing_only_after_training_get_the_median_without_an_indicator():
    column = fit_column("a", np.array([1.0, 2.0, 9.0]))
    assert encode_column(column, np.array([np.nan])).tolist() == encode_column(column, np.array([2.0])).tolist()


def test_a_constant_with_missing_values_keeps_the_indicator():
    column = fit_column("a", np.array([3.0, np.nan, 3.0]))
    assert encode_column(column, np.array([3.0, np.nan])).tolist() == [[0, 0], [0, 1]]


def test_text_is_one_hot_in_the_order_of_the_categories():
    column = fit_column("a", texts("b", "a", "b", "ä"))
    assert column == Categories("a", ("a", "b", "ä"), rest=False)
    assert encode_column(column, texts("ä", "a", "b")).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert feature_names(column) == ("a = a", "a = b", "a = ä")


def test_an_unknown_category_is_all_zeros():
    column = fit_column("a", texts("a", "b"))
    assert encode_column(column, texts("c", None)).tolist() == [[0, 0], [0, 0]]


def test_missing_text_is_a_category_if_training_has_it():
    column = fit_column("a", texts("a", None, "a"))
    assert encode_column(column, texts(None, "a")).tolist() == [[0, 1], [1, 0]]
    assert feature_names(column) == ("a = a", "a is missing")


def test_the_rarest_of_many_categories_share_a_feature():
    values = texts(
        *(f"{number:03}" for number in range(MAX_CATEGORIES + 20) for _ in range(2 if number < MAX_CATEGORIES else 1)),
        *["x"] * 300,
    )
    column = fit_column("a", values)
    assert len(column.categories) == MAX_CATEGORIES
    assert column.rest
    encoded = encode_column(column, texts("x", "000", "119", "never seen"))
    assert encoded.sum(axis=1).tolist() == [1, 1, 1, 1]
    assert encoded[2, -1] == encoded[3, -1] == 1


def test_dates_become_days_and_phases_of_week_and_year():
    values = dates("2020-01-01", "2021-07-01", "2022-03-05")
    column = fit_column("a", values)
    assert isinstance(column, Dates)
    encoded = encode_column(column, values)
    days = values.astype("datetime64[D]").astype(int)
    np.testing.assert_allclose(encoded[:, 0], scipy.stats.zscore(days), rtol=1e-5)
    np.testing.assert_allclose(encoded[:, 1], np.sin(2 * np.pi * (days % 7) / 7), atol=1e-6)
    np.testing.assert_allclose(encoded[:, 2], np.cos(2 * np.pi * (days % 7) / 7), atol=1e-6)
    assert encoded.shape[1] == len(feature_names(column)) == 5


def test_times_add_a_daily_cycle_and_a_missing_date_has_no_phase():
    values = dates("2020-01-01T06:00", "2021-07-01T18:00", "NaT")
    column = fit_column("a", values)
    encoded = encode_column(column, values)
    np.testing.assert_allclose(encoded[:2, 2], [1, -1], atol=1e-6)  # sine of the daily cycle at 06:00 and 18:00
    assert encoded[2, 1:].tolist() == [1, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("a", np.array([np.nan, np.nan]), "it is empty in the training part"),
        ("a", texts(None, None), "it is empty in the training part"),
        ("a", dates("NaT"), "it is empty in the training part"),
        ("a", np.array([2.0, 2.0]), "it has one value in the training part"),
        ("a", texts("x", "x"), "it has one value in the training part"),
        ("PassengerId", np.arange(9.0)[::-1], "its name and its integers suggest an index"),
        ("", np.arange(9.0), "its name and its integers suggest an index"),
        (
            "a",
            texts(*(f"name {n}" for n in range(30))),
            "it is text with 30 distinct values in 30 rows, too many for categories",
        ),
    ],
)
def test_uninformative_columns_are_left_out_with_a_reason(name, values, reason):
    assert fit_column(name, values) == reason


@pytest.mark.parametrize("name", ["width", "paid", "grid", "x"])
def test_distinct_integers_with_another_name_are_kept(name):
    assert isinstance(fit_column(name, np.arange(9.0)), Numbers)


@pytest.mark.parametrize(
    ("fitted", "given", "expected"),
    [
        (np.array([1.0, 2.0]), texts("a"), "numbers"),
        (texts("a", "b"), np.array([1.0]), "text"),
        (dates("2020-01-01", "2021-01-01"), texts("a"), "dates"),
    ],
)
def test_a_column_of_another_kind_raises_an_error(fitted, given, expected):
    with pytest.raises(TypeError, match=f"column 'a' must hold {expected}, as in training, got"):
        encode_column(fit_column("a", fitted), given)


def test_missing_cells_are_nan_nat_or_none():
    assert missing_cells(np.array([1.0, np.nan])).tolist() == [False, True]
    assert missing_cells(texts("a", None)).tolist() == [False, True]
    assert missing_cells(dates("2020-01-01", "NaT")).tolist() == [False, True]


def test_a_number_far_from_training_is_clipped():
    column = fit_column("a", np.array([0.0, 2.0]))
    assert encode_column(column, np.array([1e300, -1e308, 3.0])).tolist() == [[1e6], [-1e6], [2.0]]


@pytest.mark.parametrize("values", [[1.0, 1e300], [1e-300, 2e-300]])
def test_numbers_whose_squares_overflow_or_vanish_raise_an_error(values):
    with pytest.raises(ValueError, match="column 'a' must hold numbers whose squares fit into float64, got numbers"):
        fit_column("a", np.array(values))


def test_unfamiliar_cells_are_found():
    number = fit_column("a", np.array([0.0, 2.0]))
    assert unfamiliar(number, np.array([1.0, 102.0, -98.0, np.nan, -100.0])).tolist() == [0, 1, 0, 1, 1]
    assert unfamiliar(fit_column("a", np.array([0.0, 2.0, np.nan])), np.array([np.nan])).tolist() == [0]
    name = fit_column("a", texts("x", "y"))
    assert unfamiliar(name, texts("y", "z", None)).tolist() == [0, 1, 1]
    assert unfamiliar(name._replace(rest=True), texts("y", "z", None)).tolist() == [0, 0, 1]
    day = fit_column("a", dates("2020-01-01", "2020-01-03"))
    assert unfamiliar(day, dates("2020-01-05", "2021-01-01", "NaT")).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("name", "values", "is_index"),
    [
        ("Unnamed: 0", [0, 1, 2, 0, 1, 2], True),  # of two tables, one below the other
        ("__index_level_0__", [4, 4, 5], True),
        ("", [0.5, 1, 2], False),
        ("Nr.", [7, 3, 5, 4, 9], True),
        ("obs", [1, 2, 3, 3], False),
        ("number", [10, 4000, 20, 77], False),  # distinct, but no row numbers
        ("rooms", [1, 2, 3, 4], False),
        ("patient_id", [10, 4000, 20, 77], True),
    ],
)
def test_an_index_is_recognized_by_name_and_numbers(name, values, is_index):
    assert isinstance(fit_column(name, np.array(values, float)), str) == is_index
