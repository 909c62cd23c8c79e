"""The network device, with a pair of queues and no offloads (section 5.1 of the specification)."""

from collections.abc import Mapping, Sequence
from enum import IntFlag
from typing import Protocol

from mttcg.hardware.devices.virtio.backend import Model, Served
from mttcg.hardware.devices.virtio.frame_stream import LEAST_FRAME, MOST_FRAME
from mttcg.hardware.devices.virtio.layout import DeviceKind, Feature
from mttcg.hardware.devices.virtio.queue import Chain

RECEIVED, SENT = 0, 1
"""Numbers of the queues: for what the guest receives, and sends."""
QUEUE_SIZE = 256
BUFFERS = 10
"""Where the header says how many buffers a frame is in; older drivers have none of it."""
ONE_BUFFER = (1).to_bytes(2, "little")
ADDRESS_BYTES = 6


class NetworkFeature(IntFlag):
    """Features that are offered (section 5.1.3)."""

    MAC = 1 << 5


class FramePort(Protocol):
    """The other end of the cable."""

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """What is waited for, see `Model.wanted`."""

    def can_send(self) -> bool:
        """Whether a frame may be sent now."""

    def send(self, frame: bytes) -> bool:
        """Send a frame; whether there is somebody to take it."""

    def has_frame(self) -> bool:
        """Whether a frame has come."""

    def frame(self) -> bytes:
        """Take it."""

    def close(self) -> None:
        """The run ends."""


class NetworkDevice(Model):
    """A network interface.

    Args:
        port: the other end of its cable.
        address: of the interface, 6 bytes.
    """

    kind = DeviceKind.NETWORK
    queue_sizes = (QUEUE_SIZE, QUEUE_SIZE)
    features = NetworkFeature.MAC
    input_queue = RECEIVED

    def __init__(self, port: FramePort, address: bytes) -> None:
        self.port, self.address = port, address
        self.lost = [0, 0]
        self.header = bytes(BUFFERS) + ONE_BUFFER

    @property
    def config(self) -> bytes:
        """The beginning of struct virtio_net_config: what the features say that there is."""
        return self.address

    @property
    def dropped(self) -> Sequence[int]:
        """See Model."""
        return self.lost

    def begin(self, features: int) -> None:
        """A driver begins; one without VERSION_1 has a shorter header (section 5.1.6.1)."""
        self.header = bytes(BUFFERS) + (ONE_BUFFER if features & Feature.VERSION_1 else b"")

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """See Model."""
        return self.port.wanted(has_buffers)

    def is_ready(self, queue: int) -> bool:
        """See Model: whether a frame has come, or one may be sent."""
        return self.port.has_frame() if queue == RECEIVED else self.port.can_send()

    def serve(self, queue: int, chain: Chain) -> Served:
        """Send a frame, or fill a buffer with one."""
        return self._send(chain) if queue == SENT else self._receive(chain)

    def close(self) -> None:
        """The run ends."""
        self.port.close()

    def _send(self, chain: Chain) -> Served:
        """Send what is behind the header, which asks for nothing, as nothing was offered."""
        chain.readable.read(len(self.header))
        is_frame = LEAST_FRAME <= chain.readable.left <= MOST_FRAME
        frame = chain.readable.read(chain.readable.left) if is_frame else b""
        taken = bool(frame) and self.port.send(frame)
        self.lost[SENT] += not taken
        return Served(0, failed=not is_frame)

    def _receive(self, chain: Chain) -> Served:
        """Fill the buffer with the next frame that fits; without one it goes back empty."""
        while self.port.has_frame():
            frame = self.port.frame()
            if len(self.header) + len(frame) <= chain.writable.left:
                return Served(chain.writable.write(self.header + frame))
            self.lost[RECEIVED] += 1
        return Served(0)
