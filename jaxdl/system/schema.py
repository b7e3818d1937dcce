"""Check content that was read from JSON against a schema, before anything is computed or allocated from it.

msgspec does the checks. A schema is plain Python: a dictionary of the keys that must be present, a list of the schemas
of a fixed number of entries, a tuple of alternatives, `bool`, `float` (any number, also NaN), None, a text that must be
equal, or one of the classes below. Keys that the schema does not name are ignored. Alternatives that are objects differ
by a key whose text is fixed.
"""

import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, TypedDict, Union

import msgspec

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
TEXT_PATTERN = "^[^\\ud800-\\udfff]*$"  # without lone surrogates
_types: dict[int, tuple[Any, Any]] = {}  # msgspec's type of each schema, by the identity of the schema, which is kept


def check_content(content: Any, schema: Any, place: str = "it") -> None:
    """Raise ValueError, which names the first wrong part such as `it.hidden[0]`, unless content fits a schema."""
    if id(schema) not in _types:
        _types[id(schema)] = schema, _type_of(schema)
    try:
        msgspec.convert(content, _types[id(schema)][1])
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        reason = "expected text of UTF-8" if "matching regex" in reason else reason[0].lower() + reason[1:]
        raise ValueError(f"{place}{path.rstrip('`')} is wrong: {reason}") from None


def _type_of(schema) -> Any:
    """Return msgspec's type for a schema."""
    match schema:
        case tuple():
            return _union_of(schema)
        case dict():
            fields = {name: _field_of(inner) for name, inner in schema.items()}
            return TypedDict("Object", fields)  # ty: ignore[invalid-argument-type]
        case list():
            return tuple.__class_getitem__(tuple(map(_type_of, schema)))
        case Many(entry, least, most):
            return Annotated[list[_type_of(entry)], msgspec.Meta(min_length=least, max_length=most)]  # ty: ignore
        case Mapping(value):
            return Annotated[dict[_type_of(Text()), _type_of(value)], msgspec.Meta(max_length=MAX_ENTRIES)]  # ty: ignore
        case Integer(low, high):
            return Annotated[int, msgspec.Meta(ge=low, le=high)]
        case Number(low, high):
            bound = {"gt": 0} if schema == POSITIVE else {"ge": low}
            return Annotated[float, msgspec.Meta(le=high, **bound)]
        case Text(most):
            return Annotated[str, msgspec.Meta(max_length=most, pattern=TEXT_PATTERN)]
        case str():
            return Literal[schema]  # ty: ignore[invalid-type-form]
    return Any if schema is object else schema


def _field_of(schema) -> Any:
    return NotRequired[_type_of(schema.schema)] if isinstance(schema, Optional) else _type_of(schema)


def _union_of(schemas) -> Any:
    """Return the union of alternatives: of objects, each has a text that distinguishes it."""
    objects = [schema for schema in schemas if isinstance(schema, dict)]
    types = [_tagged(schema) if len(objects) > 1 and schema in objects else _type_of(schema) for schema in schemas]
    return Union.__getitem__(tuple(types))  # the operator | knows no texts


def _tagged(schema) -> Any:
    (tag, text), *_ = ((name, inner) for name, inner in schema.items() if isinstance(inner, str))
    fields = [(name, _type_of(inner)) for name, inner in schema.items() if name != tag]
    return msgspec.defstruct("Object", fields, tag_field=tag, tag=text)
