"""Source lines of a guest whose debug sections are compressed, in each of the ways there are."""

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zstandard
from plugin_harness import guest_path

from mttcg.instrument import ElfFileError, source_lines

HEADER = struct.Struct("<IIQQQQIIQQ")
NAME, FLAGS, OFFSET, SIZE = 0, 2, 4, 5
COMPRESSED, HEAD_BYTES = 0x800, 24
ZLIB, ZSTD = 1, 2
Content = Callable[[bytes], bytes]


class Elf:
    """An ELF64 file, to change sections of: what is new is put at its end."""

    def __init__(self, path: Path) -> None:
        self.data = bytearray(path.read_bytes())
        [self.table] = struct.unpack_from("<Q", self.data, 40)
        self.count, self.strings = struct.unpack_from("<HH", self.data, 60)
        self.decompress()

    def header(self, number: int) -> list[int]:
        return list(HEADER.unpack_from(self.data, self.table + number * HEADER.size))

    def content(self, number: int) -> bytes:
        header = self.header(number)
        return bytes(self.data[header[OFFSET] : header[OFFSET] + header[SIZE]])

    def decompress(self) -> None:
        """Undo what the linker of the guest did."""
        for number, _ in self.debug_sections():
            if self.header(number)[FLAGS] & COMPRESSED:
                self.put(number, zlib.decompress(self.content(number)[HEAD_BYTES:]), -COMPRESSED)

    def debug_sections(self) -> Iterator[tuple[int, bytes]]:
        names = self.content(self.strings)
        for number in range(self.count):
            name = names[self.header(number)[NAME] :].split(b"\0")[0]
            if name.startswith(b".debug_"):
                yield number, name

    def put(self, number: int, content: bytes, flags: int = 0, name: int | None = None) -> None:
        header = self.header(number)
        header[OFFSET], header[SIZE] = len(self.data), len(content)
        header[FLAGS] += flags
        header[NAME] = header[NAME] if name is None else name
        self.data += content
        HEADER.pack_into(self.data, self.table + number * HEADER.size, *header)

    def compress(self, kind: int, compressed: Content, claimed: int = 0) -> None:
        for number, _ in self.debug_sections():
            plain = self.content(number)
            head = struct.pack("<IIQQ", kind, 0, len(plain) + claimed, 1)
            self.put(number, head + compressed(plain), COMPRESSED)

    def compress_older(self, compressed: Content = zlib.compress, magic: bytes = b"ZLIB") -> None:
        """As objcopy does it: only what becomes smaller has the other name."""
        names = self.content(self.strings)
        for number, name in list(self.debug_sections()):
            plain = self.content(number)
            packed = magic + len(plain).to_bytes(8, "big") + compressed(plain)
            if len(packed) < len(plain):
                self.put(number, packed, name=len(names))
                names += b".z" + name[1:] + b"\0"
        self.put(self.strings, names)


def frames(plain: bytes) -> bytes:
    """More than one frame, as some linkers write them side by side."""
    middle = len(plain) // 2
    return zstandard.compress(plain[:middle]) + zstandard.compress(plain[middle:])


WAYS: dict[str, Callable[[Elf], None]] = {
    "zlib": lambda elf: elf.compress(ZLIB, zlib.compress),
    "zstd": lambda elf: elf.compress(ZSTD, zstandard.compress),
    "zstd in frames": lambda elf: elf.compress(ZSTD, frames),
    "older": Elf.compress_older,
}
WRONG: dict[str, tuple[Callable[[Elf], None], str]] = {
    "unknown": (lambda elf: elf.compress(9, zlib.compress), "can't be decompressed .*0x9"),
    "too long": (
        lambda elf: elf.compress(ZSTD, zstandard.compress, -1),
        r"can't be decompressed \(a section does not have the \d+ bytes that it claims\)",
    ),
    "too short": (
        lambda elf: elf.compress(ZSTD, zstandard.compress, 1 << 60),
        r"can't be decompressed \(a section does not have the \d+ bytes that it claims\)",
    ),
    "broken": (lambda elf: elf.compress(ZSTD, lambda plain: plain), "is damaged .*ZstdError"),
    "older of another kind": (
        lambda elf: elf.compress_older(magic=b"LZMA"),
        "can't be decompressed .*b'LZMA', not with b'ZLIB'",
    ),
    "older and cut": (
        lambda elf: elf.compress_older(lambda plain: zlib.compress(plain)[:-9]),
        "can't be decompressed .*bytes that it claims",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_lines_are_those_of_the_file_that_is_not_compressed(way: str, tmp_path: Path) -> None:
    elf = Elf(guest_path("hello"))
    WAYS[way](elf)
    file = tmp_path / "compressed.elf"
    file.write_bytes(elf.data)
    rows = list(source_lines(guest_path("hello")).rows())
    assert rows
    assert list(source_lines(file).rows()) == rows


@pytest.mark.parametrize("way", WRONG)
def test_what_is_wrong_is_said(way: str, tmp_path: Path) -> None:
    elf = Elf(guest_path("hello"))
    change, wrong = WRONG[way]
    change(elf)
    file = tmp_path / "wrong.elf"
    file.write_bytes(elf.data)
    with pytest.raises(ElfFileError, match=wrong):
        source_lines(file)


def test_a_file_name_that_is_no_utf_8_is_kept(tmp_path: Path) -> None:
    elf = Elf(guest_path("hello"))
    file = tmp_path / "latin.elf"
    file.write_bytes(elf.data.replace(b"hello.c\0", b"hell\xf6.c\0"))
    names = source_lines(file).files
    assert b"hell\xf6.c" in map(os.fsencode, names), names
