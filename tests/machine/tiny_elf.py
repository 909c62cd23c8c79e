"""Tiny ELF files made by hand, byte by byte, so that each can be wrong in one way."""

import struct
from dataclasses import dataclass

RAM_BASE = 0x8000_0000
RAM_SIZE = 1 << 20
EM_X86_64, EM_RISCV = 62, 243
ET_EXEC = 2
SHN_ABS = 0xFFF1
GLOBAL_OBJECT, LOCAL_OBJECT = 0x11, 0x01
PROGBITS, NOTE, NOBITS = 1, 7, 8
ALLOC = 2
HEADERS = 64
"""Bytes before the program headers."""


@dataclass(frozen=True)
class TinySegment:
    """A PT_LOAD program header and its bytes; `headers`: it begins with the file, so with those."""

    address: int = RAM_BASE
    data: bytes = b"\x13\x00\x00\x00" * 4
    memory_size: int | None = None
    virtual: int | None = None
    kind: int = 1
    flags: int = 7
    headers: bool = False


@dataclass(frozen=True)
class TinySection:
    """A section header; `segment` is the number of the segment that has its bytes, from `start`.

    The first is section 3 of the file.
    """

    name: str
    address: int
    size: int
    segment: int = 0
    start: int = 0
    kind: int = PROGBITS
    flags: int = ALLOC


@dataclass(frozen=True)
class TinySymbol:
    """An entry of .symtab."""

    name: str
    value: int
    size: int = 8
    info: int = GLOBAL_OBJECT
    section: int = SHN_ABS


@dataclass(frozen=True)
class TinyElf:
    """An ELF64 file: header, program headers, segments, .symtab, .strtab, section headers."""

    segments: tuple[TinySegment, ...] = (TinySegment(),)
    symbols: tuple[TinySymbol, ...] = ()
    sections: tuple[TinySection, ...] = ()
    entry: int = RAM_BASE
    machine: int = EM_RISCV
    file_type: int = ET_EXEC
    elf_class: int = 2
    data_encoding: int = 1
    section_header_size: int = 64

    def content(self) -> bytes:
        at = HEADERS + 56 * len(self.segments)
        headers, body, places = b"", b"", []
        for segment in self.segments:
            places.append(at + len(body))
            headers += self._program_header(segment, at + len(body))
            body += segment.data
        names, table = b"\0", bytes(24)
        for symbol in self.symbols:
            table += struct.pack(
                "<IBBHQQ",
                len(names),
                symbol.info,
                0,
                symbol.section,
                symbol.value,
                symbol.size,
            )
            names += symbol.name.encode() + b"\0"
        own = b""
        for section in self.sections:
            place = places[section.segment] + section.start
            fields = (len(names), section.kind, section.flags, section.address, place, section.size)
            own += struct.pack("<IIQQQQIIQQ", *fields, 0, 0, 1, 0)
            names += section.name.encode() + b"\0"
        table_at = at + len(body)
        names_at = table_at + len(table)
        sections = bytes(64) + self._section(2, table_at, len(table), link=2, entry_size=24)
        sections += self._section(3, names_at, len(names)) + own
        return self._header(names_at + len(names)) + headers + body + table + names + sections

    def _header(self, sections_at: int) -> bytes:
        ident = b"\x7fELF" + bytes((self.elf_class, self.data_encoding, 1)) + bytes(9)
        order = ">" if self.data_encoding == 2 else "<"
        fields = (self.file_type, self.machine, 1, self.entry, 64, sections_at, 0, 64, 56)
        counts = (len(self.segments), self.section_header_size, 3 + len(self.sections), 2)
        return ident + struct.pack(order + "HHIQQQIHHHHHH", *fields, *counts)

    @staticmethod
    def _program_header(segment: TinySegment, offset: int) -> bytes:
        virtual = segment.address if segment.virtual is None else segment.virtual
        size = len(segment.data)
        if segment.headers:
            offset, size = 0, offset + size
        memory_size = size if segment.memory_size is None else segment.memory_size
        fields = (
            segment.kind,
            segment.flags,
            offset,
            virtual,
            segment.address,
            size,
            memory_size,
            8,
        )
        return struct.pack("<IIQQQQQQ", *fields)

    @staticmethod
    def _section(kind: int, offset: int, size: int, link: int = 0, entry_size: int = 0) -> bytes:
        return struct.pack("<IIQQQQIIQQ", 0, kind, 0, 0, offset, size, link, 0, 8, entry_size)
