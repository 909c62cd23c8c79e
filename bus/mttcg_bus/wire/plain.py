"""Checked reading of plain data (what msgpack unpacks) that came from another process.

Every function takes one value out of a mapping and raises `ProtocolError` naming the key when the
value is absent or is not of the wanted kind. Keys that nobody asks for are ignored.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from mttcg_bus.errors import ProtocolError

Bytes: TypeAlias = bytes | bytearray | memoryview
LARGEST_INTEGER = 2**64 - 1
"""Every integer of the protocol is an unsigned 64-bit number."""


def mapping_of(value: object, what: str) -> dict[str, Any]:
    """Return `value` if it is a mapping with text keys; `what` names it in the error."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ProtocolError(f"{what}: not a mapping with text keys")
    return value


def take(plain: Mapping[str, Any], key: str) -> Any:
    """Return the value at `key`, whatever it is."""
    try:
        return plain[key]
    except KeyError:
        raise ProtocolError(f"field {key!r} is absent") from None


def take_mapping(plain: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return the mapping at `key`."""
    return mapping_of(take(plain, key), f"field {key!r}")


def take_text(plain: Mapping[str, Any], key: str) -> str:
    """Return the text at `key`."""
    value = take(plain, key)
    if not isinstance(value, str):
        raise ProtocolError(f"field {key!r} is not text")
    return value


def take_integer(plain: Mapping[str, Any], key: str, largest: int = LARGEST_INTEGER) -> int:
    """Return the integer at `key`, which is in 0..`largest`."""
    value = take(plain, key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= largest:
        raise ProtocolError(f"field {key!r} is not an integer in 0..{largest:#x}")
    return value


def take_list(plain: Mapping[str, Any], key: str) -> list[Any]:
    """Return the list at `key`."""
    value = take(plain, key)
    if not isinstance(value, list):
        raise ProtocolError(f"field {key!r} is not a list")
    return value


def take_texts(plain: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return the list of texts at `key`."""
    values = take_list(plain, key)
    if not all(isinstance(value, str) for value in values):
        raise ProtocolError(f"field {key!r} is not a list of texts")
    return tuple(values)


def take_integers(plain: Mapping[str, Any], key: str) -> tuple[int, ...]:
    """Return the list of integers at `key`."""
    values = dict(enumerate(take_list(plain, key)))
    return tuple(take_integer({key: value}, key) for value in values.values())
