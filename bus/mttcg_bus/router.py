"""The publisher's ROUTER socket."""

import contextlib
import errno
import os
from pathlib import Path
from typing import TypeAlias

import zmq
from zmq.utils.monitor import recv_monitor_message

from mttcg_bus.address import check_address, check_free, remove_socket
from mttcg_bus.errors import AddressInUse, AddressRefused
from mttcg_bus.security import CONTROLLER, Guard, ServerSecurity, read_keys
from mttcg_bus.wire import LARGEST_HEADER, Bytes

BEAT_MILLISECONDS = 1000
SILENCE_MILLISECONDS = 10_000
"""A peer whose connection stays silent for this long (ZMTP heartbeats) is gone."""


def set_common_options(socket: "zmq.Socket[bytes]", address: str, largest: int) -> None:
    """Set what both ends need, before bind or connect to `address`.

    Queues have no limit by number of messages: credit in bytes limits them. `largest`: bytes of a
    frame that this end accepts; a peer that sends more is disconnected.
    """
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    socket.set(zmq.MAXMSGSIZE, largest)
    socket.set(zmq.HEARTBEAT_IVL, BEAT_MILLISECONDS)
    socket.set(zmq.HEARTBEAT_TIMEOUT, SILENCE_MILLISECONDS)
    socket.set(zmq.HEARTBEAT_TTL, SILENCE_MILLISECONDS)
    socket.set(zmq.IPV6, "[" in address)


class RefusedConnections:
    """Counts the connections of a socket that end before both sides have spoken ZMTP.

    monitor: readable when `count` has something to do. ZeroMQ does not say whose handshake has
    succeeded; so the oldest one is taken, and of connections that overlap the count is right when
    they have ended.
    """

    EVENTS = zmq.EVENT_ACCEPTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED

    def __init__(self, socket: "zmq.Socket[bytes]") -> None:
        self.monitor = socket.get_monitor_socket(self.EVENTS)
        self._waiting: dict[int, None] = {}  # descriptors, the oldest first
        self._count = 0

    def count(self) -> int:
        """Take in what has happened, and return how many there were by now."""
        with contextlib.suppress(zmq.Again):
            while True:
                event = recv_monitor_message(self.monitor, zmq.NOBLOCK)
                self._note(event["event"], event["value"])
        return self._count

    def _note(self, event: int, descriptor: int) -> None:
        if event == zmq.EVENT_ACCEPTED:
            self._waiting[descriptor] = None
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED and self._waiting:
            del self._waiting[next(iter(self._waiting))]
        elif event == zmq.EVENT_DISCONNECTED and descriptor in self._waiting:
            del self._waiting[descriptor]
            self._count += 1


Payload: TypeAlias = "Bytes | zmq.Frame"


def frame_of(data: memoryview) -> "zmq.Frame":
    """Copy `data` into a frame that any number of messages share."""
    return zmq.Frame(data, copy=True)


class Router:
    """A bound ROUTER socket; `url` is its address with the port that was chosen.

    directory: of `private_address`, removed with the socket; None if the user chose the address.
    security: whom to accept, None for all who reach the address. guard: its doorman, to be polled.
    refused: counts connections of those who do not speak the protocol; its monitor is to be polled.
    Raises AddressRefused, AddressInUse, KeyFileError.
    """

    def __init__(
        self, url: str, directory: Path | None, security: ServerSecurity | None = None
    ) -> None:
        keys = read_keys(security.file) if security is not None else None
        checked = check_address(url, secured=security is not None)
        check_free(url)
        self._directory = directory
        self._context = zmq.Context()
        self.socket: zmq.Socket[bytes] = self._context.socket(zmq.ROUTER)
        set_common_options(self.socket, checked, LARGEST_HEADER)
        self.guard: Guard | None = None
        if security is not None and keys is not None:
            controllers = [keys.public, *security.controllers]
            self.guard = Guard(self._context, security.allowed, controllers)
            self.guard.protect(self.socket, keys)
        self.socket.set(zmq.ROUTER_MANDATORY, True)
        self.refused = RefusedConnections(self.socket)
        os.umask(0o077)  # the socket file is for this user alone
        try:
            self.socket.bind(checked)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            if error.errno == errno.EADDRINUSE:
                raise AddressInUse(url, "somebody else is bound to it") from error
            raise AddressRefused(url, f"can't bind: {error.strerror}") from error
        self.url = self.socket.get_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def post(self, identity: bytes, head: tuple[bytes, bytes], payload: Payload) -> bool:
        """Queue a message for one peer; return False if it is not connected any more."""
        try:
            self.socket.send(identity, zmq.SNDMORE)
        except zmq.ZMQError as error:
            if error.errno == errno.EHOSTUNREACH:
                return False
            raise
        self.socket.send(head[0], zmq.SNDMORE)
        self.socket.send(head[1], zmq.SNDMORE)
        if isinstance(payload, zmq.Frame):
            self.socket.send(payload, copy=False)  # its bytes are shared by all who get it
        else:
            self.socket.send(payload)
        return True

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
