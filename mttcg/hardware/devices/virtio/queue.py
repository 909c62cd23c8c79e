"""Split virtqueues as the device sees them (section 2.7 of the specification).

The rings lie in guest RAM, where a driver on any hart writes the descriptors and the *available*
ring, and the device the *used* ring. All of it is the guest's to get wrong: a ring that makes no
sense is a `QueueError`, after which the device needs a reset.

Order. The driver stores descriptors and entries, then `avail.idx`; here that is loaded first, then
what it announces: x86-64 keeps the order of both (guests with weaker stores use `fence w, w`). The
device writes buffers, then the used entry, then `used.idx`; the driver loads them the other way
round. Where a side stores its index and then loads whether the other wants to be told, a full fence
stands between, on both sides, so that one of the two sees the other's store.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from mttcg.errors import MttcgError
from mttcg.hardware.devices.virtio.memory import Buffers, DeviceMemory, Piece
from mttcg.memory.address import Physical
from mttcg.memory.fence import full_fence
from mttcg.memory.ram import RamAddressError

DESCRIPTOR = struct.Struct("<QIHH")
"""address, length, flags, next (section 2.7.5)."""
USED_ELEMENT = struct.Struct("<II")
NEXT, WRITE, INDIRECT = 1, 2, 4
NO_INTERRUPT = 1
"""Of the flags of the available ring (section 2.7.6)."""
INDEX, RING = 2, 4
"""Where `idx` and the entries are in either ring; the flags come first."""
MOST_IN_CHAIN = 1024
"""Descriptors of one request; drivers keep to the queue's size, but for indirect ones."""
LARGEST_QUEUE = 1 << 15
WRAP = 1 << 16
MOST_TOLD = (1 << 32) - 1
ALIGNMENT = (16, 2, 4)
"""Bytes: of the descriptors, the available and the used ring (section 2.7)."""


class QueueError(MttcgError):
    """A virtqueue of a guest makes no sense.

    Attributes:
        wrong: what is wrong.
    """

    def __init__(self, wrong: str) -> None:
        super().__init__(f"virtqueue: {wrong}")
        self.wrong = wrong


class QueuePlace(NamedTuple):
    """Where a driver has put a queue."""

    size: int
    """Descriptors, a power of two."""
    descriptors: Physical
    driver: Physical
    """The available ring."""
    device: Physical
    """The used ring."""


class Chain(NamedTuple):
    """A request: what the device reads, and where it writes."""

    head: int
    readable: Buffers
    writable: Buffers
    writes: tuple[Piece, ...]
    """All that may be written."""


class Virtqueue:
    """A queue from when a driver made it ready until it is reset.

    Args:
        memory: where it is.
        place: where in it; raises QueueError if it can't be there.
        event_index: whether the driver accepted VIRTIO_F_EVENT_IDX.
        position: how many requests another process has taken and given back, modulo 2^16.
    """

    def __init__(
        self, memory: DeviceMemory, place: QueuePlace, event_index: bool, position: int = 0
    ) -> None:
        self.memory, self.ram, self.place = memory, memory.ram, place
        self.event_index = event_index
        self._next = self._used = self._told = position
        self._check_place()

    @property
    def position(self) -> int:
        """How many requests were given back, modulo 2^16."""
        return self._used

    def _check_place(self) -> None:
        size = self.place.size
        if not 0 < size <= LARGEST_QUEUE or size & size - 1:
            raise QueueError(f"its size is {size}; expected a power of two up to {LARGEST_QUEUE}")
        extents = (DESCRIPTOR.size * size, RING + 2 * size + 2, RING + 8 * size + 2)
        for address, extent, alignment in zip(self.place[1:], extents, ALIGNMENT, strict=True):
            if address % alignment or not self.ram.range.holds(Physical(address), extent):
                raise QueueError(f"{extent} bytes at {address:#x} are not in RAM, or not aligned")

    def take(self) -> Chain | None:
        """The next request, None if there is none; raises QueueError."""
        # written by the driver; loaded before the entry, and that before the descriptors
        place, index = self.place, self._load(self.place.driver + INDEX)
        waiting = (index - self._next) % WRAP
        if waiting > place.size:
            raise QueueError(f"{waiting} requests are available in a queue of {place.size}")
        if not waiting:
            return None
        head = self._load(place.driver + RING + 2 * (self._next % place.size))
        self._next = (self._next + 1) % WRAP
        return self._chain(head)

    def rearm(self) -> bool:
        """Ask to be notified of more, when there was no more; whether there is some by now."""
        if not self.event_index:
            return False  # the flag that would say otherwise is never set
        # avail_event, behind the used ring; the driver loads it after it stored avail.idx
        used_end = self.place.device + RING + 8 * self.place.size
        self._store(used_end, self._next)
        full_fence()
        return self._load(self.place.driver + INDEX) != self._next

    def give_back(self, chain: Chain, written: int) -> None:
        """Tell the driver that a request is done, and how many bytes were written for it."""
        at = Physical(self.place.device + RING + 8 * (self._used % self.place.size))
        # the guest learns of the bytes by used.idx: all stores to them are made, and told of
        self.memory.wrote(chain.writes)
        self.ram.write(at, USED_ELEMENT.pack(chain.head, min(written, MOST_TOLD)))
        self._used = (self._used + 1) % WRAP
        self._store(self.place.device + INDEX, self._used)

    def wants_interrupt(self) -> bool:
        """Whether the driver is to be told of what was given back since this was asked last."""
        full_fence()  # used.idx is seen before what the driver wants is loaded
        told, self._told = self._told, self._used
        if told == self._used:
            return False
        if not self.event_index:
            return not self._load(self.place.driver) & NO_INTERRUPT
        event = self._load(self.place.driver + RING + 2 * self.place.size)
        # section 2.7.7.2: the index that was passed is the one that was waited for
        return (self._used - event - 1) % WRAP < (self._used - told) % WRAP

    def _chain(self, head: int) -> Chain:
        reads: list[Piece] = []
        writes: list[Piece] = []
        for count, (address, size, flags) in enumerate(self._descriptors(head)):
            if count >= MOST_IN_CHAIN:
                raise QueueError(f"a request has more than {MOST_IN_CHAIN} descriptors")
            if not flags & WRITE and writes:
                raise QueueError("a descriptor to be read comes behind one to be written")
            if not self.ram.range.holds(Physical(address), size):
                raise QueueError(f"a buffer of {size} bytes at {address:#x} is not in RAM")
            (writes if flags & WRITE else reads).append(Piece(Physical(address), size))
        return Chain(head, Buffers(self.ram, reads), Buffers(self.ram, writes), tuple(writes))

    def _descriptors(self, head: int) -> Iterator[tuple[int, int, int]]:
        """Address, size and flags of each descriptor; who asks bounds how many."""
        table, entries, index, nested = self.place.descriptors, self.place.size, head, False
        while True:
            if index >= entries:
                raise QueueError(f"descriptor {index} of {entries}")
            at = Physical(table + DESCRIPTOR.size * index)
            address, size, flags, following = DESCRIPTOR.unpack(self._read(at, DESCRIPTOR.size))
            if flags & INDIRECT:
                if nested or flags & NEXT or not size or size % DESCRIPTOR.size:
                    raise QueueError(f"an indirect descriptor of {size} bytes, flags {flags:#x}")
                table, entries, index = Physical(address), size // DESCRIPTOR.size, 0
                nested = True
                continue
            yield address, size, flags
            if not flags & NEXT:
                return
            index = following

    def _read(self, address: Physical, size: int) -> bytes:
        try:
            return self.ram.read(address, size)
        except RamAddressError as error:
            raise QueueError(str(error)) from error

    def _load(self, address: int) -> int:
        """A 16-bit value, in one load."""
        return self.ram.load(Physical(address), 2)

    def _store(self, address: int, value: int) -> None:
        self.ram.store(Physical(address), 2, value)
