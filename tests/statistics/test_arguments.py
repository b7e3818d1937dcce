import types

import numpy as np
import pytest

from jaxdl import statistics
from jaxdl.statistics import (
    Interval,
    compare,
    conformal_radius,
    summary,
)

A, B = [0.9, 0.91, 0.97, 0.94, 0.92, 0.96, 0.93, 0.95], [0.88, 0.91, 0.92, 0.95, 0.89, 0.92, 0.87, 0.88]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: compare(A, B[:7]), r"^a and b must have one value for each seed.* a has 8 values and b has 7: drop"),
        (lambda: compare(A, [np.nan, np.inf, *B[2:]]), r"^b must hold finite numbers, but 2 of 8 are NaN or infinite:"),
        (lambda: compare([1.0], [2.0]), r"^a must be one-dimensional with at least two values, got the shape \(1,\):"),
        (lambda: compare([A], [B]), r"^a must be one-dimensional with at least two values, got the shape \(1, 8\):"),
        (lambda: compare(A, B, effect=0.0), r"^effect must be above 0 and finite, got 0.0: give"),
        (lambda: compare(A, B, level=95.0), r"^level must be between 0 and 1, got 95.0: give 0.95 for 95 %.$"),
        (lambda: summary([]), r"^values must be one-dimensional with at least two values, got the shape \(0,\):"),
        (lambda: summary([1.0, np.nan]), r"^values must hold finite numbers, but 1 of 2 are NaN or infinite:"),
        (lambda: summary(A, level=1.0), r"^level must be between 0 and 1, got 1.0:"),
        (lambda: conformal_radius([]), r"^residuals must be .* got the shape \(0,\) with 0 NaN:"),
        (lambda: conformal_radius([1.0, np.nan]), r"^residuals must be .* got the shape \(2,\) with 1 NaN:"),
        (lambda: conformal_radius(np.ma.masked_equal([1, 2], 2)), r"^residuals must not hold masked numbers, got 1:"),
        (lambda: conformal_radius([1.0], weights=[-1.0]), r"^weights must be finite, at least 0 and not all 0,"),
        (lambda: conformal_radius([1.0], weights=[0.0]), r"^weights must be .* got the shape \(1,\)\."),
        (lambda: conformal_radius([1.0], weights=[1, 2]), r"^weights must be .* got the shape \(2,\)\."),
        (lambda: conformal_radius([1.0], level=0.0), r"^level must be between 0 and 1, got 0.0:"),
    ],
)
def test_unusable_results_are_an_error_that_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


FIT = types.SimpleNamespace(best=None, history=None)


@pytest.mark.parametrize(
    ("function", "arguments", "sentence"),
    [
        ("summary", (FIT,), r"values must be numbers, got SimpleNamespace: .* such as a column of fit.table\(\)"),
        ("summary", (Interval(1, 0, 2),), "values must be numbers, got Interval: give one number for each seed"),
        ("summary", ("ab",), "values must be numbers, got 'ab'"),
        ("compare", ({}, {}), r"a must be numbers, got dict: give its numbers, such as list\(scores.values\(\)\)"),
        (
            "mean_interval",
            (np.ones((3, 2)),),
            r"values must be one-dimensional, got the shape \(3, 2\): use mean_interv",
        ),
        ("mean_interval", ([],), r"values must hold at least one number, got the shape \(0,\)"),
        ("mean_interval", (["a"],), "values must be numbers, got list"),
        ("mean_intervals", (3.0,), "values must have the shape .* got a single number: give one number for each seed"),
        ("sign_flip_interval", ([],), r"values must be one-dimensional with at least one number, got the shape \(0,\)"),
        ("sign_flip_interval", (np.ones((3, 2)),), "values must be one-dimensional with at least one number"),
        ("bootstrap_interval", (np.ones((3, 2)),), "values must be one-dimensional with at least one number"),
        ("conformal_radius", ("ab",), "residuals must be numbers, got 'ab'"),
        ("proportion_interval", (0.9, 10), "successes must be an integer, got 0.9: count them"),
        ("proportion_interval", (11, 10), "successes must be from 0 to the trials, at least 1, got 11 of 10"),
        ("proportion_interval", (0, 0), "successes must be from 0 to the trials, at least 1, got 0 of 0"),
        ("power", (1.0, 0.0, 5), "spread must be above 0, got 0.0"),
        ("power", (1.0, 1.0, "5"), "seeds must be a number, got '5'"),
        ("seeds_needed", (1.0, None), "spread must be a number, got None"),
        ("power", (1.0, 1.0, 1), "seeds must be at least 2, got 1"),
        ("seeds_needed", (1.0, -1.0), "spread must be a standard deviation of at least 0, got -1.0"),
    ],
)
def test_wrong_arguments_raise(unchecked, function, arguments, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(getattr(statistics, function))(*arguments)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("mean_intervals", ([1, 2],)),
        ("sign_flip_interval", ([1, 2],)),
        ("bootstrap_interval", ([1, 2],)),
        ("proportion_interval", (1, 2)),
        ("power", (1.0, 1.0, 5)),
        ("seeds_needed", (1.0, 1.0)),
        ("summary", ([1, 2],)),
    ],
)
def test_a_level_that_is_no_share_raises(unchecked, function, arguments):
    with pytest.raises(ValueError, match="level must be between 0 and 1, got 95: give 0.95 for 95 %"):
        unchecked(getattr(statistics, function))(*arguments, level=95)
    with pytest.raises(TypeError, match="level must be a number, got '95%'"):
        unchecked(getattr(statistics, function))(*arguments, level="95%")


@pytest.mark.parametrize(
    ("function", "arguments", "settings", "sentence"),
    [
        ("mean_interval", (["1", "2"],), {}, "values must be numbers, got list"),
        ("summary", ([1.0, None],), {}, "values must be numbers, got list"),
        ("bootstrap_interval", ([1j, 2j],), {}, "values must be numbers, got list"),
        ("mean_interval", ([1.0, 2.0],), {"within": (1.0, 0.0)}, "within must be two bounds, .* got"),
        ("compare", (A, B), {"larger_is_better": "no"}, "larger_is_better must be True or False, got 'no'"),
        ("power", (1.0, 1.0, 10.5), {}, "seeds an integer, got 1.0 and 10.5"),
        ("power", (np.nan, 1.0, 10), {}, "effect must be finite and seeds an integer, got nan and 10"),
    ],
)
def test_arguments_that_numpy_would_accept_raise(unchecked, function, arguments, settings, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        unchecked(getattr(statistics, function))(*arguments, **settings)
