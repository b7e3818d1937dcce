"""Check content that was read from JSON against a schema, before anything is computed or allocated from it.

A schema is plain Python: a dictionary of the keys that must be present, a list of the schemas of a fixed number of
entries, a tuple of alternatives, `bool`, `float` (any number, also NaN), None, a text that must be equal, or one of the
classes below. Keys that the schema does not name are ignored.
"""

import sys
from dataclasses import dataclass
from typing import Any

MAX_ENTRIES = 10**6  # of a list or an object, if the schema has no limit of its own


@dataclass(frozen=True)
class Number:
    """A finite number between two limits.

    Attributes:
        low: Lower limit, which the number may equal.
        high: Upper limit, which the number may equal.
    """

    low: float | int = -sys.float_info.max
    high: float | int = sys.float_info.max


@dataclass(frozen=True)
class Integer:
    """An integer between two limits.

    Attributes:
        low: Lower limit, which the integer may equal.
        high: Upper limit, which the integer may equal.
    """

    low: int = -(2**63)
    high: int = 2**63 - 1


@dataclass(frozen=True)
class Text:
    """A text that UTF-8 can hold.

    Attributes:
        max_length: Largest number of characters.
    """

    max_length: int = 10**4


@dataclass(frozen=True)
class Many:
    """A list of entries that have the same schema.

    Attributes:
        entry: Schema of each entry.
        least: Smallest number of entries.
        most: Largest number of entries.
    """

    entry: Any
    least: int = 0
    most: int = MAX_ENTRIES


@dataclass(frozen=True)
class Mapping:
    """An object with any keys whose values have the same schema.

    Attributes:
        value: Schema of each value.
    """

    value: Any


@dataclass(frozen=True)
class Optional:
    """The schema of a key that may be absent.

    Attributes:
        schema: Schema of the value if the key is present.
    """

    schema: Any


POSITIVE = Number(low=5e-324)


def check_content(content: Any, schema: Any, place: str = "it") -> None:
    """Raise ValueError, which names the first wrong part such as `it.hidden[0]`, unless content fits a schema."""
    match schema:
        case tuple():
            similar = [alternative for alternative in schema if _is_similar(content, alternative)]
            if len(similar) == 1:  # so that the error names the wrong part
                check_content(content, similar[0], place)
            elif not any(_fits(content, alternative) for alternative in schema):
                raise _wrong(content, schema, place)
        case dict():
            if not isinstance(content, dict):
                raise _wrong(content, schema, place)
            for name, inner in schema.items():
                required = not isinstance(inner, Optional)
                if name in content:
                    check_content(content[name], inner if required else inner.schema, f"{place}.{name}")
                elif required:
                    raise ValueError(f"{place} must have the key {name!r}, which is missing")
        case Mapping(value):
            if not (isinstance(content, dict) and len(content) <= MAX_ENTRIES and all(map(_is_text, content))):
                raise _wrong(content, schema, place)
            for name, each in content.items():
                check_content(each, value, f"{place}.{name[:40]}")
        case list() | Many():
            if not (isinstance(content, list | tuple) and _has_length(content, schema)):
                raise _wrong(content, schema, place)
            entries = schema if isinstance(schema, list) else [schema.entry] * len(content)
            for number, (each, entry) in enumerate(zip(content, entries, strict=True)):
                check_content(each, entry, f"{place}[{number}]")
        case _ if not _is_scalar(content, schema):
            raise _wrong(content, schema, place)


def _is_similar(content, schema) -> bool:
    """Return whether a list or an object is of the type of a schema; an object must have the texts in it."""
    if isinstance(schema, dict) and isinstance(content, dict):
        return all(content.get(name) == text for name, text in schema.items() if isinstance(text, str))
    return isinstance(schema, list | Many) and isinstance(content, list | tuple)


def _fits(content, schema) -> bool:
    try:
        check_content(content, schema)
    except ValueError:
        return False
    return True


def _has_length(content, schema) -> bool:
    if isinstance(schema, list):
        return len(content) == len(schema)
    return schema.least <= len(content) <= schema.most


def _is_scalar(content, schema) -> bool:
    """Return whether a number, a text, a truth value or null fits its schema."""
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    match schema:
        case Number(low, high):
            return is_number and low <= content <= high
        case Integer(low, high):
            return is_number and isinstance(content, int) and low <= content <= high
        case Text(most):
            return _is_text(content) and len(content) <= most
        case type() if schema is float:
            return is_number and (isinstance(content, float) or abs(content) < 2**63)
        case type():
            return isinstance(content, schema)
    return type(content) is type(schema) and content == schema


def _is_text(content) -> bool:
    """Return whether content is text without lone surrogates."""
    return isinstance(content, str) and not any("\ud800" <= letter <= "\udfff" for letter in content)


def _wrong(content, schema, place) -> ValueError:
    shown = repr(content) if content is None or isinstance(content, bool | int | float | str) else ""
    kind = {dict: "an object", list: f"a list of {len(content)} entries" if isinstance(content, list) else ""}
    got = shown if shown and len(shown) <= 60 else kind.get(type(content), "a longer one")
    return ValueError(f"{place} must be {_described(schema)}, got {got}")


def _described(schema) -> str:
    """Describe a schema in an error."""
    match schema:
        case tuple():
            return " or ".join(dict.fromkeys(map(_described, schema)))
        case dict():
            return f"an object with {', '.join(name for name in schema if not isinstance(schema[name], Optional))}"
        case Mapping():
            return "an object of names"
        case list():
            return f"a list of {len(schema)} entries"
        case Many(_, least, most):
            return f"a list of {least} to {most} entries"
        case Integer(low, high):
            return f"an integer between {low} and {high}"
        case Number(low, high):
            return "a positive number" if schema == POSITIVE else f"a finite number between {low:g} and {high:g}"
        case Text(most):
            return f"a text of at most {most} characters"
        case type():
            return {bool: "true or false", float: "a number"}[schema]
    return "null" if schema is None else repr(schema)
