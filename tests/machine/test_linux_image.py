"""Kernels are told from what is none, and unpacked."""

import bz2
import gzip
import lzma
import struct
from pathlib import Path

import pytest
import zstandard

from mttcg.errors import GuestFileError
from mttcg.guest.linux_image import read_linux_image

HERE = Path("kernel")
CODE = bytes(range(256)) * 8
COMPRESSED = {
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "bzip2": bz2.compress,
}


def image(
    magic: bytes = b"RSC\x05", offset: int = 0x20_0000, size: int = 0x1_0000, flags: int = 0
) -> bytes:
    """A kernel, by the header in Linux's Documentation/arch/riscv/boot-image-header.rst."""
    head = struct.pack("<IIQQQIIQQ4sI", 0x5A4D, 0, offset, size, flags, 2, 0, 0, 0, magic, 0x40)
    return head + CODE


def zboot(payload: bytes, named: bytes = b"gzip") -> bytes:
    """By Linux's drivers/firmware/efi/libstub/zboot-header.S."""
    head = (
        b"MZ\0\0zimg" + struct.pack("<II", 0x200, len(payload)) + bytes(8) + named.ljust(32, b"\0")
    )
    return head.ljust(0x200, b"\0") + payload + b"behind"


def pe(machine: int) -> bytes:
    return b"MZ".ljust(0x3C, b"\0") + struct.pack("<I4sH", 0x40, b"PE\0\0", machine) + bytes(64)


def test_a_kernel_says_where_it_goes() -> None:
    found = read_linux_image(HERE, image())
    assert (found.isa, found.offset, found.memory_size) == ("riscv64", 0x20_0000, 0x1_0000)
    assert found.data == image()


def test_an_old_kernel_says_nothing() -> None:
    found = read_linux_image(HERE, image(offset=0, size=0))
    assert (found.offset, found.memory_size) == (2 << 20, len(image()))


@pytest.mark.parametrize("kind", COMPRESSED)
def test_it_may_be_compressed_and_in_an_efi_program(kind: str) -> None:
    packed = COMPRESSED[kind](image())
    for content in (packed, zboot(packed, kind.encode()), gzip.compress(zboot(packed))):
        assert read_linux_image(HERE, content).data == image()


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (image(b"ARM\x64"), None),
        (image(flags=1), "it is a big-endian kernel; expected a little-endian one"),
        (image(size=100), "its header says 100 bytes of memory, and it has 2112; expected a Linux"),
        (b"MZ".ljust(0x202, b"\0") + b"HdrS" + bytes(99), "a kernel for another machine, x86"),
        (b"\x27\x05\x19\x56" + bytes(99), "it is a U-Boot image, which U-Boot alone starts"),
        (pe(0xAA64), "it is for another machine, AArch64"),
        (pe(0x5064), "it is an EFI program, and no kernel"),
        (b"hello", "it is no kernel; expected a Linux kernel (Image, gzip or EFI zboot)"),
        (bytes(64), "it is no kernel"),
        (gzip.compress(b"hello", mtime=0), "it is no kernel"),
        (gzip.compress(image(), mtime=0)[:-9], "its gzip data is damaged (it ends early)"),
        (gzip.compress(image(), mtime=0)[:20] + bytes(99), "its gzip data is damaged (Error -3"),
        (zboot(image(), b"lz4"), "its payload is compressed by 'lz4'"),
        (zboot(gzip.compress(image(), mtime=0))[:-20], "the EFI zboot image is truncated"),
    ],
)
def test_what_is_none_is_refused(content: bytes, wrong: str | None) -> None:
    if wrong is None:
        assert read_linux_image(HERE, content).isa == "AArch64"
        return
    with pytest.raises(GuestFileError) as caught:
        read_linux_image(HERE, content)
    assert str(caught.value).startswith("kernel: ")
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)
