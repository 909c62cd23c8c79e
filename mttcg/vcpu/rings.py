"""The rings of one vCPU, for translated code and for Python."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.instrument import native
from mttcg.instrument.registry import CALLBACK
from mttcg.instrument.targets import Stream
from mttcg.vcpu.patience import Patience
from mttcg_bus import ring
from mttcg_bus.ring import RingProducer, wait_for_space


class Emitters:
    """Producers of a vCPU's rings, made when first used.

    Args:
        cpu: the vCPU.
        ring_fds: descriptor of this vCPU's ring of each stream, by (plugin, name).
        doorbell_fd: eventfd of the publisher.
        space_fd: eventfd of this vCPU, written when there is room again.
        stopping: whether the machine stops.
    """

    def __init__(
        self,
        cpu: int,
        ring_fds: dict[tuple[str, str], int],
        doorbell_fd: int,
        space_fd: int,
        stopping: Callable[[], bool],
    ) -> None:
        self.cpu, self.ring_fds = cpu, ring_fds
        self.patience = Patience(stopping)
        self.doorbell_fd, self.space_fd = doorbell_fd, space_fd
        self.producers: dict[tuple[str, str], RingProducer] = {}
        self.frames: dict[tuple[str, str], Any] = {}
        self.by_number: list[RingProducer] = []
        self.slow = CALLBACK(self._slow)

    def producer(self, stream: Stream) -> RingProducer:
        """The Python end of a stream's ring."""
        key = (stream.plugin, stream.name)
        if key not in self.producers:
            self.producers[key] = RingProducer(
                self.ring_fds[key], stream.dtype, self.doorbell_fd, self.space_fd
            )
        return self.producers[key]

    def append(self, stream: Stream, records: Any) -> None:
        """Put records into a stream's ring, waiting for space."""
        producer = self.producer(stream)
        producer.append(records, self.patience.over(producer))

    def address(self, stream: Stream) -> int:
        """Address of the words that native emitters of a stream use, see `native`."""
        key = (stream.plugin, stream.name)
        if key not in self.frames:
            producer = self.producer(stream)
            frame = np.zeros(native.EMITTER_WORDS, dtype=np.uint64)
            header = ctypes.addressof(ctypes.c_char.from_buffer(producer.words))
            frame[native.RING] = header
            frame[native.RECORDS] = header + ring.HEADER_SIZE
            frame[native.MASK] = producer.capacity - 1
            frame[native.BATCH_MASK] = producer.batch - 1
            frame[native.CPU] = self.cpu
            frame[native.SLOW] = ctypes.cast(self.slow, ctypes.c_void_p).value or 0
            frame[native.SLOW_DATA] = len(self.by_number)
            frame[native.KNOWN_TAIL] = producer.tail
            self.by_number.append(producer)
            self.frames[key] = frame
        return int(self.frames[key].ctypes.data)

    def _slow(self, number: int, asked: int, *_rest: int) -> None:
        producer = self.by_number[number]
        if asked == native.DOORBELL:
            producer.ring_doorbell()
        else:
            wait_for_space(producer, 1, self.patience.over(producer))

    def close(self) -> None:
        """Say on every ring, used or not, that no more will come."""
        for key, descriptor in self.ring_fds.items():
            if key in self.producers:
                self.producers[key].close()
            else:
                ring.mark_closed(descriptor)
