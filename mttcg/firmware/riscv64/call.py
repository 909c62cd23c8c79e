"""A call and its answer (SBI 2.0, chapter 3, "Binary Encoding")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from mttcg.firmware.firmware import CallAnswer, FirmwarePorts, Then
from mttcg.memory.address import Virtual
from mttcg.state.words import MASK

A0, A1 = 10, 11
"""What an answer is in: the error and the value."""
WORD_BITS = 64


class SbiError(IntEnum):
    """Table 1 of the specification."""

    SUCCESS = 0
    FAILED = -1
    NOT_SUPPORTED = -2
    INVALID_PARAM = -3
    DENIED = -4
    INVALID_ADDRESS = -5
    ALREADY_AVAILABLE = -6
    ALREADY_STARTED = -7
    ALREADY_STOPPED = -8


@dataclass(frozen=True)
class Call:
    """A call.

    Attributes:
        index: the hart that calls.
        arguments: a0 to a5.
        ports: of the machine.
    """

    index: int
    arguments: tuple[int, ...]
    ports: FirmwarePorts

    @property
    def hart(self) -> Any:
        """The state of the hart that calls."""
        return self.ports.harts[self.index]


def answer(
    error: SbiError = SbiError.SUCCESS,
    value: int = 0,
    then: Then = Then.GO_ON,
    place: tuple[Virtual, int] = (Virtual(0), 0),
) -> CallAnswer:
    """Return an answer with an error and a value."""
    return CallAnswer({A0: error & MASK, A1: value & MASK}, then, place)


Function = Callable[[Call], CallAnswer]
Functions = Mapping[int, Function]
"""Functions of an extension, by number."""


def harts_of(call: Call, mask: int, base: int) -> list[int] | None:
    """Return the harts of a mask (chapter 3, "Hart list parameter"); None if one is not there."""
    count = len(call.ports.harts)
    if base == MASK:
        return list(range(count))
    found = [base + bit for bit in range(WORD_BITS) if mask >> bit & 1]
    return found if all(hart < count for hart in found) else None
