"""A driver of a virtio device, in Python, and both halves of the device: all in one process."""

import struct
from collections.abc import Sequence
from typing import Any

from mttcg.hardware.board import DevicePorts
from mttcg.hardware.devices.virtio.backend import BackEnd, Model
from mttcg.hardware.devices.virtio.layout import STATE_BYTES, DeviceStatus, Feature
from mttcg.hardware.devices.virtio.memory import DeviceMemory, Piece
from mttcg.hardware.devices.virtio.queue import Chain, QueuePlace, Virtqueue
from mttcg.hardware.devices.virtio.transport import (
    DEVICE_FEATURES,
    DEVICE_SELECT,
    DRIVER_FEATURES,
    DRIVER_SELECT,
    QUEUE_HALVES,
    QUEUE_NOTIFY,
    QUEUE_READY,
    QUEUE_SELECT,
    QUEUE_SIZE,
    STATUS,
    VirtioMmio,
)
from mttcg.memory.address import Physical
from mttcg.memory.ram import GuestRam

BASE, RAM_BYTES = Physical(0x8000_0000), 1 << 20
DESCRIPTORS, AVAILABLE, USED, DATA = (BASE + offset for offset in (0, 0x1000, 0x2000, 0x1_0000))
SIZE = 16
NEXT, WRITE, INDIRECT = 1, 2, 4


class RecordedLine:
    """A line whose changes are kept."""

    def __init__(self) -> None:
        self.high = False
        self.raised = 0

    def raise_(self) -> None:
        self.raised += not self.high
        self.high = True

    def lower(self) -> None:
        self.high = False


class Bell:
    """A back end that serves as soon as it is notified."""

    def __init__(self) -> None:
        self.backend: BackEnd | None = None

    def ring(self) -> None:
        if self.backend is not None:
            while self.backend.serve():
                pass

    def is_gone(self) -> bool:
        return False


class Rings:
    """The rings in RAM, as a driver writes them."""

    def __init__(self, ram: GuestRam, size: int = SIZE) -> None:
        self.ram, self.size = ram, size
        self.index = self.seen = self.start = 0

    def place(self) -> QueuePlace:
        return QueuePlace(self.size, *map(Physical, (DESCRIPTORS, AVAILABLE, USED)))

    def describe(
        self, number: int, address: int, size: int, flags: int, following: int = 0, at: int = 0
    ) -> None:
        where = Physical((at or DESCRIPTORS + self.start) + 16 * number)
        self.ram.write(where, struct.pack("<QIHH", address, size, flags, following))

    def chain(self, buffers: Sequence[tuple[int, int, bool]], first: int = 0) -> int:
        """Describe a request of buffers: address, bytes, whether the device writes."""
        for number, (address, size, writes) in enumerate(buffers):
            flags = (WRITE if writes else 0) | (NEXT if number + 1 < len(buffers) else 0)
            self.describe(first + number, address, size, flags, first + number + 1)
        return first

    def offer(self, head: int) -> None:
        self.word(self.start + AVAILABLE + 4 + 2 * (self.index % self.size), head)
        self.index += 1
        self.word(self.start + AVAILABLE + 2, self.index & 0xFFFF)

    def word(self, address: int, value: int) -> None:
        self.ram.store(Physical(address), 2, value)

    def flags(self, value: int) -> None:
        self.word(self.start + AVAILABLE, value)

    def wait_for(self, index: int) -> None:
        """Set used_event."""
        self.word(self.start + AVAILABLE + 4 + 2 * self.size, index)

    @property
    def notify_at(self) -> int:
        """avail_event."""
        return self.ram.load(Physical(self.start + USED + 4 + 8 * self.size), 2)

    def done(self) -> list[tuple[int, int]]:
        """What was given back since the last time: heads, and bytes written."""
        found = []
        end = self.ram.load(Physical(self.start + USED + 2), 2)
        while self.seen & 0xFFFF != end:
            at = Physical(self.start + USED + 4 + 8 * (self.seen % self.size))
            found.append(struct.unpack("<II", self.ram.read(at, 8)))
            self.seen += 1
        return found


class Told:
    """Device memory that keeps what it was told of."""

    def __init__(self, ram: GuestRam) -> None:
        self.pieces: list[Piece] = []
        self.memory = DeviceMemory(ram, self.pieces.extend)


def make_queue(event_index: bool = False) -> tuple[Rings, Virtqueue, Told]:
    ram = GuestRam(BASE, memoryview(bytearray(RAM_BYTES)))
    told, rings = Told(ram), Rings(ram)
    return rings, Virtqueue(told.memory, rings.place(), event_index), told


def taken(queue: Virtqueue) -> Chain:
    chain = queue.take()
    assert chain is not None
    return chain


class Machine:
    """A device and its driver; `model` None: a slot without a device."""

    def __init__(self, model: Model | None) -> None:
        self.ram = GuestRam(BASE, memoryview(bytearray(RAM_BYTES)))
        self.told, self.rings = Told(self.ram), Rings(self.ram)
        self.state = memoryview(bytearray(STATE_BYTES))
        self.line, self.bell, self.leaving = RecordedLine(), Bell(), False
        wiring: Any = None
        ports = DevicePorts(wiring, (None,), self.state, self.line, self.bell)
        self.front = VirtioMmio("virtio0", ports)
        if model is not None:
            leaves = lambda: self.leaving  # noqa: E731
            self.bell.backend = BackEnd(model, self.state, self.line, self.told.memory, leaves)

    def read(self, offset: int) -> int:
        return self.front.read(offset, 4)

    def write(self, offset: int, value: int) -> None:
        self.front.write(offset, 4, value)

    def features(self) -> int:
        found = 0
        for half in (0, 1):
            self.write(DEVICE_SELECT, half)
            found |= self.read(DEVICE_FEATURES) << 32 * half
        return found

    def accept(self, features: int) -> bool:
        """Negotiate; whether the device agrees."""
        self.write(STATUS, 0)
        self.write(STATUS, DeviceStatus.ACKNOWLEDGE | DeviceStatus.DRIVER)
        for half in (0, 1):
            self.write(DRIVER_SELECT, half)
            self.write(DRIVER_FEATURES, features >> 32 * half & 0xFFFF_FFFF)
        self.write(STATUS, self.read(STATUS) | DeviceStatus.FEATURES_OK)
        return bool(self.read(STATUS) & DeviceStatus.FEATURES_OK)

    def set_up(self, queue: int = 0, size: int = SIZE, at: int = 0) -> None:
        self.write(QUEUE_SELECT, queue)
        self.write(QUEUE_SIZE, size)
        for offset, (_, bits) in QUEUE_HALVES.items():
            address = at + {8: DESCRIPTORS, 9: AVAILABLE, 0xA: USED}[offset >> 4]
            self.write(offset, address >> 32 if bits >> 32 else address & 0xFFFF_FFFF)
        self.write(QUEUE_READY, 1)

    def begin(self, features: int = Feature.VERSION_1, size: int = SIZE) -> None:
        """Bring the device to work, with one queue."""
        assert self.accept(features)
        self.rings = Rings(self.ram, size)
        self.ram.write(Physical(AVAILABLE), bytes(0x2000))
        self.set_up(size=size)
        self.write(STATUS, self.read(STATUS) | DeviceStatus.DRIVER_OK)

    def request(self, buffers: Sequence[tuple[int, int, bool]]) -> int:
        """Have a request done; bytes that the device says it has written."""
        self.rings.offer(self.rings.chain(buffers))
        self.write(QUEUE_NOTIFY, 0)
        ((_, written),) = self.rings.done()
        return written


class DeviceQueues(Machine):
    """A device of several queues, each with its rings, and buffers that are used once."""

    STRIDE, BUFFERS, BUFFER_BYTES = 0x4000, 0x4_0000, 0x1_1000

    def __init__(self, model: Model, queues: int) -> None:
        super().__init__(model)
        self.count_of_queues = queues
        self.by_queue: list[Rings] = []
        self.sizes: list[dict[int, int]] = []
        self.next_buffer = 0

    @property
    def backend(self) -> BackEnd:
        assert self.bell.backend is not None
        return self.bell.backend

    def start(self, features: int) -> None:
        """Bring the device to work, with all its queues."""
        assert self.accept(features)
        for queue in range(self.count_of_queues):
            rings = Rings(self.ram)
            rings.start = queue * self.STRIDE
            self.by_queue.append(rings)
            self.sizes.append({})
            self.set_up(queue, at=rings.start)
        self.write(STATUS, self.read(STATUS) | DeviceStatus.DRIVER_OK)

    def _buffer(self, size: int) -> int:
        at = BASE + self.BUFFERS + self.next_buffer % 8 * self.BUFFER_BYTES
        assert size <= self.BUFFER_BYTES
        self.next_buffer += 1
        return at

    def put(self, queue: int, parts: Sequence[bytes]) -> None:
        """Send bytes in buffers, and notify."""
        rings, buffers = self.by_queue[queue], []
        at = self._buffer(sum(map(len, parts)))
        for part in parts:
            self.ram.write(Physical(at), part)
            buffers.append((at, len(part), False))
            at += len(part)
        rings.done()
        rings.offer(rings.chain(buffers, first=4 * (rings.index % 4)))
        self.write(QUEUE_NOTIFY, queue)

    def give(self, queue: int, size: int) -> None:
        """Give a buffer to fill, and notify."""
        rings, first = self.by_queue[queue], self.by_queue[queue].index % SIZE
        at = self._buffer(size)
        self.sizes[queue][first] = at
        rings.offer(rings.chain([(at, size, True)], first=first))
        self.write(QUEUE_NOTIFY, queue)

    def got(self, queue: int) -> list[bytes]:
        """What buffers were filled with since the last time."""
        return [
            self.ram.read(Physical(self.sizes[queue][head]), size)
            for head, size in self.by_queue[queue].done()
        ]

    def serve(self) -> None:
        """Something has come from outside."""
        self.bell.ring()

    def wanted(self) -> dict[int, int]:
        """What the device waits for outside."""
        return dict(self.backend.wanted())
