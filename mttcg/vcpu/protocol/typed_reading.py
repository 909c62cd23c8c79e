"""Checked reading of plain data (what JSON gives) into values of the types that are declared."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from mttcg.vcpu.protocol.typed_value import TypedValue

T = TypeVar("T")

SIMPLE = (str, int, bool)


class WrongValueError(ValueError):
    """What is at a place is not of its type.

    Attributes:
        place: names of fields and keys, and numbers of elements, from the outermost on.
        wrong: what is there.
        expected: what should be.
    """

    def __init__(self, place: str, wrong: str, expected: str) -> None:
        super().__init__(f"{place}: {wrong}; expected {expected}")
        self.place, self.wrong, self.expected = place, wrong, expected


def read(kind: Any, value: Any, place: str) -> Any:
    """A value of a type: text, integer, truth, IntEnum, Record, dataclass, or made of such.

    What is made of others is `tuple`, `dict` and `| None`; a NewType is what it is over.
    A path is read from a text, a number with a fraction from an integer as well.

    Raises WrongValueError, which names the place.
    """
    if kind is Any:
        return value
    kind = _of_new_type(kind)
    reader = _READERS.get(get_origin(kind))
    if reader is not None:
        return reader(get_args(kind), value, place)
    if kind in _CONVERTED:
        given, make = _CONVERTED[kind]
        if type(value) not in given:
            raise WrongValueError(place, repr(value), " or ".join(each.__name__ for each in given))
        return make(value)
    if issubclass(kind, TypedValue) or dataclasses.is_dataclass(kind):
        return read_fields(kind, value, place)
    if issubclass(kind, IntEnum):
        return _read_enum(kind, value, place)
    if type(value) is not kind:  # True is no integer here
        raise WrongValueError(place, repr(value), kind.__name__)
    return value


def read_fields(kind: type[T], value: Any, place: str) -> T:
    """A record of a mapping that has its fields; those that have a default may be absent."""
    given, fields = _mapping(value, place), _fields_of(kind)
    needed = {name for name, (_, has_default) in fields.items() if not has_default}
    for name in sorted((given.keys() - fields.keys()) | (needed - given.keys())):
        wrong = "is no field of it" if name in given else "is absent"
        raise WrongValueError(place, f"{name} {wrong}", f"the fields {', '.join(fields)}")
    return kind(
        **{name: read(fields[name][0], each, f"{place}.{name}") for name, each in given.items()}
    )


def _fields_of(kind: Any) -> dict[str, tuple[Any, bool]]:
    """The fields of a Record or dataclass, by name: type, and whether there is a default."""
    if issubclass(kind, TypedValue):
        return {name: (field, kind.has_default(name)) for name, field in kind.FIELDS.items()}
    fields = dataclasses.fields(kind)
    return {each.name: (each.type, each.default is not dataclasses.MISSING) for each in fields}


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongValueError(place, repr(value), "a mapping")
    return value


def _of_new_type(kind: Any) -> Any:
    """What a NewType is over; other types as they are."""
    return getattr(kind, "__supertype__", kind)


def _read_all(kind: Any, items: Iterable[tuple[Any, Any]], place: str) -> list[Any]:
    kind = _of_new_type(kind)
    pairs = list(items)
    values = [value for _, value in pairs]
    if kind in SIMPLE and all(type(value) is kind for value in values):
        return values
    return [read(kind, value, f"{place}[{key!r}]") for key, value in pairs]


def _read_tuple(kinds: tuple[Any, ...], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise WrongValueError(place, repr(value), "a list")
    if kinds[-1] is Ellipsis:
        return tuple(_read_all(kinds[0], enumerate(value), place))
    if len(value) != len(kinds):
        raise WrongValueError(place, repr(value), f"a list of {len(kinds)}")
    each = zip(kinds, enumerate(value), strict=True)
    return tuple(read(kind, element, f"{place}[{at}]") for kind, (at, element) in each)


def _read_dict(kinds: tuple[Any, ...], value: Any, place: str) -> dict[str, Any]:
    given = _mapping(value, place)
    return dict(zip(given, _read_all(kinds[1], given.items(), place), strict=True))


def _read_optional(kinds: tuple[Any, ...], value: Any, place: str) -> Any:
    return None if value is None else read(kinds[0], value, place)


def _read_enum(kind: type[IntEnum], value: Any, place: str) -> IntEnum:
    if type(value) is not int or value not in list(kind):
        raise WrongValueError(place, repr(value), f"one of {', '.join(map(str, kind))}")
    return kind(value)


_CONVERTED: dict[Any, tuple[tuple[type, ...], Callable[[Any], Any]]] = {
    Path: ((str,), Path),
    float: ((float, int), lambda number: number),
}
"""By type, what it is read from, and how."""
_READERS: dict[Any, Callable[[tuple[Any, ...], Any, str], Any]] = {
    tuple: _read_tuple,
    dict: _read_dict,
    Mapping: _read_dict,
    UnionType: _read_optional,
    Union: _read_optional,  # what `| None` makes of a NewType
}
