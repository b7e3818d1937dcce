"""Content that fits a schema is accepted; anything else is named with its place."""

import math

import pytest

from jaxdl.system.schema import POSITIVE, Integer, Many, Mapping, Number, Optional, Text, check_content

SCHEMA = {
    "kind": ("mlp", None),
    "hidden": Many(Integer(1, 9), most=2),
    "pair": [Text(), bool],
    "std": POSITIVE,
    "loss": float,
    "note": Optional(Mapping(Number(-1, 1))),
}
RIGHT = {"kind": "mlp", "hidden": [1, 9], "pair": ["é", True], "std": 1e-300, "loss": math.nan, "more": object()}


@pytest.mark.parametrize("change", [{}, {"kind": None}, {"hidden": []}, {"note": {"a": -1}}, {"loss": 3}])
def test_content_that_fits_is_accepted(change):
    check_content({**RIGHT, **change}, SCHEMA)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "cnn"}, r"it.kind is wrong: invalid enum value 'cnn'"),
        ({"kind": {}}, r"it.kind is wrong: expected `str \| null`, got `object`"),
        ({"hidden": [1, 10]}, r"it.hidden\[1\] is wrong: expected `int` <= 9"),
        ({"hidden": [True]}, r"it.hidden\[0\] is wrong: expected `int`, got `bool`"),
        ({"hidden": [1.0]}, r"it.hidden\[0\] is wrong: expected `int`, got `float`"),
        ({"hidden": [1, 1, 1]}, r"it.hidden is wrong: expected `array` of length <= 2"),
        ({"pair": ["a"]}, r"it.pair is wrong: expected `array` of length 2, got 1"),
        ({"pair": ["\ud800", True]}, r"it.pair\[0\] is wrong: expected text of UTF-8"),
        ({"pair": ["x" * 10**6, True]}, r"it.pair\[0\] is wrong: expected `str` of length <= 10000"),
        ({"pair": ["a", 1]}, r"it.pair\[1\] is wrong: expected `bool`, got `int`"),
        ({"std": 0}, "it.std is wrong: expected `float` > 0"),
        ({"std": math.nan}, "it.std is wrong: expected `float` > 0"),
        ({"std": math.inf}, "it.std is wrong: expected `float` <= "),
        ({"loss": None}, "it.loss is wrong: expected `float`, got `null`"),
        ({"loss": 10**400}, "it.loss is wrong: number out of range"),
        ({"note": {"a": 2}}, r"it.note\[...\] is wrong: expected `float` <= 1"),
        ({"note": {"\ud800": 0}}, "it is wrong: expected text of UTF-8"),
        ({"note": None}, "it.note is wrong: expected `object`, got `null`"),
    ],
)
def test_content_that_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        check_content({**RIGHT, **change}, SCHEMA)


def test_a_missing_key_or_another_type_is_named():
    with pytest.raises(ValueError, match="^x is wrong: object missing required field `std`$"):
        check_content({name: value for name, value in RIGHT.items() if name != "std"}, SCHEMA, "x")
    with pytest.raises(ValueError, match="^x is wrong: expected `object`, got `array`$"):
        check_content([], SCHEMA, "x")


def test_of_several_alternatives_the_one_of_the_same_kind_names_the_wrong_part():
    schema = ({"kind": "a", "x": bool}, {"kind": "b", "x": Text()}, Many(bool))
    check_content({"kind": "b", "x": "text"}, schema)
    check_content((True, False), schema)
    for content, message in (
        ({"kind": "b", "x": True}, "it.x is wrong: expected `str`, got `bool`"),
        ({"kind": "c"}, "it.kind is wrong: invalid value 'c'"),
        ([True, 1], r"it\[1\] is wrong: expected `bool`, got `int`"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            check_content(content, schema)
