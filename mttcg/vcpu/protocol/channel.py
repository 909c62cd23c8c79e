"""Messages between the supervisor, the vCPU host and the vCPUs: JSON, with file descriptors."""

import select
import socket
import time
from collections.abc import Sequence

from mttcg.vcpu.protocol.message import MessageError, ProcessMessage
from mttcg.vcpu.protocol.messages import decode, encode

LARGEST = 1 << 17
DESCRIPTORS_A_MESSAGE = 200
"""Below the kernel's limit of 253 (unix(7), SCM_RIGHTS)."""


class Channel:
    """One end of a Unix socket that keeps message boundaries."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    @staticmethod
    def pair() -> "tuple[Channel, Channel]":
        """Two connected ends."""
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return Channel(one), Channel(other)

    def fileno(self) -> int:
        """Descriptor, for a poll loop."""
        return self.end.fileno()

    def send(self, message: ProcessMessage, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors that it names follow in messages of their own.

        Raises OSError if the other end is gone.
        """
        named = message.descriptors_along
        if len(named) != len(descriptors):
            wrong = f"{len(descriptors)} descriptors come along"
            raise MessageError(message.TYPE, wrong, f"{len(named)}: {', '.join(named)}")
        text = encode(message)
        parts = [text[i : i + LARGEST] for i in range(0, len(text), LARGEST)]
        for number, part in enumerate(parts):
            flag = b"\x01" if number == len(parts) - 1 else b"\x00"
            self.end.sendall(flag + part)
        for first in range(0, len(descriptors), DESCRIPTORS_A_MESSAGE):
            some = list(descriptors[first : first + DESCRIPTORS_A_MESSAGE])
            socket.send_fds(self.end, [b"\x02"], some)

    def receive(self) -> tuple[ProcessMessage, list[int]] | None:
        """The next message and its descriptors; None if the other end is gone.

        Raises MessageError.
        """
        text = bytearray()
        while True:
            try:
                part = self.end.recv(LARGEST + 1)
            except ConnectionError:
                return None
            if not part:
                return None
            text += part[1:]
            if part[0]:
                break
        message = decode(text)
        descriptors: list[int] = []
        while len(descriptors) < len(message.descriptors_along):
            mark, some, _, _ = socket.recv_fds(self.end, 1, DESCRIPTORS_A_MESSAGE)
            if not mark:
                return None
            descriptors += some
        return message, descriptors

    def has_something(self) -> bool:
        """Whether `receive` would not wait: there is a message, or the other end is gone."""
        poller = select.poll()  # takes descriptors of any number, as select(2) does not
        poller.register(self.end, select.POLLIN)
        return bool(poller.poll(0))

    def wait_end(self, until: float) -> None:
        """Wait until the other end is gone, or the monotonic time `until`; messages are dropped."""
        poller = select.poll()
        poller.register(self.end, select.POLLIN)
        while poller.poll(max(0.0, until - time.monotonic()) * 1000):
            if self.receive() is None:
                return

    def close(self) -> None:
        """Close this end."""
        self.end.close()
