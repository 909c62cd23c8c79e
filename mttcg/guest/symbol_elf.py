"""An ELF file with a guest's symbols and nothing else, for debuggers (System V gABI, chapter 4)."""

import struct
from collections.abc import Sequence

from mttcg.guest.image import Symbol

HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SECTION = struct.Struct("<IIQQQQIIQQ")
ENTRY = struct.Struct("<IBBHQQ")
IDENTITY = bytes.fromhex("7f454c46020101") + bytes(9)
"""ELFCLASS64, ELFDATA2LSB, EV_CURRENT."""
EXECUTABLE = 2
SYMBOLS, STRINGS, NOTHING = 2, 3, 8
"""Types of sections."""
ALLOCATED, CODE = 2, 4
GLOBAL_FUNCTION = 1 << 4 | 2
TEXT, SYMBOL_TABLE, NAMES, SECTION_NAMES = range(1, 5)
"""Numbers of the sections."""


def _strings(names: Sequence[bytes]) -> tuple[bytes, list[int]]:
    """A table of strings, and where each is in it."""
    places, size = [], 1
    for name in names:
        places.append(size)
        size += len(name) + 1
    return b"\0" + b"".join(name + b"\0" for name in names), places


def symbol_elf(symbols: Sequence[Symbol], machine: int) -> bytes:
    """The file.

    Args:
        symbols: those of the guest, at the addresses at which it uses them.
        machine: `e_machine`.
    """
    names, places = _strings([symbol.name.encode() for symbol in symbols])
    entries = bytes(ENTRY.size) + b"".join(
        ENTRY.pack(place, GLOBAL_FUNCTION, 0, TEXT, symbol.address, symbol.size)
        for place, symbol in zip(places, symbols, strict=True)
    )
    low = min((symbol.address for symbol in symbols), default=0)
    high = max((symbol.address + symbol.size for symbol in symbols), default=0)
    titles, title_places = _strings([b".text", b".symtab", b".strtab", b".shstrtab"])
    at, sections = HEADER.size, [bytes(SECTION.size)]
    sections.append(_section(title_places[0], NOTHING, at, high - low, ALLOCATED | CODE, low))
    for title, kind, data in (
        (title_places[1], SYMBOLS, entries),
        (title_places[2], STRINGS, names),
        (title_places[3], STRINGS, titles),
    ):
        sections.append(_section(title, kind, at, len(data)))
        at += len(data)
    header = HEADER.pack(
        *(IDENTITY, EXECUTABLE, machine, 1, 0, 0, at, 0, HEADER.size, 0, 0),
        *(SECTION.size, len(sections), SECTION_NAMES),
    )
    return header + entries + names + titles + b"".join(sections)


def _section(title: int, kind: int, at: int, size: int, flags: int = 0, address: int = 0) -> bytes:
    is_table = kind == SYMBOLS
    link, first_global = (NAMES, 1) if is_table else (0, 0)
    entry = ENTRY.size if is_table else 0
    return SECTION.pack(title, kind, flags, address, at, size, link, first_global, 1, entry)
