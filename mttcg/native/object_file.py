"""What a relocatable object file of LLVM's has: machine code, to be placed anywhere.

Numbers may be left to who places it.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from mttcg.errors import MttcgError
from mttcg.memory.page import PAGE

SECTION_HEADER = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELOCATION = struct.Struct("<QQq")
"""Elf64_Shdr, Elf64_Sym, Elf64_Rela of the ELF-64 object file format, version 1.5."""
PROGRAM_BITS, SYMBOLS, RELOCATIONS, NO_BITS = 1, 2, 4, 8
FUNCTION, UNDEFINED = 2, 0
WRITABLE, ALLOCATED, EXECUTABLE = 1, 2, 4
RELATIVE, ABSOLUTE = (2, 4), (10, 11)
"""R_X86_64_PC32, R_X86_64_PLT32; R_X86_64_32, R_X86_64_32S (System V ABI, AMD64 supplement,
table 4.9)."""


class SectionHeader(NamedTuple):
    """One section header."""

    name: int
    kind: int
    flags: int
    address: int
    start: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class Fixup(NamedTuple):
    """32 bits of code that get the number of a symbol, and an addend."""

    at: int
    symbol: str
    addend: int


class Relocatable(NamedTuple):
    """Machine code that can be placed anywhere, and what is to be put into it before.

    Attributes:
        code: with its constants and data.
        fixups: what is to be put into it.
        writable_at: where its data begins, at the start of a page; 0 if it has none.
    """

    code: bytes
    fixups: tuple[Fixup, ...] = ()
    writable_at: int = 0

    def placed(self, numbers: Mapping[str, int]) -> bytes:
        """The code with the numbers of its symbols."""
        if not self.fixups:
            return self.code
        code = bytearray(self.code)
        for at, symbol, addend in self.fixups:
            struct.pack_into("<i", code, at, numbers[symbol] + addend)
        return bytes(code)


class TranslationError(MttcgError):
    """LLVM refused a page, or made of it something that can't be placed anywhere."""


def functions_of(image: bytes) -> dict[str, int]:
    """Where each function of a relocatable ELF file is in what `code_of` makes of it."""
    sections = _sections(image)
    found: dict[str, int] = {}
    for table in sections.values():
        if table.kind != SYMBOLS:
            continue
        names = sections[table.link].start
        for start in range(table.start, table.start + table.size, SYMBOL.size):
            name, info, _, section, value, _ = SYMBOL.unpack_from(image, start)
            if info & 15 == FUNCTION and section == _first_code(sections):
                found[_name(image, names + name)] = value
    return found


def _first_code(sections: "dict[int, SectionHeader]") -> int:
    """The section that `code_of` places first."""
    return next(
        number
        for number, section in sections.items()
        if section.kind == PROGRAM_BITS and section.flags & EXECUTABLE and section.size
    )


def code_of(image: bytes) -> bytes:
    """As `relocatable_of`, of what names no symbols, and has no data. Raises TranslationError."""
    found = relocatable_of(image)
    if found.fixups or found.writable_at:
        raise TranslationError("LLVM made code that refers to something outside of it")
    return found.code


def relocatable_of(image: bytes) -> Relocatable:
    """Lay out what a relocatable ELF file has in memory, code first, and resolve its references.

    Position-independent code refers to its own places, from code to constants and data, and to
    symbols that stand for numbers. Raises TranslationError for any other reference.
    """
    sections = _sections(image)
    places: dict[int, int] = {}
    blob, fixups, writable_at = bytearray(), list[Fixup](), 0
    for number in sorted(_placed(sections), key=lambda n: _order(sections[n])):
        section = sections[number]
        if section.flags & WRITABLE and not writable_at:
            blob += bytes(-len(blob) % PAGE)
            writable_at = len(blob)
        blob += bytes(-len(blob) % max(section.alignment, 1))
        places[number] = len(blob)
        there = image[section.start : section.start + section.size]
        blob += bytes(section.size) if section.kind == NO_BITS else there
    for section in sections.values():
        if section.kind == RELOCATIONS and section.info in places:
            fixups += _resolve(image, sections, section, places, blob)
    return Relocatable(bytes(blob), tuple(fixups), writable_at)


def _order(section: SectionHeader) -> tuple[bool, int]:
    """Code comes first, then constants, then what can be written."""
    return not section.flags & EXECUTABLE, section.flags & WRITABLE


def _placed(sections: "dict[int, SectionHeader]") -> "dict[int, SectionHeader]":
    """Those that are in memory."""
    kinds = PROGRAM_BITS, NO_BITS
    return {
        number: one
        for number, one in sections.items()
        if one.kind in kinds and one.flags & ALLOCATED and one.size
    }


def _sections(image: bytes) -> "dict[int, SectionHeader]":
    (offset,) = struct.unpack_from("<Q", image, 40)
    entry, count = struct.unpack_from("<HH", image, 58)
    return {
        number: SectionHeader(*SECTION_HEADER.unpack_from(image, offset + number * entry))
        for number in range(count)
    }


def _name(image: bytes, at: int) -> str:
    return image[at : image.index(0, at)].decode()


def _resolve(
    image: bytes,
    sections: "dict[int, SectionHeader]",
    relocations: "SectionHeader",
    places: dict[int, int],
    blob: bytearray,
) -> Iterator[Fixup]:
    """Resolve the references of a section; those to symbols that are not in the file are left."""
    symbols = sections[relocations.link]
    for start in range(0, relocations.size, RELOCATION.size):
        offset, info, addend = RELOCATION.unpack_from(image, relocations.start + start)
        symbol = symbols.start + (info >> 32) * SYMBOL.size
        name, _, _, section, value, _ = SYMBOL.unpack_from(image, symbol)
        at, kind = places[relocations.info] + offset, info & 0xFFFF_FFFF
        if kind in ABSOLUTE and section == UNDEFINED:
            yield Fixup(at, _name(image, sections[symbols.link].start + name), addend)
            continue
        if kind not in RELATIVE or section not in places:
            raise TranslationError("LLVM made code that refers to something outside of it")
        struct.pack_into("<i", blob, at, places[section] + value + addend - at)
