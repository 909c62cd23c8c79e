"""Reading a snapshot's file, which anybody may have cut or changed."""

import json
import os
import weakref
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from mttcg.memory.page import PAGE
from mttcg.snapshot.compression import decompress, runs, sum_of
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.layout import (
    FORMAT,
    HEADER,
    LENGTH,
    MAGIC,
    PIECE,
    WINDOW,
    WINDOW_PAGES,
    Header,
)

LARGEST_INDEX = 1 << 30
"""Bytes; of 64 GiB of RAM that are all used it takes a tenth."""
UNCHANGED = "the file as it was written"


class SnapshotFile:
    """A snapshot, whose index has been read; a context, at whose end it is closed.

    Raises SnapshotError, with what is wrong and what was expected.

    Attributes:
        machine: what the index says.
        pieces: the table of pieces.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise SnapshotError(path, str(error.strerror), "a file to read") from error
        self._end = weakref.finalize(self, os.close, self.file)
        try:
            self.machine, self.pieces = self._read_index(self._read_header())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._end()

    def size_of(self, name: str) -> int:
        """Bytes of a memory; 0 if there is none of that name."""
        return next((int(m["size"]) for m in self.machine["memories"] if m["name"] == name), 0)

    def restore(self, name: str, file: int) -> None:
        """Write a memory into a file that is all a hole; returns when all of it is there."""
        names = [memory["name"] for memory in self.machine["memories"]]
        rows = self.pieces[self.pieces["memory"] == names.index(name)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for _ in pool.map(partial(self._restore_piece, file), rows):
                continue

    def _restore_piece(self, file: int, row: Any) -> None:
        content = self._read(int(row["place"]), int(row["size"]), int(row["sum"]), "a piece")
        there = np.unpackbits(row["there"], count=WINDOW_PAGES, bitorder="little").astype(np.bool_)
        pages, start = int(there.sum()), int(row["window"]) * WINDOW
        data = memoryview(self._plain(content, pages * PAGE, "a piece"))
        for first, behind in runs(there):
            size = (behind - first) * PAGE
            write_all(file, data[:size], start + first * PAGE)
            data = data[size:]

    def _read_header(self) -> Header:
        size = os.fstat(self.file).st_size
        data = self._pread(HEADER.size, 0)
        if len(data) < HEADER.size or not data.startswith(MAGIC):
            raise self._wrong("it is not one", "a file that `snapshot` has written")
        header = Header(*HEADER.unpack(data))
        if sum_of(data[:-4]) != header.own_sum:
            raise self._wrong("its header was changed", UNCHANGED)
        if (header.format, header.page) != (FORMAT, PAGE):
            raise self._wrong(f"it is of format {header.format}", f"format {FORMAT}")
        if header.size != size:
            raise self._wrong(f"it has {size} bytes", f"{header.size}, as it was written")
        return header

    def _read_index(self, header: Header) -> tuple[dict[str, Any], Any]:
        if not 0 < header.plain <= LARGEST_INDEX:
            raise self._wrong(f"its index has {header.plain} bytes", UNCHANGED)
        size = header.size - header.index_at
        content = self._read(header.index_at, size, header.index_sum, "the index")
        plain = self._plain(content, header.plain, "the index")
        end = LENGTH.size + LENGTH.unpack_from(plain)[0]
        machine: dict[str, Any] = json.loads(plain[LENGTH.size : end])
        return machine, np.frombuffer(plain[end:], dtype=PIECE)

    def _read(self, place: int, size: int, expected: int, what: str) -> bytes:
        data = self._pread(size, place)
        if (found := sum_of(data)) != expected or len(data) != size:
            wrong = f"{what} at byte {place} was changed: its sum is {found:#010x}"
            raise self._wrong(wrong, f"{expected:#010x}")
        return data

    def _plain(self, data: bytes, size: int, what: str) -> bytes:
        try:
            return decompress(data, size)
        except ValueError as error:
            raise self._wrong(f"{what} was changed: {error}", f"{size} bytes") from error

    def _pread(self, size: int, place: int) -> bytes:
        try:
            return os.pread(self.file, size, place)
        except OSError as error:
            raise self._wrong(str(error.strerror), "a file to read") from error

    def _wrong(self, wrong: str, expected: str) -> SnapshotError:
        return SnapshotError(self.path, wrong, expected)


def write_all(file: int, data: memoryview, place: int) -> None:
    """Write bytes at a place of a file."""
    while data:
        done = os.pwrite(file, data, place)
        data, place = data[done:], place + done
