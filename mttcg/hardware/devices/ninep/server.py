"""The server: takes a message apart, has it done, and writes the answer."""

import errno
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from mttcg.hardware.devices.ninep import content, naming, session
from mttcg.hardware.devices.ninep.client import Client, NinepOperation
from mttcg.hardware.devices.ninep.wire import (
    COUNT,
    ERROR,
    HEADER,
    MOST_MESSAGE,
    Fields,
    MalformedError,
    NinepMessage,
)
from mttcg.host_folder import HostFolder

OPERATIONS = {**session.OPERATIONS, **content.OPERATIONS, **naming.OPERATIONS}
ERROR_BYTES = HEADER.size + ERROR.size
"""Of the answer that says what went wrong, the room that any request has to give; as many are
before what was read."""
NO_TAG = (1 << 16) - 1
PLACE = "IQI"
"""Fields of READ, and of WRITE before its data: fid, offset, count."""
PLACE_BYTES = 16


class MessageBytes(Protocol):
    """Bytes that are taken from the front, to be read or written."""

    left: int

    def take(self, size: int) -> Sequence[memoryview]:
        """Take so many, or what there is, as they are in memory."""

    def read(self, size: int) -> bytes:
        """Take and copy so many, or what there is."""

    def write(self, data: bytes) -> int:
        """Take so many and store bytes there; how many."""


class Answered(NamedTuple):
    """Bytes of an answer, and whether it says that the request failed."""

    written: int
    failed: bool = False


class Server:
    """Gives one client a folder.

    Args:
        folder: the folder, in whose names no link is followed.
        may_write: whether the client may change it.
    """

    def __init__(self, folder: HostFolder, *, may_write: bool) -> None:
        self.client = Client(folder, may_write)

    def close(self) -> None:
        """Close all that is open, but the folder."""
        self.client.fids.clear()

    def answer(self, request: MessageBytes, reply: MessageBytes) -> Answered:
        """Answer a request.

        reply: has room for ERROR_BYTES at least.
        """
        head = request.read(HEADER.size)
        if len(head) < HEADER.size:
            return self._refuse(reply, NO_TAG, MalformedError())
        size, kind, tag = HEADER.unpack(head)
        try:
            if not HEADER.size <= size <= self._most(kind):
                raise MalformedError
            if kind == NinepMessage.READ:
                return self._read(request, reply, tag)
            data: bytes = self._done(kind, request, size - HEADER.size)
            if len(data) > reply.left - HEADER.size:
                raise MalformedError
        except OSError as error:
            return self._refuse(reply, tag, error)
        except (ValueError, OverflowError):  # numbers, or names, that the host has none like
            return self._refuse(reply, tag, MalformedError())
        return Answered(reply.write(packed_answer(kind, tag, data)))

    def _most(self, kind: int) -> int:
        return MOST_MESSAGE if kind == NinepMessage.VERSION else self.client.message_bytes

    def _done(self, kind: int, request: MessageBytes, size: int) -> bytes:
        if kind == NinepMessage.WRITE:
            return self._write(request)
        operation: NinepOperation | None = OPERATIONS.get(NinepMessage(kind))
        if operation is None:
            raise MalformedError
        values = Fields(request.read(size)).take(operation.codes)
        return operation.done(self.client, values)

    def _write(self, request: MessageBytes) -> bytes:
        fid, offset, count = Fields(request.read(PLACE_BYTES)).take(PLACE)
        if count > request.left:
            raise MalformedError
        return COUNT.pack(content.write_from(self.client, fid, offset, request.take(count)))

    def _read(self, request: MessageBytes, reply: MessageBytes, tag: int) -> Answered:
        """READ: the file's content goes to where the client wants it."""
        fid, offset, count = Fields(request.read(PLACE_BYTES)).take(PLACE)
        self.client.opened(fid)
        head, most = reply.take(ERROR_BYTES), self.client.message_bytes - ERROR_BYTES
        try:
            views = reply.take(min(count, most))
            done = content.read_into(self.client, fid, offset, views)
        except (OSError, ValueError, OverflowError) as error:
            wrong = error if isinstance(error, OSError) else MalformedError()
            store(head, error_answer(tag, wrong))
            return Answered(ERROR_BYTES, failed=True)
        size = ERROR_BYTES + done
        store(head, HEADER.pack(size, NinepMessage.READ + 1, tag) + COUNT.pack(done))
        return Answered(size)

    def _refuse(self, reply: MessageBytes, tag: int, error: OSError) -> Answered:
        return Answered(reply.write(error_answer(tag, error)), failed=True)


def packed_answer(kind: int, tag: int, data: bytes) -> bytes:
    """The answer to a request of a type, with its fields."""
    return HEADER.pack(HEADER.size + len(data), kind + 1, tag) + data


def error_answer(tag: int, error: OSError) -> bytes:
    """The answer that says what went wrong, by the number that the host has for it."""
    number = error.errno or errno.EIO
    return HEADER.pack(ERROR_BYTES, NinepMessage.ERROR, tag) + ERROR.pack(number)


def store(views: Sequence[memoryview], data: bytes) -> None:
    """Store bytes in memory that was taken; there is as much."""
    at = 0
    for view in views:
        view[:] = data[at : at + len(view)]
        at += len(view)
