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
        ({"kind": "cnn"}, r"it.kind must be 'mlp' or null, got 'cnn'"),
        ({"kind": {}}, r"it.kind must be .* got an object"),
        ({"hidden": [1, 10]}, r"it.hidden\[1\] must be an integer between 1 and 9, got 10"),
        ({"hidden": [True]}, r"it.hidden\[0\] must be an integer"),
        ({"hidden": [1.0]}, r"it.hidden\[0\] must be an integer"),
        ({"hidden": [1, 1, 1]}, r"it.hidden must be a list of 0 to 2 entries, got a list of 3 entries"),
        ({"pair": ["a"]}, r"it.pair must be a list of 2 entries, got a list of 1 entries"),
        ({"pair": ["\ud800", True]}, r"it.pair\[0\] must be a text"),
        ({"pair": ["x" * 10**6, True]}, r"it.pair\[0\] must be a text of at most 10000 characters, got a longer one"),
        ({"pair": ["a", 1]}, r"it.pair\[1\] must be true or false, got 1"),
        ({"std": 0}, "it.std must be a positive number, got 0"),
        ({"std": math.nan}, "it.std must be a positive number, got nan"),
        ({"std": math.inf}, "it.std must be a positive number, got inf"),
        ({"loss": None}, "it.loss must be a number, got None"),
        ({"loss": 10**400}, "it.loss must be a number"),
        ({"note": {"a": 2}}, "it.note.a must be a finite number between -1 and 1, got 2"),
        ({"note": {"\ud800": 0}}, "it.note must be an object of names"),
        ({"note": None}, "it.note must be an object of names, got None"),
    ],
)
def test_content_that_does_not_fit_is_named(change, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        check_content({**RIGHT, **change}, SCHEMA)


def test_a_missing_key_or_another_type_is_named():
    with pytest.raises(ValueError, match="^x must have the key 'std', which is missing$"):
        check_content({name: value for name, value in RIGHT.items() if name != "std"}, SCHEMA, "x")
    with pytest.raises(ValueError, match="^x must be an object with kind, hidden, pair, std, loss, got a list of 0 en"):
        check_content([], SCHEMA, "x")


def test_of_several_alternatives_the_one_of_the_same_kind_names_the_wrong_part():
    schema = ({"kind": "a", "x": bool}, {"kind": "b", "x": Text()}, Many(bool))
    check_content({"kind": "b", "x": "text"}, schema)
    check_content((True, False), schema)
    for content, message in (
        ({"kind": "b", "x": True}, r"it.x must be a text of at most 10000 characters, got True"),
        ({"kind": "c"}, r"it must be an object with kind, x or a list of 0 to 1000000 entries, got an object"),
        ([True, 1], r"it\[1\] must be true or false, got 1"),
    ):
        with pytest.raises(ValueError, match=f"^{message}$"):
            check_content(content, schema)
