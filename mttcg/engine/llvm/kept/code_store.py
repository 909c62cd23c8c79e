"""The files of kept code: a folder of this user alone, with a file for each set of keys.

A file is a row of records that is only appended to: a mark, the length and the digest of what
follows. What is not as it was written is passed over and counted. A digest does not stop whoever
may write the file: owner and mode do, so files of others are refused.
"""

import contextlib
import fcntl
import os
import stat
import struct
import time
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from mttcg.engine.llvm.kept.record import KeptFunction
from mttcg.errors import MttcgError

MARK = b"\x93mttcg\r\n"
"""Begins a record: it is looked for behind what is damaged."""
HEAD = struct.Struct("<8sI16s")
DIGEST_BYTES = 16
SUFFIX = ".code"
LARGEST_RECORD = 4 << 20
LARGEST_FILE = 64 << 20
"""Bytes of a file; the records that were made first leave then, until REST of it is left."""
LARGEST_FOLDER = 256 << 20
"""Bytes of all files; those leave first that were used the longest time ago."""
REST = 0.5
OPEN_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
UNUSED_SECONDS = 30 * 24 * 3600
"""Files that were not used for so long leave."""


class StoreRefusedError(MttcgError):
    """A folder or file that code is not taken from, as others could have put it there."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the code store {path} is not used: {why}")


class Found(NamedTuple):
    """What a file has.

    Attributes:
        content: all of it.
        spans: where the records begin that are as they were written, and how long they are, in the
            order in which they were kept.
        damaged: how many others there are.
    """

    content: bytes
    spans: list[tuple[int, int]]
    damaged: int

    def payloads(self) -> list[bytes]:
        """What is in the records."""
        return [self.content[begin : begin + length] for begin, length in self.spans]


class CodeStore:
    """One file.

    Args:
        folder: of the store; it is made if there is none.
        name: of the set of keys.

    Raises StoreRefusedError.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.path = folder / f"{name}{SUFFIX}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check(folder, os.lstat(folder), stat.S_ISDIR, "a folder")
        except OSError as error:
            raise StoreRefusedError(folder, error.strerror or str(error)) from error

    def read(self) -> Found:
        """All that can be used. Raises StoreRefusedError."""
        with self._opened() as descriptor:
            os.utime(descriptor)
            return parse(_content(descriptor), self.name)

    def append(self, functions: Sequence[KeptFunction]) -> int:
        """Keep functions; how many, as nothing is kept where there is no room.

        Raises StoreRefusedError.
        """
        records = b"".join(record_of(function.to_bytes(), self.name) for function in functions)
        try:
            with self._opened() as descriptor, _locked(descriptor):
                if os.fstat(descriptor).st_nlink == 0:
                    return 0  # another run has just replaced it
                size = os.fstat(descriptor).st_size
                if size + len(records) > LARGEST_FILE:
                    self._shorten(descriptor)
                    return 0
                written = os.pwrite(descriptor, records, size)
                if written < len(records):  # the host has no room
                    os.ftruncate(descriptor, size)
                    return 0
        except OSError:
            return 0
        return len(functions)

    def _shorten(self, descriptor: int) -> None:
        """Replace the file by one with its newest records. Under its lock."""
        kept: list[bytes] = []
        room = int(REST * LARGEST_FILE)
        for payload in reversed(parse(_content(descriptor), self.name).payloads()):
            record = record_of(payload, self.name)
            room -= len(record)
            if room < 0:
                break
            kept.append(record)
        part = self.folder / f"{self.name}.{os.getpid()}"
        try:
            part.write_bytes(b"")
            part.chmod(0o600)
            part.write_bytes(b"".join(reversed(kept)))
            part.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, OPEN_FLAGS, 0o600)
        except OSError as error:
            raise StoreRefusedError(self.path, error.strerror or str(error)) from error
        try:
            _check(self.path, os.fstat(descriptor), stat.S_ISREG, "a file")
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Be the one process that works ahead for this folder; whether it is."""
        try:
            descriptor = os.open(self.folder / "ahead", OPEN_FLAGS, 0o600)
        except OSError:
            yield False
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(descriptor)

    def bound(self) -> int:
        """Remove files that were not used for long, and the oldest while there is too much."""
        files = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                status = os.lstat(path)
                files.append((status.st_mtime, status.st_size, path))
        total, removed = sum(size for _, size, _ in files), 0
        for used, size, path in sorted(files):
            old = time.time() - used > UNUSED_SECONDS
            if path != self.path and (old or total > LARGEST_FOLDER):
                with contextlib.suppress(OSError):
                    path.unlink()
                    total, removed = total - size, removed + 1
        return removed


def _check(path: Path, status: os.stat_result, is_kind: object, kind: str) -> None:
    """Raise StoreRefusedError for what others may write, or may have put there."""
    if not callable(is_kind) or not is_kind(status.st_mode):
        raise StoreRefusedError(path, f"it is not {kind}")
    if status.st_uid != os.geteuid():
        raise StoreRefusedError(path, f"it belongs to user {status.st_uid}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise StoreRefusedError(path, f"others may use it: its mode is {mode:o}")


@contextlib.contextmanager
def _locked(descriptor: int) -> Iterator[None]:
    """Be the only one who writes; closing the descriptor, or ending, lets go of it."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, min(size, LARGEST_FILE + LARGEST_RECORD), 0)


def record_of(content: bytes, name: str) -> bytes:
    """A record, with its mark and digest; in a file of another name it is none."""
    return HEAD.pack(MARK, len(content), digest_of_record(content, name)) + content


def digest_of_record(content: bytes | memoryview, name: str) -> bytes:
    """What has to be right for a record to be taken."""
    return blake2b(content, digest_size=DIGEST_BYTES, key=name.encode()).digest()


def parse(content: bytes, name: str) -> Found:
    """The records in a file's content; what is damaged is passed over, to the next mark."""
    spans: list[tuple[int, int]] = []
    at, damaged, view = 0, 0, memoryview(content)
    while at < len(content):
        length = _length_of_record(view, at, name)
        if length is None:
            damaged += 1
            behind = content.find(MARK, at + 1)
            at = len(content) if behind < 0 else behind
            continue
        spans.append((at + HEAD.size, length))
        at += HEAD.size + length
    return Found(content, spans, damaged)


def _length_of_record(content: memoryview, at: int, name: str) -> int | None:
    """How long the record at a place is, without its head; None if it is not whole."""
    if len(content) - at < HEAD.size:
        return None
    mark, length, digest = HEAD.unpack_from(content, at)
    begin, end = at + HEAD.size, at + HEAD.size + length
    if mark != MARK or length > LARGEST_RECORD or end > len(content):
        return None
    right = digest_of_record(content[begin:end], name) == digest
    return length if right else None
