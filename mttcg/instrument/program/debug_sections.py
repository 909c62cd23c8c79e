"""The debug sections of an ELF file, in whatever way they are compressed.

Sources: System V gABI, chapter 4, "Section Compression" (zlib and zstd); for the older form, in
which sections are called .zdebug_* and begin with "ZLIB" and their size, the manual of GNU objcopy,
`--compress-debug-sections=zlib-gnu`. There, a section that would not become smaller stays as it is.
"""

import zlib
from typing import Any

import zstandard
from elftools.common.exceptions import ELFCompressionError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

ZSTD = (2, "ELFCOMPRESS_ZSTD")
"""Its type, and what a pyelftools would call it that knows it."""
PIECE_BYTES = 1 << 20
"""Bytes decompressed at a time: a file that claims a huge size takes no memory for it."""
PREFIX, OLD_PREFIX = ".debug_", ".zdebug_"
OLD_MAGIC, OLD_HEAD_BYTES = b"ZLIB", 12


class PlainSection(Section):  # type: ignore[misc]  # pyelftools has no types here
    """A section with its content, which was compressed."""

    def __init__(self, section: Any, content: bytes) -> None:
        super().__init__(section.header, section.name, section.elffile)
        self.content = content

    def data(self) -> bytes:
        """The content."""
        return self.content

    @property
    def data_size(self) -> int:
        """Its bytes."""
        return len(self.content)


class DebugFile(ELFFile):  # type: ignore[misc]
    """An ELF file that has its debug sections under their usual names, in any form."""

    def has_section(self, section_name: str) -> bool:
        """Whether there is such a section; the older names are hidden."""
        names = {section_name, old_name(section_name)}
        return not is_old(section_name) and any(map(super().has_section, names))

    def get_section_by_name(self, name: str) -> Any:
        """The section, None if there is none; ELFCompressionError, and errors of zstd and zlib."""
        section = super().get_section_by_name(name)
        if section is None:
            section = super().get_section_by_name(old_name(name))
            return section and PlainSection(section, from_old_form(section.data()))
        if section.compressed:
            head = self.structs.Elf_Chdr
            self.stream.seek(section["sh_offset"])
            content = self.stream.read(section["sh_size"])
            if head.parse(content)["ch_type"] in ZSTD:
                return PlainSection(section, from_zstd(content[head.sizeof() :], section.data_size))
        return section


def old_name(name: str) -> str:
    """What a debug section is called in the older form."""
    return OLD_PREFIX + name.removeprefix(PREFIX) if name.startswith(PREFIX) else name


def is_old(name: str) -> bool:
    """Whether a section of this name has the older form."""
    return name.startswith(OLD_PREFIX)


def from_old_form(data: bytes) -> bytes:
    """Decompress the content of a .zdebug_* section."""
    if not data.startswith(OLD_MAGIC):
        raise ELFCompressionError(f"it begins with {data[:4]!r}, not with {OLD_MAGIC!r}")
    size = int.from_bytes(data[len(OLD_MAGIC) : OLD_HEAD_BYTES], "big")
    # one byte more than is right shows what is too long, and 0 would mean that there is no limit
    return of_size(zlib.decompressobj().decompress(data[OLD_HEAD_BYTES:], size + 1), size)


def from_zstd(data: bytes, size: int) -> bytes:
    """Decompress zstd's frames, which give `size` bytes."""
    found = bytearray()
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        while len(found) <= size and (piece := reader.read(PIECE_BYTES)):
            found += piece
    return of_size(bytes(found), size)


def of_size(content: bytes, size: int) -> bytes:
    """Raise ELFCompressionError unless there are as many bytes as the file says."""
    if len(content) != size:
        raise ELFCompressionError(f"a section does not have the {size} bytes that it claims")
    return content
