"""Compressed data: the kinds that kernels and packages come in, told by their first bytes."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from typing import NamedTuple

import zstandard

from mttcg.errors import MttcgError

MOST = 1 << 30
"""Bytes that one piece of data may have when it is no longer compressed."""


class CompressionError(MttcgError):
    """Compressed data that is damaged, of another kind than was said, or far too much."""

    def __init__(self, kind: str, wrong: str) -> None:
        super().__init__(f"its {kind} data is damaged ({wrong})")
        self.kind, self.wrong = kind, wrong


class _Decompressor(NamedTuple):
    """How data of one kind begins, and how it is read."""

    magic: bytes
    read: Callable[[bytes], bytes]


def _gzip(data: bytes) -> bytes:
    """Only the first member: a kernel has its size, or a signature, behind it."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    found = reader.decompress(data, MOST)
    if not reader.eof:
        raise EOFError("it ends early")
    return found


def _zstandard(data: bytes) -> bytes:
    reader = zstandard.ZstdDecompressor().decompressobj()
    found = reader.decompress(data)
    if not reader.eof:
        raise EOFError("it ends early")
    return found


def _lzma(data: bytes) -> bytes:
    reader = lzma.LZMADecompressor()
    found = reader.decompress(data, MOST)
    if not reader.eof:
        raise EOFError("it ends early")
    return found


def _bzip2(data: bytes) -> bytes:
    reader = bz2.BZ2Decompressor()
    found = reader.decompress(data, MOST)
    if not reader.eof:
        raise EOFError("it ends early")
    return found


KINDS = {
    "gzip": _Decompressor(b"\x1f\x8b", _gzip),
    "xz": _Decompressor(b"\xfd7zXZ\0", _lzma),
    "zstd": _Decompressor(b"\x28\xb5\x2f\xfd", _zstandard),
    "lzma": _Decompressor(b"\x5d\0\0", _lzma),
    "bzip2": _Decompressor(b"BZh", _bzip2),
}
"""By name."""


DAMAGES = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What the libraries raise for damaged data."""


def kind_of(data: bytes) -> str | None:
    """Return the kind of compressed data, told by its first bytes; None if it is of none."""
    return next((name for name, kind in KINDS.items() if data.startswith(kind.magic)), None)


def decompress(data: bytes, kind: str) -> bytes:
    """Return what was compressed; bytes behind its end don't matter. Raises `CompressionError`."""
    try:
        return KINDS[kind].read(data)
    except DAMAGES as error:
        raise CompressionError(kind, str(error)) from error


def compress(data: bytes) -> bytes:
    """Return data as a gzip file, the same each time."""
    return gzip.compress(data, mtime=0)
