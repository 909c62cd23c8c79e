"""The rings of one vCPU, for translated code and for Python."""

import ctypes
import itertools
import os
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from mttcg.instrument.api.targets import Stream
from mttcg.instrument.native import frames, operations
from mttcg.instrument.plan.registry import CALLBACK
from mttcg.memory.address import HostAddress
from mttcg.memory.host import address_of_array, address_of_buffer, address_of_function
from mttcg.vcpu.instrumentation.patience import Patience
from mttcg.vcpu.instrumentation.twice import MappedTwice
from mttcg_bus.ring import ring
from mttcg_bus.ring.ring import RingProducer, wait_for_space


class Emitters:
    """Producers of a vCPU's rings, made when first used.

    Args:
        cpu: the vCPU.
        ring_fds: descriptor of this vCPU's ring of each stream, by (plugin, name).
        doorbell_fd: eventfd of the publisher.
        space_fd: eventfd of this vCPU, written when there is room again.
        stopping: whether the machine stops.
        context: where the hart's context is; None: it has none.
    """

    def __init__(
        self,
        cpu: int,
        ring_fds: dict[tuple[str, str], int],
        doorbell_fd: int,
        space_fd: int,
        stopping: Callable[[], bool],
        context: HostAddress | None = None,
    ) -> None:
        self.cpu, self.ring_fds = cpu, ring_fds
        self.patience = Patience(stopping)
        self.doorbell_fd, self.space_fd = doorbell_fd, space_fd
        self.producers: dict[tuple[str, str], RingProducer] = {}
        self.frames: dict[tuple[str, str], Any] = {}
        self.numbers = itertools.count()
        self.by_number: dict[int, RingProducer] = {}
        self.behind: dict[tuple[str, str], tuple[int, MappedTwice, Any]] = {}
        self.slow = CALLBACK(self._slow)
        self.write = ctypes.CDLL(None).write
        self.no_context = np.zeros(1, dtype=np.uint64)
        self.context = address_of_array(self.no_context) if context is None else context
        self.one = np.ones(1, dtype=np.uint64)  # what an eventfd takes

    @cached_property
    def close_window(self) -> Any:
        """Count what is in a window, see `emitters`."""
        return CALLBACK(operations.windows()["close"])

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
        self.flush()
        producer = self.producer(stream)
        producer.append(records, self.patience.over(producer))

    def address(self, stream: Stream) -> HostAddress:
        """Address of the words that native emitters of a stream use, see `emitters`."""
        key = (stream.plugin, stream.name)
        if key not in self.frames:
            producer = self.producer(stream)
            frame = np.zeros(frames.EMITTER_WORDS, dtype=np.uint64)
            size = producer.capacity * stream.dtype.itemsize
            records = MappedTwice(self.ring_fds[key], ring.HEADER_SIZE, size)
            scratch = np.zeros(frames.MOST_RECORDS, dtype=stream.dtype)
            frame[frames.RING] = address_of_buffer(producer.words)
            frame[frames.RECORDS] = records.address
            frame[frames.MASK] = producer.capacity - 1
            frame[frames.BATCH_MASK] = producer.batch - 1
            frame[frames.ITEMSIZE] = stream.dtype.itemsize
            frame[frames.CPU] = self.cpu
            frame[frames.CONTEXT] = self.context
            frame[frames.SCRATCH] = address_of_array(scratch)
            frame[frames.SLOW] = (
                operations.windows()["wait_for_nothing"]
                if producer.drops
                else address_of_function(self.slow)
            )
            number = next(self.numbers)
            frame[frames.SLOW_DATA] = number
            frame[frames.WRITE] = address_of_function(self.write)
            frame[frames.DOORBELL] = self.doorbell_fd
            frame[frames.ONE] = address_of_array(self.one)
            self.by_number[number] = producer
            self.behind[key] = number, records, scratch
            self.frames[key] = frame
        return address_of_array(self.frames[key])

    def flush(self) -> None:
        """Let everything that was recorded be seen."""
        for frame in self.frames.values():
            if frame[frames.CURSOR]:
                self.close_window(address_of_array(frame), 0, 0, 0, 0, 0)

    def _slow(self, number: int, count: int, *_rest: int) -> None:
        producer = self.by_number[number]
        wait_for_space(producer, count, self.patience.over(producer))

    def close(self) -> None:
        """Say on every ring, used or not, that no more will come."""
        self.flush()
        for key in self.ring_fds:
            self._close(key)

    def _close(self, key: tuple[str, str]) -> None:
        if key in self.producers:
            self.producers[key].close()
        else:
            ring.mark_closed(self.ring_fds[key])

    def drop(self, plugin: str) -> None:
        """Close a plugin's rings and let go of all that is mapped of them.

        Nothing native may have the address of one of its emitters any more.
        """
        self.flush()
        for key in [key for key in self.ring_fds if key[0] == plugin]:
            self._close(key)
            self.frames.pop(key, None)
            if key in self.behind:
                number, records, _scratch = self.behind.pop(key)
                del self.by_number[number]
                records.unmap()
            if key in self.producers:
                self.producers.pop(key).unmap()
            os.close(self.ring_fds.pop(key))
        os.eventfd_write(self.doorbell_fd, 1)
