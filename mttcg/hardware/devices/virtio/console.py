"""The console device, with one port (section 5.3 of the specification)."""

import select
import struct
from collections.abc import Callable, Mapping
from enum import IntFlag
from typing import Any, NamedTuple, Protocol

from mttcg.hardware.devices.virtio.backend import NOTHING_WANTED, Model, Served
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain

RECEIVED, SENT = 0, 1
"""Numbers of the queues: for what the guest receives, and sends."""
QUEUE_SIZE = 64
MOST_BYTES = 4096
"""Of input at a time; what the guest takes no buffers for stays where it is."""
CONFIG = struct.Struct("<HHII")
"""struct virtio_console_config: columns, rows, ports, emergency write."""


class ConsoleFeature(IntFlag):
    """Features that are offered (section 5.3.3)."""

    SIZE = 1 << 0


class WindowSize(NamedTuple):
    """Of a terminal, in characters."""

    columns: int
    rows: int


class ConsoleStream(Protocol):
    """The other end of the console."""

    @property
    def input(self) -> int:
        """The descriptor that is readable when there is input, or no more will come."""

    def send(self, data: bytes) -> None:
        """Show bytes; takes as long as who shows them takes."""

    def read(self, size: int) -> bytes | None:
        """Take so much of the input, or what there is; b"" at its end, None if none waits."""


class ConsoleDevice(Model):
    """A console.

    Args:
        stream: its other end.
        window_size: of the terminal that it is shown on, which may change; None if it is on none.
    """

    kind = DeviceKind.CONSOLE
    queue_sizes = (QUEUE_SIZE, QUEUE_SIZE)
    input_queue = RECEIVED
    ends_late = True

    def __init__(self, stream: ConsoleStream, window_size: Callable[[], WindowSize | None]) -> None:
        self.stream, self.window_size = stream, window_size
        self.features = ConsoleFeature.SIZE if window_size() is not None else 0
        self._kept = b""
        self._ended = False

    @property
    def config(self) -> bytes:
        """struct virtio_console_config (section 5.3.4)."""
        size = self.window_size() or WindowSize(0, 0)
        return CONFIG.pack(size.columns, size.rows, 1, 0)

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """See Model: input, until its end."""
        if self._kept or self._ended or not has_buffers:
            return NOTHING_WANTED
        return {self.stream.input: select.POLLIN}

    def kept(self) -> dict[str, Any]:
        """See Model: input that was taken, and for which the guest had no room yet."""
        return {"input": self._kept.hex()}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """See Model."""
        self._kept = bytes.fromhex(kept["input"])

    def is_ready(self, queue: int) -> bool:
        """See Model: whether there is input."""
        if queue == RECEIVED and not self._kept and not self._ended:
            data = self.stream.read(MOST_BYTES)
            self._kept, self._ended = data or b"", data == b""
        return queue == SENT or bool(self._kept)

    def serve(self, queue: int, chain: Chain) -> Served:
        """Fill a buffer with input, or show what is in one."""
        if queue == SENT:
            for view in chain.readable.take(chain.readable.left):
                self.stream.send(bytes(view))
            return Served(0)
        written = chain.writable.write(self._kept)
        self._kept = self._kept[written:]
        return Served(written)
