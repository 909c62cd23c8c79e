"""What the supervisor and the publisher tell each other, over a Unix socket that both inherit.

Every message is a length (four bytes, little endian) and a header as in `wire`; descriptors come
along with its bytes (SCM_RIGHTS). The two ends are of the same version and start together, so
nothing here is part of the published protocol.
"""

import array
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mttcg_bus.errors import ProtocolError
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_PAYLOAD

_LENGTH = struct.Struct("<I")
_READ_SIZE = 1 << 20
_DESCRIPTORS_AT_ONCE = 200
"""Below the kernel's limit of 253 (unix(7), SCM_RIGHTS)."""
_FD_BYTES = array.array("i").itemsize
_ANCILLARY = socket.CMSG_SPACE(_DESCRIPTORS_AT_ONCE * _FD_BYTES)


@dataclass(frozen=True)
class Configure(wire.Message):
    """Supervisor: publish these streams; numbers are descriptors that the publisher inherited.

    url: where to bind. run: a RunInfo, plain. streams: {"list": StreamSpecs, plain}.
    rings: {stream: [descriptor by vCPU]}. doorbell: eventfd. space: eventfd by vCPU. stall_ms: how
    long a subscriber with records may acknowledge nothing, 0 for ever. keys: file
    of the publisher's keys, "" for none. allowed: public keys that may connect. controllers: those
    that may give commands, too. control: 1 if the run takes commands. token: what others show if
    there are no keys, "" for nothing.
    """

    TYPE: ClassVar[str] = "configure"
    url: str
    directory: str
    run: dict[str, Any]
    streams: dict[str, Any]
    rings: dict[str, Any]
    doorbell: int
    space: tuple[int, ...]
    stall_ms: int = 0
    keys: str = ""
    allowed: tuple[str, ...] = ()
    controllers: tuple[str, ...] = ()
    control: int = 0
    token: str = ""


@dataclass(frozen=True)
class FinishAll(wire.Message):
    """Supervisor: all rings are closed; end when everybody has everything.

    limit_ms: how long to wait while no subscriber acknowledges anything.
    """

    TYPE: ClassVar[str] = "finish_all"
    limit_ms: int


@dataclass(frozen=True)
class OpenStreams(wire.Message):
    """Supervisor: publish these as well; their rings come along, by stream, then by vCPU.

    streams: {"list": StreamSpecs, plain}. plugins: all that the run has now, as users gave them.
    """

    TYPE: ClassVar[str] = "open_streams"
    streams: dict[str, Any]
    plugins: tuple[str, ...]


@dataclass(frozen=True)
class StreamsOpened(wire.Message):
    """Publisher: whoever subscribes now can have these streams."""

    TYPE: ClassVar[str] = "streams_opened"
    names: tuple[str, ...]


@dataclass(frozen=True)
class EndStreams(wire.Message):
    """Supervisor: the rings of these streams are closed; be done with them, and let them go.

    plugins: all that the run has now, as users gave them.
    """

    TYPE: ClassVar[str] = "end_streams"
    names: tuple[str, ...]
    plugins: tuple[str, ...]


@dataclass(frozen=True)
class StreamEnded(wire.Message):
    """Publisher: everybody has all of this stream, and nothing of it is left here."""

    TYPE: ClassVar[str] = "stream_ended"
    name: str


@dataclass(frozen=True)
class State(wire.Message):
    """Supervisor: answer to `Wanted`; the state is plain data with `counters` and `tables`.

    error: why there is none, "" if there is.
    """

    TYPE: ClassVar[str] = "state"
    question: int
    state: dict[str, Any]
    error: str = ""


@dataclass(frozen=True)
class Wanted(wire.Message):
    """Publisher: somebody wants to know the state of the run."""

    TYPE: ClassVar[str] = "wanted"
    question: int


@dataclass(frozen=True)
class Command(wire.Message):
    """Publisher: somebody who may wants this to be done."""

    TYPE: ClassVar[str] = "command"
    question: int
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Answer(wire.Message):
    """Supervisor: answer to `Command`; the error, or "" and plain data."""

    TYPE: ClassVar[str] = "answer"
    question: int
    error: str
    answer: dict[str, Any]


@dataclass(frozen=True)
class Bound(wire.Message):
    """Publisher: bound, at `url`."""

    TYPE: ClassVar[str] = "bound"
    url: str


@dataclass(frozen=True)
class Failed(wire.Message):
    """Publisher: it ends; `kind` is the name of an AddressError, if it can't bind, or HostLimit.

    wrong: the text of it.
    """

    TYPE: ClassVar[str] = "failed"
    kind: str
    wrong: str


@dataclass(frozen=True)
class Joined(wire.Message):
    """Publisher: a subscriber joined; `subscribers` are there now."""

    TYPE: ClassVar[str] = "joined"
    name: str
    subscribers: int


SILENT = "acknowledged nothing in"
"""What the reason begins with, of a subscriber that was given up."""


@dataclass(frozen=True)
class Left(wire.Message):
    """Publisher: a subscriber left, `lost` records unacknowledged; `subscribers` are there now.

    ledger: where the records went that came by while it was there, by stream.
    """

    TYPE: ClassVar[str] = "left"
    name: str
    reason: str
    lost: int
    subscribers: int
    ledger: dict[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class GarbageSeen(wire.Message):
    """Publisher: so much garbage came by now; see `garbage.Garbage`."""

    TYPE: ClassVar[str] = "garbage"
    messages: int
    packets: int
    connections: int
    orders: int
    excess: int


@dataclass(frozen=True)
class Progress(wire.Message):
    """Publisher, while it finishes: I am here."""

    TYPE: ClassVar[str] = "progress"


@dataclass(frozen=True)
class Finished(wire.Message):
    """Publisher: nothing is left to send or to be acknowledged."""

    TYPE: ClassVar[str] = "finished"


MESSAGES = wire.table_of(
    Configure,
    FinishAll,
    OpenStreams,
    StreamsOpened,
    EndStreams,
    StreamEnded,
    State,
    Wanted,
    Command,
    Answer,
    Bound,
    Failed,
    Joined,
    Left,
    GarbageSeen,
    Progress,
    Finished,
)


class ControlSocket:
    """One end of the control socket; it owns the socket.

    garbage: messages that were dropped, as they say nothing. A length that can't be ends the
    connection, as nobody knows where the next message begins: `closed_by_peer` is set.
    descriptors: those that came, oldest first; whoever reads the messages takes them out.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._received = bytearray()
        self.descriptors: deque[int] = deque()
        self.closed_by_peer = False
        self.garbage = 0

    def fileno(self) -> int:
        """Return the descriptor, readable when `receive` has something."""
        return self._socket.fileno()

    def send(self, message: wire.Message, descriptors: Sequence[int] = ()) -> bool:
        """Send `message` and `descriptors`; if the other end is gone, only note that.

        Whether it is no larger than may be; otherwise nothing is sent.
        """
        header = wire.encode_header(message)
        if len(header) > LARGEST_PAYLOAD:
            return False
        data = _LENGTH.pack(len(header)) + header
        at = 0
        try:
            for first in range(0, len(descriptors), _DESCRIPTORS_AT_ONCE):
                some = list(descriptors[first : first + _DESCRIPTORS_AT_ONCE])
                at += socket.send_fds(self._socket, [data[at : at + 1]], some)
            self._socket.sendall(data[at:])
        except (BrokenPipeError, ConnectionResetError):
            self.closed_by_peer = True
        return True

    def receive(self) -> list[wire.Message]:
        """Return the messages that are complete by now, without waiting."""
        self._read()
        messages = []
        while len(self._received) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._received)
            if length > LARGEST_PAYLOAD:
                self.garbage += 1
                self.closed_by_peer = True
                self._received.clear()
                break
            if len(self._received) < _LENGTH.size + length:
                break
            data = bytes(self._received[_LENGTH.size : _LENGTH.size + length])
            del self._received[: _LENGTH.size + length]
            try:
                messages.append(wire.decode_header(data, MESSAGES, LARGEST_PAYLOAD))
            except ProtocolError:
                self.garbage += 1
        return messages

    def wait(self, seconds: float) -> list[wire.Message]:
        """Return the next messages; none if `seconds` pass or the other end is gone."""
        until = time.monotonic() + seconds
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        while True:
            messages = self.receive()
            left = until - time.monotonic()
            if messages or self.closed_by_peer or left <= 0:
                return messages
            poller.poll(left * 1000)

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def _read(self) -> None:
        try:
            # not socket.recv_fds, which does not pass the flags on
            data, ancillary, _, _ = self._socket.recvmsg(
                _READ_SIZE, _ANCILLARY, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except ConnectionResetError:
            data, ancillary = b"", []
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                whole = len(content) - len(content) % _FD_BYTES
                self.descriptors += array.array("i", content[:whole])
        self._received += data
        self.closed_by_peer = not data or self.closed_by_peer
