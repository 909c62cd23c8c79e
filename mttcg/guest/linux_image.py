"""Kernels as Linux has them: `Image`, compressed or not, and EFI zboot.

Formats: linux: Documentation/arch/riscv/boot-image-header.rst, Documentation/arch/arm64/booting.rst
(the same header), drivers/firmware/efi/libstub/zboot-header.S; PE/COFF for what else there is.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from mttcg.errors import GuestFileError
from mttcg.guest.compressed import CompressionError, decompress, kind_of

EXPECTED = "a Linux kernel (Image, gzip or EFI zboot) or an ELF file"
HEADER = struct.Struct("<IIQQQIIQQ4sI")
"""code0, code1, text_offset, image_size, flags, version, res1, res2, magic, magic2, res3."""
BIG_ENDIAN = 1
"""Bit of flags."""
MAGICS = {b"RSC\x05": "riscv64", b"ARM\x64": "AArch64"}
"""magic2 of each ISA: its name, ours if it is one of ours."""
ZBOOT = struct.Struct("<2s2x4sII8x32s")
"""MZ, zimg, where the compressed kernel is, its bytes, the kind of compression."""
MOST_LAYERS = 2
"""A compressed file, and in it an EFI zboot image."""
BZIMAGE_AT, BZIMAGE = 0x202, b"HdrS"
U_BOOT = b"\x27\x05\x19\x56"
PE_AT, PE, PE_MACHINE = 0x3C, b"PE\0\0", 4
PE_MACHINES = {0x8664: "x86-64", 0x14C: "x86", 0xAA64: "AArch64", 0x6264: "LoongArch"}
DEFAULT_OFFSET = 2 << 20
"""From the start of RAM, for a kernel that does not say: what is before is firmware's."""


@dataclass(frozen=True)
class LinuxImage:
    """A kernel that is not compressed.

    Attributes:
        isa: what it is for, by name.
        offset: bytes from the start of RAM to where it is loaded.
        memory_size: bytes that it takes in RAM.
        data: what is loaded.
    """

    isa: str
    offset: int
    memory_size: int
    data: bytes


def read_linux_image(path: Path, content: bytes) -> LinuxImage:
    """Find the kernel in a file's content.

    path: of the file, for errors. Raises `GuestFileError`, which says what a file is that is none.
    """
    data = unpacked(path, content)
    if len(data) < HEADER.size:
        raise GuestFileError(path, _what_it_is(data), EXPECTED)
    _, _, offset, size, flags, _, _, _, _, magic, _ = HEADER.unpack_from(data)
    isa = MAGICS.get(magic)
    if isa is None:
        raise GuestFileError(path, _what_it_is(data), EXPECTED)
    if flags & BIG_ENDIAN:
        raise GuestFileError(path, "it is a big-endian kernel", "a little-endian one")
    if size and size < len(data):
        wrong = f"its header says {size} bytes of memory, and it has {len(data)}"
        raise GuestFileError(path, wrong, EXPECTED)
    return LinuxImage(isa, offset or DEFAULT_OFFSET, size or len(data), data)


def unpacked(path: Path, content: bytes) -> bytes:
    """Return a kernel that is no longer compressed; raises `GuestFileError`."""
    for _ in range(MOST_LAYERS):
        kind, packed = kind_of(content), content
        if _is_zboot(content):
            kind, packed = _zboot_payload(path, content)
        if kind is None:
            return content
        try:
            content = decompress(packed, kind)
        except CompressionError as error:
            raise GuestFileError(path, str(error), EXPECTED) from error
    return content


def _is_zboot(content: bytes) -> bool:
    return len(content) >= ZBOOT.size and ZBOOT.unpack_from(content)[:2] == (b"MZ", b"zimg")


def _zboot_payload(path: Path, content: bytes) -> tuple[str, bytes]:
    _, _, start, size, named = ZBOOT.unpack_from(content)
    payload = content[start : start + size]
    kind = kind_of(payload)
    if len(payload) < size:
        wrong = f"the EFI zboot image is truncated: {len(content)} bytes of {start + size}"
        raise GuestFileError(path, wrong, EXPECTED)
    if kind is None:
        name = named.split(b"\0")[0].decode("ascii", "replace")
        raise GuestFileError(path, f"its payload is compressed by {name!r}", EXPECTED)
    return kind, payload


def _what_it_is(data: bytes) -> str:
    """Say what a file is that is no such kernel."""
    if data[BZIMAGE_AT:].startswith(BZIMAGE):
        return "it is a kernel for another machine, x86"
    if data.startswith(U_BOOT):
        return "it is a U-Boot image, which U-Boot alone starts"
    at = int.from_bytes(data[PE_AT : PE_AT + 4], "little")
    if data.startswith(b"MZ") and data[at:].startswith(PE):
        machine = int.from_bytes(data[at + PE_MACHINE : at + PE_MACHINE + 2], "little")
        if machine in PE_MACHINES:
            return f"it is for another machine, {PE_MACHINES[machine]}"
        return "it is an EFI program, and no kernel"
    return "it is no kernel"
