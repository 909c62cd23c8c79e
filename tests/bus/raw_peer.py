"""A peer that speaks ZMTP by hand, to do what ZeroMQ does not: it reads only when it is told to."""

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

import zmq

from mttcg_bus.wire import wire

GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01NULL" + bytes(16) + b"\0" + bytes(31)


def frame(flags: int, body: bytes) -> bytes:
    """A frame of ZMTP 3; flags: 1 more, 4 command."""
    if len(body) < 256:
        return bytes([flags, len(body)]) + body
    return bytes([flags | 2]) + struct.pack(">Q", len(body)) + body


class RawPeer:
    """A DEALER, connected to the Unix socket at `path`; `limit`: seconds to wait for anything."""

    def __init__(self, path: str, limit: float) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(limit)
        self.socket.connect(path)
        self.socket.sendall(GREETING)
        ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        self.socket.sendall(frame(4, ready))
        self._read(len(GREETING))
        self._read(self._read(2)[1])  # the other side's READY, after which messages may be sent

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            data += self.socket.recv(count - len(data))
        return data

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def send(self, message: wire.Message) -> bool:
        """Send a message; whether the connection is there."""
        parts = frame(1, b"") + frame(1, wire.encode_header(message)) + frame(0, b"")
        try:
            self.socket.sendall(parts)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def beat(self) -> bool:
        """Send a heartbeat, so that silence is no reason to end the connection."""
        try:
            self.socket.sendall(frame(4, b"\x04PING" + struct.pack(">H", 100)))
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read_to_end(self) -> int:
        """Read until the other side has closed the connection; how many bytes that were."""
        count = 0
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(1 << 20):
                count += len(data)
        return count


def sent_until_full(send: Callable[[], Any], most: int = 2000) -> int:
    """How often something may be sent before there is no room for a while; not `most` times."""
    poller = zmq.Poller()
    for count in range(most):
        for _ in range(5):
            try:
                send()
                break
            except zmq.Again:
                poller.poll(50)
        else:
            return count
    raise AssertionError(f"{most} messages are queued")
