"""Pieces of memory, compressed: each is a frame of zstd by itself."""

import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import zstandard

from mttcg.memory.page import PAGE
from mttcg.snapshot.layout import WINDOW_PAGES

LEVEL = 1
"""As fast as the memory is read; the next ones take twice as long for a tenth less."""
Words = npt.NDArray[np.uint64]


def compress(data: bytes | memoryview) -> bytes:
    """Compress bytes."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(data)


def decompress(data: bytes | memoryview, size: int) -> bytes:
    """Decompress what gives so many bytes; ValueError if it does not."""
    try:
        found = zstandard.ZstdDecompressor().decompress(data, max_output_size=size)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if len(found) != size:
        raise ValueError(f"{len(found)} bytes")
    return found


def sum_of(data: bytes | memoryview) -> int:
    """CRC-32 of bytes."""
    return zlib.crc32(data)


def pages_there(window: memoryview) -> npt.NDArray[np.bool_]:
    """Which pages of a window, which may be shorter at the end, have anything but zeros."""
    words: Words = np.frombuffer(window, dtype=np.uint64).reshape(-1, PAGE // 8)
    there = np.zeros(WINDOW_PAGES, dtype=np.bool_)
    there[: len(words)] = words.any(axis=1)
    return there


def pack(window: memoryview, there: npt.NDArray[np.bool_]) -> bytes:
    """The pages of a window that are there, one behind the other, compressed."""
    pages = np.frombuffer(window, dtype=np.uint8).reshape(-1, PAGE)
    return compress(pages[there[: len(pages)]].data)


def runs(there: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs of pages that are there: the first of each, and the one behind the last."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], there.view(np.int8), [0]))))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
