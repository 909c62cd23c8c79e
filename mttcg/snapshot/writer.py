"""Writing a snapshot's file: whole, or not there."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mttcg.memory.page import PAGE
from mttcg.snapshot.compression import compress, pack, pages_there, sum_of
from mttcg.snapshot.errors import SnapshotError
from mttcg.snapshot.layout import FORMAT, HEADER, LENGTH, MAGIC, PIECE, WINDOW

EXPECTED = "a file to write"


class Content(NamedTuple):
    """A memory to be written: what it is called, where it is mapped, and which file that is of.

    What is a hole in the file is not looked at.
    """

    name: str
    view: memoryview
    file: int


class SnapshotWriter:
    """Writes one file; a context, at whose end the file is there if `write` came to its end.

    Until then the file has another name, or none; who reads the old one keeps it.

    Raises SnapshotError.
    """

    def __init__(self, path: Path) -> None:
        try:
            self.path = Path(os.path.realpath(path))
            self.part = self.path.with_name(f".{self.path.name}.part{os.getpid()}")
            if self.path.exists() and not self.path.is_file():
                raise SnapshotError(path, "it is no plain file", EXPECTED)
            self.file = self._open()
        except OSError as error:
            raise SnapshotError(path, str(error.strerror), EXPECTED) from error
        except ValueError as error:  # as of a zero byte
            raise SnapshotError(path, str(error), EXPECTED) from error

    def _open(self) -> int:
        """A file without a name, of which nothing is left if this process is killed.

        One with another name where the file system has no such files.
        """
        self.named = False
        with suppress(OSError):
            return os.open(self.path.parent, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
        self.named = True
        return os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Let go of the file; what is not whole goes."""
        if self.file >= 0:
            os.close(self.file)
            self.file = -1
            with suppress(OSError):
                self.part.unlink()

    def write(self, machine: Mapping[str, Any], memories: Sequence[Content]) -> int:
        """Write all; the bytes of the file.

        machine: what the index says, plain. memories: with what nobody changes any more.
        """
        try:
            size = self._write(machine, memories)
            os.fsync(self.file)
            if not self.named:
                # with a descriptor, as only then it is linkat(2), which follows to the file itself
                os.link(f"/proc/self/fd/{self.file}", self.part, src_dir_fd=self.file)
            self.part.replace(self.path)
            self._sync_folder()
        except OSError as error:
            raise SnapshotError(self.path, str(error.strerror), "room for it") from error
        os.close(self.file)
        self.file = -1
        return size

    def _write(self, machine: Mapping[str, Any], memories: Sequence[Content]) -> int:
        os.lseek(self.file, HEADER.size, os.SEEK_SET)
        rows = np.concatenate([self._write_memory(*each) for each in enumerate(memories)])
        told = [{"name": each.name, "size": each.view.nbytes} for each in memories]
        text = json.dumps({**machine, "memories": told}).encode()
        plain = LENGTH.pack(len(text)) + text + rows.tobytes()
        index = compress(plain)
        at = os.lseek(self.file, 0, os.SEEK_CUR)
        self._append(index)
        size = at + len(index)
        head = HEADER.pack(MAGIC, FORMAT, PAGE, size, at, len(plain), sum_of(index), 0)
        head = head[:-4] + sum_of(head[:-4]).to_bytes(4, "little")
        os.pwrite(self.file, head, 0)
        return size

    def _write_memory(self, number: int, memory: Content) -> Any:
        """Write the pieces of a memory; their rows of the table."""
        rows = []
        at = os.lseek(self.file, 0, os.SEEK_CUR)
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:  # what they do holds no lock
            windows = windows_there(memory)
            for window, there, piece in pool.map(_piece, repeat(memory.view), windows):
                if piece:
                    bits = np.packbits(there, bitorder="little")
                    count = int(there.sum())
                    rows.append((number, sum_of(piece), window, at, len(piece), count, bits))
                    self._append(piece)
                    at += len(piece)
        return np.array(rows, dtype=PIECE)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.file, view) :]

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _piece(view: memoryview, window: int) -> tuple[int, Any, bytes]:
    part = view[window * WINDOW : (window + 1) * WINDOW]
    there = pages_there(part)
    return window, there, pack(part, there) if there.any() else b""


def extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    """The parts of a file that are no holes: where each begins and ends."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
        except OSError:  # ENXIO: there is no more
            return
        end = min(os.lseek(file, start, os.SEEK_HOLE), size)
        if start < end:
            yield start, end


def windows_there(memory: Content) -> Iterator[int]:
    """The windows of a memory that are no hole."""
    behind = 0
    for start, end in extents(memory.file, memory.view.nbytes):
        first = max(behind, start // WINDOW)
        behind = max(behind, -(-end // WINDOW))
        yield from range(first, behind)
