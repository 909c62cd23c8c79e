"""A function that was translated, as it is kept: what it is made from, and its machine code."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.places import SLOT_SYMBOL, SLOT_TABLE_SYMBOL
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE
from mttcg.native.object_file import Fixup, Relocatable

SYMBOLS = (SLOT_SYMBOL, SLOT_TABLE_SYMBOL)
"""Whose numbers code may leave to who places it, in the order of their numbers in files."""
HEAD = struct.Struct("<QiIIIII")
"""Variant, what the next page has of the last instruction (-1: nothing), and numbers of halves,
entries, leaders, and fixups, and of bytes of code."""
HEAD_FIELDS = np.dtype(
    [
        ("variant", "<u8"),
        ("tail", "<i4"),
        *((name, "<u4") for name in ("halves", "entries", "leaders", "fixups", "size")),
    ]
)
"""The same, of many records at once."""
PLACE = np.dtype("<u2")
FIXUP = np.dtype([("at", "<u4"), ("addend", "<i4"), ("symbol", "<u4")])
NO_TAIL = -1
HEAD_REST = 8
"""Bytes at the end of the head that say how much code there is, not what it is made from."""


def identity_of(payload: bytes | memoryview) -> bytes:
    """Of what a function is made from, by its record: no two with the same are of use."""
    _, _, halves, entries, leaders, _, _ = HEAD.unpack_from(payload)
    behind = HEAD.size + PLACE.itemsize * (2 * halves + entries + leaders)
    made_from = blake2b(payload[: HEAD.size - HEAD_REST], digest_size=16)
    made_from.update(payload[HEAD.size : behind])
    return made_from.digest()


class RecordError(ValueError):
    """Bytes that are no record, though their digest is right."""


@dataclass(frozen=True)
class KeptFunction:
    """One function.

    Attributes:
        variant: of all but instructions that its code depends on, see `variant_of`.
        places: the halves of its page that it is made from, in order.
        halves: what they are.
        tail: the half that the next page has of its last instruction; NO_TAIL if that has none.
        entries: where in the page it can begin, in order.
        leaders: what is in it.
        code: to be placed anywhere.
    """

    variant: int
    places: npt.NDArray[np.uint16]
    halves: npt.NDArray[np.uint16]
    tail: int
    entries: npt.NDArray[np.uint16]
    leaders: npt.NDArray[np.uint16]
    code: Relocatable

    @cached_property
    def identity(self) -> bytes:
        """See `identity_of`."""
        return identity_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """As it is in a file."""
        fixups = [(at, addend, SYMBOLS.index(name)) for at, name, addend in self.code.fixups]
        parts: list[npt.NDArray[Any]] = [self.places, self.halves, self.entries, self.leaders]
        parts.append(np.array(fixups, FIXUP))
        numbers = (len(part) for part in parts[1:])
        head = HEAD.pack(self.variant, self.tail, *numbers, len(self.code.code))
        return b"".join((head, *(part.tobytes() for part in parts), self.code.code))

    @classmethod
    def from_bytes(cls, content: bytes) -> "KeptFunction":
        """Back from `to_bytes`; raises RecordError."""
        if len(content) < HEAD.size:
            raise RecordError("too short")
        variant, tail, halves, entries, leaders, fixups, size = HEAD.unpack_from(content)
        counts = (halves, halves, entries, leaders)
        length = HEAD.size + PLACE.itemsize * sum(counts) + FIXUP.itemsize * fixups + size
        if len(content) != length or not halves or not entries or not size:
            raise RecordError("of another length than it says")
        at, arrays = HEAD.size, []
        for count in counts:
            arrays.append(np.frombuffer(content, PLACE, count, at))
            at += PLACE.itemsize * count
        table = np.frombuffer(content, FIXUP, fixups, at)
        code = Relocatable(content[-size:], tuple(_fixups(table, size)))
        found = cls(variant, arrays[0], arrays[1], tail, arrays[2], arrays[3], code)
        found.check()
        return found

    def check(self) -> None:
        """Raise RecordError for places outside of a page."""
        ways_in = (self.entries, self.leaders)
        if self.places.max() >= HALVES or any((array >= PAGE).any() for array in ways_in):
            raise RecordError("a place outside of its page")
        if (np.diff(self.places.astype(int)) <= 0).any():
            raise RecordError("places out of order")


def _fixups(table: npt.NDArray[Any], size: int) -> Iterable[Fixup]:
    for at, addend, symbol in table.tolist():
        if at + 4 > size or symbol >= len(SYMBOLS):
            raise RecordError("a fixup outside of its code")
        yield Fixup(at, SYMBOLS[symbol], addend)
