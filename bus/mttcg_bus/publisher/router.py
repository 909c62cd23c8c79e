"""The publisher's ROUTER socket."""

import contextlib
import errno
import os
import time
from enum import Enum
from pathlib import Path
from typing import TypeAlias

import zmq
from zmq.utils.garbage import gc
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus.errors import AddressInUse, AddressRefused, TokenError
from mttcg_bus.host.limits import check_socket_room
from mttcg_bus.publisher.garbage import Garbage
from mttcg_bus.publisher.peers import Peer, Peers, Unread
from mttcg_bus.wire import wire
from mttcg_bus.wire.address import check_address, check_free, remove_socket
from mttcg_bus.wire.limits import (
    FAREWELL_SECONDS,
    LARGEST_HEADER,
    MOST_CONNECTIONS,
    MOST_UNHEARD,
    UNREAD_SECONDS,
)
from mttcg_bus.wire.plain import Bytes
from mttcg_bus.wire.security import (
    CONTROLLER,
    Guard,
    KeyGuard,
    ServerSecurity,
    TokenGuard,
    read_keys,
)
from mttcg_bus.wire.socket_options import set_common_options
from mttcg_bus.wire.tokens import LeftToken

THREADS = 6
"""What libzmq starts here: for this socket, and for frames that are sent without a copy."""


class Connections:
    """The connections of a socket, of which it counts those that end before both sides spoke ZMTP.

    peers: learns which have ended. monitor: readable when `count` has something to do. most: those
    beyond it are shut down as they come. ZeroMQ does not say whose handshake has
    succeeded; so the oldest one is taken, and of connections that overlap the count is right when
    they have ended.
    """

    EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED

    def __init__(self, socket: "zmq.Socket[bytes]", peers: Peers) -> None:
        self.monitor = socket.get_monitor_socket(self.EVENTS)
        self._peers = peers
        self._open: dict[int, Peer] = {}  # by descriptor, the oldest first
        self._waiting: dict[int, None] = {}  # descriptors, the oldest first
        self._count = 0
        self.most = MOST_CONNECTIONS

    def count(self) -> int:
        """Take in what has happened, and return how many there were by now."""
        with contextlib.suppress(zmq.Again):
            while True:
                event = recv_monitor_message(self.monitor, zmq.NOBLOCK)
                self._note(event["event"], event["value"])
        while len(self._open) > self.most:
            self._open.popitem()[1].disconnect()
        return self._count

    def _note(self, event: int, descriptor: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._open[descriptor] = Peer.at(descriptor)
            self._waiting[descriptor] = None
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED and self._waiting:
            del self._waiting[next(iter(self._waiting))]
        elif event == zmq.EVENT_DISCONNECTED:
            self._open.pop(descriptor, None)
            self._peers.gone(descriptor)
            if descriptor in self._waiting:
                del self._waiting[descriptor]
                self._count += 1


Payload: TypeAlias = "Bytes | zmq.Frame"


def frame_of(data: memoryview) -> "zmq.Frame":
    """Copy `data` into a frame that any number of messages share."""
    return zmq.Frame(data, copy=True)


class Posted(Enum):
    """What became of a message: it is queued, there is no room for it, or no peer."""

    QUEUED = "queued"
    FULL = "full"
    GONE = "gone"


NO_ROOM = "no room for the answer: it is too large, or others were not read yet"
_NOT_POSTED = {errno.EAGAIN: Posted.FULL, errno.EHOSTUNREACH: Posted.GONE}


class Router:
    """A bound ROUTER socket; `url` is its address with the port that was chosen.

    directory: of `private_address`, removed with the socket; None if the user chose the address.
    security: whom to accept. token: what others show if there is no security, "" for nothing; it is
    left where they find it. guard: its doorman, to be polled.
    connections: counts those of whom does not speak the protocol; its monitor is to be polled.
    peers: everybody connected that has sent something. garbage: counts what went beyond a bound,
    and is the caller's for what else there is.
    Raises AddressRefused, AddressInUse, KeyFileError, TokenError.
    """

    def __init__(
        self,
        url: str,
        directory: Path | None,
        security: ServerSecurity | None = None,
        token: str = "",
    ) -> None:
        keys = read_keys(security.file) if security is not None else None
        checked = check_address(url, secured=security is not None)
        check_free(url)
        self._directory = directory
        check_socket_room(threads=THREADS)
        gc.start()  # now, and not when the first message is sent: without room it ends the process
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        set_common_options(self.socket, checked, LARGEST_HEADER, MOST_UNHEARD)
        self.guard: Guard | None = None
        if security is not None and keys is not None:
            controllers = [keys.public, *security.controllers]
            self.guard = KeyGuard(self._context, keys, security.allowed, controllers)
        elif token:
            self.guard = TokenGuard(self._context, token)
        if self.guard is not None:
            self.guard.protect(self.socket)
        self.socket.set(zmq.ROUTER_MANDATORY, True)
        self.peers, self.garbage = Peers(), Garbage()
        self.connections = Connections(self.socket, self.peers)
        os.umask(0o077)  # the socket file is for this user alone
        try:
            self.socket.bind(checked)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            if error.errno == errno.EADDRINUSE:
                raise AddressInUse(url, "somebody else is bound to it") from error
            raise AddressRefused(url, f"can't bind: {error.strerror}") from error
        self.url = self.socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")
        try:
            self._token = LeftToken(self.url, token) if token else None
        except TokenError:
            self._context.destroy(linger=0)
            raise

    def post(self, identity: bytes, head: tuple[bytes, bytes], payload: Payload) -> Posted:
        """Queue a message for one peer."""
        try:
            self.socket.send(identity, zmq.SNDMORE | zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in _NOT_POSTED:
                return _NOT_POSTED[error.errno]
            raise
        self.socket.send(head[0], zmq.SNDMORE)
        for part, flags in ((head[1], zmq.SNDMORE), (payload, 0)):
            # the bytes of a frame are shared by all who get it
            self.socket.send(part, flags, copy=not isinstance(part, zmq.Frame))
        return Posted.QUEUED

    def answer(
        self,
        identity: bytes,
        message: wire.Message,
        payload: bytes = b"",
        seconds: float = UNREAD_SECONDS,
    ) -> Posted:
        """Queue a message that no credit limits, and see that it is read within so many seconds.

        It is FULL also if too many bytes of such messages are queued already. A peer that has too
        many messages to read is disconnected.
        """
        if payload and not self.peers.has_room(identity, len(payload)):
            self.garbage.excess += 1
            return Posted.FULL
        head, header = wire.encode("", message)
        last = zmq.Frame(payload or header, copy=False, track=True)
        parts = ((head, header), last) if payload else ((head, last), b"")
        posted = self.post(identity, *parts)
        if posted is Posted.QUEUED and not last.tracker.done:
            unread = Unread(len(payload), last.tracker, time.monotonic() + seconds)
            self.peers.queued(identity, unread)
        elif posted is Posted.FULL:
            self.garbage.excess += 1
            self.peers.disconnect(identity)
        return posted

    def farewell(self, identity: bytes, reason: str) -> None:
        """Say goodbye to a peer, which is disconnected if it does not read that soon."""
        self.answer(identity, wire.Goodbye(reason), seconds=FAREWELL_SECONDS)

    def disconnect_late(self, now: float) -> list[bytes]:
        """Shut down the connections of those who read nothing; their identities."""
        late = list(self.peers.late(now))
        for identity in late:
            self.peers.disconnect(identity)
        return late

    def receive(self) -> "list[zmq.Frame] | None":
        """Return the identity and the frames of the next message, None if none has come."""
        try:
            return self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None

    def may_control(self, frame: zmq.Frame) -> bool:
        """Whether who sent a frame may control the run: without keys, whoever gets here."""
        if self.guard is None:
            return True
        try:
            return frame.get("User-Id") == CONTROLLER.decode()
        except zmq.ZMQError:  # a connection that the guard gave no name
            return False

    def close(self, linger_seconds: float) -> None:
        """Close the socket, waiting so long for queued messages to go out; remove its file."""
        self._context.destroy(linger=int(linger_seconds * 1000))
        with contextlib.suppress(OSError):  # the supervisor removes what stays
            remove_socket(self.url, self._directory)
        if self._token is not None:
            self._token.remove()
