"""Recordings: the messages of a run in a file, each with its length and checksum.

PROTOCOL.md, "Recordings", has the format. Every entry is written whole, in one call, so a file is
good up to the last entry that was, whenever its writer was killed.
"""

import contextlib
import dataclasses
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, ClassVar, Self

from mttcg_bus.errors import (
    OutputFull,
    ProtocolError,
    RecordingCut,
    RecordingError,
)
from mttcg_bus.host.growing_file import GrowingFile
from mttcg_bus.recording.columns import Packer, unpack
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.items import Batch, End, Item, Opened
from mttcg_bus.subscriber.parts import Parts, pack_streams, records_of_payload
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_HEADER, LARGEST_PAYLOAD
from mttcg_bus.wire.plain import Bytes
from mttcg_bus.wire.stream import StreamSpec, bytes_of

MAGIC, FIRST_MAGIC = b"MTTCGRE2", b"MTTCGREC"
"""What a recording begins with; those of the first kind have no `columns` and no `stopped`."""
LEAST_LIMIT = 64 << 10
"""Bytes that a recording may have, at the least."""
_ENTRY = struct.Struct("<IIQ")
"""CRC-32 of what follows, bytes of the header, bytes of the payload."""
_CHECKED_AT = 4
_ROOM = 1024
"""Bytes of a limit that are kept for the entry that says that it was reached."""


@dataclass(frozen=True)
class Columns(wire.Message):
    """A batch, whose payload is its records as columns; the fields are those of `batch`."""

    TYPE: ClassVar[str] = "columns"
    run: str
    stream: str
    cpu: int
    first: int
    count: int
    dropped: int


@dataclass(frozen=True)
class RecordingStopped(wire.Message):
    """Nothing was recorded from here on; `reason` says why, for people."""

    TYPE: ClassVar[str] = "stopped"
    reason: str


ENTRIES: wire.MessageTable = {**wire.MESSAGES, **wire.table_of(Columns, RecordingStopped)}
"""What entries are, by name."""


class RecordingWriter:
    """Writes what a subscriber receives to `path`, which is overwritten.

    parts: the streams, as `welcome` described them. limit: bytes that it may have, 0 for any
    number. records, batches: written so far. Raises OSError, and OutputFull where the file has no
    room for more; `stop` is to be called then.
    """

    def __init__(self, path: Path, parts: Parts, limit: int = 0) -> None:
        self._parts, self._limit = parts, limit
        self._packer = Packer()
        self._dropped: dict[tuple[str, int], int] = {}
        self.records = self.batches = 0
        self._file = GrowingFile(path)
        try:
            self._file.write(MAGIC)
            self._write(wire.Welcome(), parts.welcome())
        except BaseException:
            self.close()
            raise

    def write(self, item: Item) -> None:
        """Write one item."""
        if isinstance(item, Opened):
            names = {spec.name for spec in item.streams}
            self._dropped = {k: count for k, count in self._dropped.items() if k[0] not in names}
            self._write(wire.Opened(), pack_streams(item.streams))
            return
        key, run = (item.stream, item.cpu), self._parts.run.run
        dropped = self._dropped.get(key, 0)
        if isinstance(item, Batch):
            count = len(item.records)
            facts = run, item.stream, item.cpu, item.first, count, dropped
            packed = self._packer.pack(item.records)
            if packed is None:
                self._write(wire.Batch(*facts), bytes_of(item.records))
            else:
                self._write(Columns(*facts), packed)
            self.records, self.batches = self.records + count, self.batches + 1
        elif isinstance(item, End):
            end = wire.End(run, item.stream, item.cpu, item.records, item.dropped)
            self._write(end, b"")
        elif item.cause == "dropped":  # what was missed shows in the numbers of what comes next
            self._dropped[key] = dropped + item.count

    def finish(self) -> None:
        """Say that the run has ended, and all of it is here."""
        self._write(wire.Finish(), b"")

    def stop(self, why: str) -> None:
        """Say that nothing comes after this, and why, if there is room for that."""
        self._limit = 0
        with contextlib.suppress(OutputFull):
            self._write(RecordingStopped(why), b"")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, message: wire.Message, payload: Bytes) -> None:
        header = wire.encode_header(message)
        size = self._file.size + _ENTRY.size + len(header) + len(payload)
        if self._limit and size > self._limit - _ROOM:
            wrong = f"it has reached its limit of {self._limit} bytes"
            raise OutputFull(self._file.path, wrong, self._file.size)
        entry = _ENTRY.pack(0, len(header), len(payload))
        checksum = _checksum(entry, header, payload).to_bytes(_CHECKED_AT, "little")
        self._file.write(checksum, entry[_CHECKED_AT:], header, payload)


class Recording:
    """A recorded run, and an iterator over its items as a Subscriber gives them.

    path: the file. prefixes: of the topics that are wanted. run, streams, missing: as a Subscriber
    has them. good, batches, records: how many bytes, batches and records were read whole.
    Iteration raises RecordingCut where the file breaks off, or its recorder stopped, at a limit or
    on a full disk. Raises RecordingError, WrongVersion.
    """

    def __init__(self, path: Path, prefixes: Sequence[str] = ("",)) -> None:
        self.path = path
        self.good = self.batches = self.records = 0
        try:
            self._file: BinaryIO = path.open("rb")
        except OSError as error:
            raise RecordingError(str(path), error.strerror or "unreadable") from error
        try:
            self._parts = self._read_start(tuple(prefixes))
        except BaseException:
            self._file.close()
            raise

    def _read_start(self, prefixes: tuple[str, ...]) -> Parts:
        if self._file.read(len(MAGIC)) not in (MAGIC, FIRST_MAGIC):
            raise RecordingError(str(self.path), "not a recording")
        self.good = len(MAGIC)
        entry = self._read()
        if entry is None or not isinstance(entry.message, wire.Welcome):
            raise RecordingError(str(self.path), "cut before its first batch")
        try:
            return Parts.from_welcome(entry.payload, prefixes)
        except ProtocolError as error:
            raise self._damaged(error) from error

    @property
    def run(self) -> RunInfo:
        """What was run."""
        return self._parts.run

    @property
    def streams(self) -> dict[str, StreamSpec]:
        """All streams of the recording, by name."""
        return self._parts.streams

    @property
    def missing(self) -> tuple[tuple[str, int], ...]:
        """The (stream, cpu) whose end has not come yet."""
        return self._parts.missing

    def __iter__(self) -> Iterator[Item]:
        """Iterate over the items from here to the end of the run."""
        while entry := self._read():
            message = entry.message
            if isinstance(message, wire.Finish):
                return
            if isinstance(message, RecordingStopped):
                raise self._cut(message.reason)
            if isinstance(message, wire.Opened | wire.Batch | Columns | wire.End):
                try:
                    items = list(self._items(message, entry.payload))
                except ProtocolError as error:
                    raise self._damaged(error) from error
                yield from items
        raise self._cut()

    def _cut(self, why: str = "") -> RecordingCut:
        return RecordingCut(str(self.path), self.good, self.batches, self.records, why)

    def _items(
        self, message: wire.Opened | wire.Batch | Columns | wire.End, payload: memoryview
    ) -> Iterator[Item]:
        if isinstance(message, wire.Opened):
            yield Opened(self._parts.open(payload))
            return
        if (message.stream, message.cpu) not in self._parts:
            return
        if isinstance(message, wire.End):
            yield from self._parts.end(message)
            return
        if isinstance(message, Columns):
            message = wire.Batch(**dataclasses.asdict(message))
            records = unpack(payload, message.count, self._parts.dtype_of(message))
        else:
            records = records_of_payload(message, payload, self._parts.dtype_of(message))
        self.batches, self.records = self.batches + 1, self.records + message.count
        yield from self._parts.batch(message, records)

    def _read(self) -> wire.ReceivedMessage | None:
        """Return the next entry, None if there is no whole one."""
        start = self._file.read(_ENTRY.size)
        if len(start) < _ENTRY.size:
            return None
        checksum, header_size, payload_size = _ENTRY.unpack(start)
        if header_size > LARGEST_HEADER or payload_size > LARGEST_PAYLOAD:
            return None
        header, payload = self._file.read(header_size), self._file.read(payload_size)
        whole = (len(header), len(payload)) == (header_size, payload_size)
        if not whole or _checksum(start, header, payload) != checksum:
            return None
        try:
            message = wire.decode_header(header, ENTRIES)
        except ProtocolError as error:
            raise self._damaged(error) from error
        self.good += _ENTRY.size + header_size + payload_size
        return wire.ReceivedMessage("", message, memoryview(payload))

    def _damaged(self, error: ProtocolError) -> RecordingError:
        return RecordingError(str(self.path), f"at byte {self.good}: {error}")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def _checksum(entry: bytes, header: Bytes, payload: Bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(header, zlib.crc32(entry[_CHECKED_AT:])))
