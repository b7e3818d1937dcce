"""Axes: few ticks at round numbers, with labels that are short and exact."""

import math

import pytest

pytest.importorskip("altair")

from jaxdl.reports.axes import axis, number_label, ticks, wrapped


@pytest.mark.parametrize(
    ("number", "label"),
    [
        (0, "0"),
        (0.05, "0.05"),
        (-0.0025, "−0.0025"),
        (10000, "10,000"),
        (1e15, "10¹⁵"),
        (-1e-7, "−10⁻⁷"),
        (2.5e-7, "2.5×10⁻⁷"),
        (5e-324, "4.94×10⁻³²⁴"),
        (math.inf, "inf"),
    ],
)
def test_a_number_is_short(number, label):
    assert number_label(number) == label


@pytest.mark.parametrize("low", [-3.7, 0.0, 1e-300, 0.0123, 1.0, 2e15])
@pytest.mark.parametrize("factor", [1.0, 1.001, 1.4, 7.0, 300.0, 1e17])
def test_ticks_are_few_different_and_within_the_values(low, factor):
    values = [low, low * factor if low > 0 else low + factor]
    found = ticks(values)
    assert 1 <= len(set(found)) == len(found) <= 9
    assert min(values) * (1 - 1e-9 * math.copysign(1, min(values))) <= min(found)
    assert max(found) <= max(values) + 1e-9 * abs(max(values))


def test_ticks_of_numbers_near_the_end_of_the_range_are_numbers():
    for values in ([-1.7e308, 1.7e308], [5e-324, 1e308], [5e-324, 1e-323], [], [math.nan, 1.0]):
        assert all(map(math.isfinite, ticks(values)))


def test_far_apart_numbers_are_labelled_by_powers():
    assert ticks([1e-6, 1e15])[:2] == [1e-6, 1e-2]
    assert '["10⁻⁶", "10⁻²", "10²"' in axis([1e-6, 1e15]).to_dict()["labelExpr"].encode().decode("unicode_escape")
    assert ticks([1.0, 2.0]) == [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]


def test_a_long_text_is_on_several_lines_and_complete():
    text = "difference between shifting input and output, relative to the largest output"
    assert " ".join(wrapped(text)) == text
    assert max(map(len, wrapped(text))) <= 48
    assert wrapped("") == [""]
