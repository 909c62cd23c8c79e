"""Types of a kernel, by its BTF: which structures there are, and where their members lie.

Format: linux: Documentation/bpf/btf.rst. A kernel with `CONFIG_DEBUG_INFO_BTF` has it in its image,
between other data, so it is found by its header: all types, and behind them all names.
"""

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from mttcg.linux.errors import KernelDataError

MAGIC, VERSION = 0xEB9F, 1
HEADER = struct.Struct("<HBBIIIII")
"""magic, version, flags, hdr_len, type_off, type_len, str_off, str_len."""
START = struct.pack("<HBBII", MAGIC, VERSION, 0, HEADER.size, 0)
TYPE, MEMBER, ARRAY = struct.Struct("<III"), struct.Struct("<III"), struct.Struct("<III")
KIND_SHIFT, KIND_BITS, COUNT_BITS, BITFIELDS = 24, 31, 0xFFFF, 1 << 31
"""Of the word `info` of a type; with the last, offsets of members have sizes of bit fields."""
OFFSET_BITS = (1 << 24) - 1
INT, POINTER, ARRAY_KIND, STRUCT, UNION, ENUM, FORWARD, TYPEDEF = range(1, 9)
VOLATILE, CONST, RESTRICT, FUNCTION, PROTOTYPE, VARIABLE, SECTION = range(9, 16)
FLOAT, DECLARATION_TAG, TYPE_TAG, ENUM64 = range(16, 20)
ALIASES = {TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG}
"""Kinds that stand for another type, which they name in place of a size."""
STEPS = {
    **dict.fromkeys((POINTER, FORWARD, *ALIASES, FUNCTION, FLOAT), (0, 0)),
    **dict.fromkeys((INT, VARIABLE, DECLARATION_TAG), (4, 0)),
    ARRAY_KIND: (12, 0),
    **dict.fromkeys((STRUCT, UNION, SECTION, ENUM64), (0, 12)),
    **dict.fromkeys((ENUM, PROTOTYPE), (0, 8)),
}
"""Bytes behind a type by its kind: once, and for each of its members, values or parameters."""
POINTER_BYTES = 8
MOST_NESTED = 16
OF_A_KERNEL = b"\0task_struct\0"
"""Modules have BTF as well, which says only what it adds to the kernel's."""
WHAT, EXPECTED = "the kernel's types", "BTF"


class StructureMember(NamedTuple):
    """A member of a structure: where it lies, in bytes, and its type by number."""

    offset: int
    type: int


class KernelTypes:
    """What BTF says. Raises KernelDataError for one that is damaged.

    Args:
        data: from its header on; what is behind it is not looked at.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size:
            raise KernelDataError(WHAT, f"they are cut after {len(data)} bytes", EXPECTED)
        magic, version, _, header, *places = HEADER.unpack_from(data)
        if (magic, version) != (MAGIC, VERSION):
            raise KernelDataError(WHAT, "there is no header", EXPECTED)
        types_at, types_size, names_at, names_size = places
        self.types = data[header + types_at :][:types_size]
        self.names = data[header + names_at :][:names_size]
        if len(self.types) != types_size or len(self.names) != names_size:
            size = header + max(types_at + types_size, names_at + names_size)
            wrong = f"they are cut: {len(data)} bytes of {size}"
            raise KernelDataError(WHAT, wrong, EXPECTED)
        self.places = self._find_types()

    def _find_types(self) -> list[int]:
        """Where each type is, by its number; 0 is that of void."""
        places, at, end, unpack, types = [0], 0, len(self.types), TYPE.unpack_from, self.types
        try:
            while at < end:
                places.append(at)
                _, info, _ = unpack(types, at)
                once, each = STEPS[info >> KIND_SHIFT & KIND_BITS]
                at += TYPE.size + once + each * (info & COUNT_BITS)
        except (KeyError, struct.error):
            at = -1
        if at != end:
            raise KernelDataError(WHAT, f"type {len(places) - 1} is damaged", EXPECTED)
        return places

    @cached_property
    def _structures(self) -> dict[int, int]:
        """Numbers of structures, by where their names are."""
        found: dict[int, int] = {}
        for number in range(1, len(self.places)):
            name, info, _ = TYPE.unpack_from(self.types, self.places[number])
            if info >> KIND_SHIFT & KIND_BITS == STRUCT and name:
                found.setdefault(name, number)
        return found

    def _name(self, at: int) -> str:
        return self.names[at : self.names.find(b"\0", at)].decode("latin-1")

    def structure(self, name: str) -> int:
        """The number of a structure; raises KernelDataError."""
        wanted, at = b"\0" + name.encode() + b"\0", -1
        while (at := self.names.find(wanted, at + 1)) >= 0:
            if at + 1 in self._structures:
                return self._structures[at + 1]
        raise KernelDataError(WHAT, f"there is no structure {name}", "a kernel that has it")

    def _resolved(self, number: int) -> tuple[int, int, int]:
        """Where a type is that is no other name of one, its kind, and its word of the size."""
        for _ in range(MOST_NESTED):
            if not 0 < number < len(self.places):
                break
            at = self.places[number]
            _, info, size = TYPE.unpack_from(self.types, at)
            kind = info >> KIND_SHIFT & KIND_BITS
            if kind not in ALIASES:
                return at, kind, size
            number = size
        raise KernelDataError(WHAT, f"type {number} leads nowhere", EXPECTED)

    def _members(
        self, number: int, around: tuple[int, ...] = ()
    ) -> Iterator[tuple[str, StructureMember]]:
        """The named members of a structure or union, those of unnamed ones within it as well.

        around: where those are in which it is.
        """
        at, kind, _ = self._resolved(number)
        if at in around:
            raise KernelDataError(WHAT, f"type {number} is in itself", EXPECTED)
        if kind not in (STRUCT, UNION):
            return
        _, info, _ = TYPE.unpack_from(self.types, at)
        for index in range(info & COUNT_BITS):
            name, member, bits = MEMBER.unpack_from(self.types, at + TYPE.size + 12 * index)
            offset = (bits & OFFSET_BITS if info & BITFIELDS else bits) // 8
            if name:
                yield self._name(name), StructureMember(offset, member)
                continue
            for inner, found in self._members(member, (*around, at)):
                yield inner, StructureMember(offset + found.offset, found.type)

    def member(self, structure: str, path: str) -> StructureMember:
        """A member of a structure, or of one within it, as in "tasks.next"; KernelDataError."""
        number, offset = self.structure(structure), 0
        for name in path.split("."):
            found = dict(self._members(number)).get(name)
            if found is None:
                wrong = f"struct {structure} has no member {path}"
                raise KernelDataError(WHAT, wrong, "a kernel that has it")
            number, offset = found.type, offset + found.offset
        return StructureMember(offset, number)

    def size(self, number: int) -> int:
        """Bytes of a type."""
        elements = 1
        for _ in range(MOST_NESTED):
            at, kind, size = self._resolved(number)
            if kind != ARRAY_KIND:
                return elements * (POINTER_BYTES if kind == POINTER else size)
            number, _, count = ARRAY.unpack_from(self.types, at + TYPE.size)
            elements *= count
        raise KernelDataError(WHAT, f"type {number} is in itself", EXPECTED)


def btf_starts(data: bytes) -> Iterator[int]:
    """Where BTF may begin in memory."""
    at = -1
    while (at := data.find(START, at + 1)) >= 0:
        yield at


def find_btf(data: bytes) -> KernelTypes | None:
    """Find the types of a kernel in the memory that it is in; None if there are none.

    Raises KernelDataError for such that are damaged.
    """
    for at in btf_starts(data):
        *_, types_size, names_at, names_size = HEADER.unpack_from(data.ljust(at + HEADER.size), at)
        names = at + HEADER.size + names_at
        if types_size == names_at and data.find(OF_A_KERNEL, names, names + names_size) >= 0:
            return KernelTypes(data[at : names + names_size])
    return None
