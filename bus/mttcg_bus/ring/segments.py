"""How a subscriber on the same host gets at the rings: descriptors over a Unix socket.

The socket has an abstract name (unix(7)) that nobody can guess and that vanishes with the
publisher. Both ends check that the other is a process of the same user; a subscriber names itself
by the ticket from its welcome. Each packet is a header as in `wire`; a ring's descriptor comes with
`lent`, and is open for reading only.
"""

import array
import contextlib
import os
import secrets
import select
import socket
import struct
from collections.abc import Callable, Iterable, Mapping

from mttcg_bus.errors import ProtocolError, RingError
from mttcg_bus.ring.view import RingView
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_PACKET, MOST_LENDING
from mttcg_bus.wire.stream import StreamSpec

_CREDENTIALS = struct.Struct("3i")

Part = tuple[str, int]
"""A stream's name and a vCPU."""
Find = Callable[[str, Part], int]
"""Gives the descriptor of a ring to the holder of a ticket; raises ProtocolError."""


def is_same_user(peer: socket.socket) -> bool:
    """Whether the process at the other end is of this process's user."""
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(found)
    return bool(user == os.geteuid())


class Lender:
    """The publisher's end.

    find: says which ring a ticket is good for. `name` is the socket's, `fileno` is readable when
    `serve` has something to do. garbage: packets that ask for nothing that is lent.
    """

    def __init__(self, find: Find) -> None:
        self._find = find
        self.garbage = 0
        self.name = f"mttcg-{secrets.token_hex(16)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
        self._socket.bind(f"\0{self.name}")
        self._socket.listen()
        self._peers: dict[int, socket.socket] = {}
        self._epoll = select.epoll()
        self._epoll.register(self._socket, select.EPOLLIN)

    def fileno(self) -> int:
        """Return the descriptor to poll."""
        return self._epoll.fileno()

    def serve(self) -> None:
        """Answer whoever is there, without waiting."""
        for fd, _ in self._epoll.poll(0):
            if fd == self._socket.fileno():
                self._accept()
            elif not self._answer(self._peers[fd]):
                self._epoll.unregister(fd)
                self._peers.pop(fd).close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it went away again, or we have no descriptor left
            peer, _ = self._socket.accept()
            if len(self._peers) == MOST_LENDING or not is_same_user(peer):
                peer.close()
                return
            peer.setblocking(False)
            self._peers[peer.fileno()] = peer
            self._epoll.register(peer, select.EPOLLIN)

    def _answer(self, peer: socket.socket) -> bool:
        """Answer one packet; return whether the peer stays."""
        try:
            packet = peer.recv(LARGEST_PACKET)
            return bool(packet) and self._lend(peer, packet)
        except ProtocolError as error:
            self.garbage += 1
            with contextlib.suppress(OSError):
                peer.send(wire.encode_header(wire.Refused(str(error))))
            return False
        except OSError:
            return False

    def _lend(self, peer: socket.socket, packet: bytes) -> bool:
        asked = wire.decode_header(packet)
        if not isinstance(asked, wire.Borrow):
            raise ProtocolError("expected borrow")
        ring = self._find(asked.ticket, (asked.stream, asked.cpu))
        answer = wire.encode_header(wire.Lent(asked.stream, asked.cpu))
        readable = os.open(f"/proc/self/fd/{ring}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            socket.send_fds(peer, [answer], [readable])
        finally:
            os.close(readable)
        return True

    def close(self) -> None:
        """Close every connection and the socket."""
        for peer in (*self._peers.values(), self._socket):
            peer.close()
        self._epoll.close()


def borrow(
    welcome: wire.Welcome, parts: Iterable[Part], streams: Mapping[str, StreamSpec], seconds: float
) -> dict[Part, RingView]:
    """Return views of the rings of `parts`, of none that the publisher does not lend.

    A publisher elsewhere, or of another user, lends none; then the records come as bytes.
    """
    views: dict[Part, RingView] = {}
    if not welcome.segments:
        return views
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as lender:
        lender.settimeout(seconds)
        with contextlib.suppress(OSError, ProtocolError, RingError):
            lender.connect(f"\0{welcome.segments}")
            if is_same_user(lender):
                for part in parts:
                    views[part] = _borrow_one(lender, welcome.ticket, part, streams[part[0]])
    return views


def _borrow_one(lender: socket.socket, ticket: str, part: Part, spec: StreamSpec) -> RingView:
    lender.send(wire.encode_header(wire.Borrow(ticket, *part)))
    packet, ancillary, _, _ = lender.recvmsg(
        LARGEST_PACKET, socket.CMSG_SPACE(array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
    )
    fds = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    try:
        if wire.decode_header(packet) != wire.Lent(*part) or len(fds) != 1:
            raise ProtocolError("the publisher lends something else")
        return RingView(fds[0], spec.dtype)
    finally:
        for fd in fds:
            os.close(fd)
