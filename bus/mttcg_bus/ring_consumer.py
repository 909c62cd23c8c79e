"""The consumer's end of a ring, which the publisher holds."""

import os
from typing import Any

import numpy as np

from mttcg_bus.errors import RingError
from mttcg_bus.ring import DELIVERED_AT, LOST_AT, TAIL_AT, WAITING_AT, Ring, full_fence
from mttcg_bus.stream import Records


class RingConsumer(Ring):
    """The consumer's end; space_fd: eventfd of the vCPU, written when its producer waits."""

    def __init__(self, fd: int, dtype: np.dtype[Any], space_fd: int) -> None:
        super().__init__(fd, dtype)
        self._space_fd = space_fd

    @property
    def available(self) -> int:
        """Records that wait to be consumed."""
        return self.head - self.tail

    def peek(self, most: int | None = None) -> Records:
        """Return the next records in place, up to `most`, up to where the ring wraps.

        The array is read-only; its contents hold until `release`.
        """
        head, tail = self.head, self.tail
        at = tail & (self.capacity - 1)
        count = min(head - tail, self.capacity - at)
        span = self.slots[at : at + (count if most is None else min(count, most))]
        span.flags.writeable = False
        return span

    def release(self, count: int) -> None:
        """Give the space of the next `count` records back, and wake the producer if it waits."""
        tail = self.tail
        if not 0 <= count <= self.head - tail:
            raise RingError(f"release of {count} records; expected at most {self.head - tail}")
        # SAFETY: only the consumer stores tail, done with the bytes; tail, fence, waiting: see ring
        self.words[TAIL_AT // 8] = tail + count
        full_fence()
        if self.words[WAITING_AT // 8]:
            os.eventfd_write(self._space_fd, 1)

    def settle(self, delivered: int = 0, lost: int = 0) -> None:
        """Count records as acknowledged by all they were sent to, or as read and not delivered."""
        # SAFETY: only the consumer stores these words
        self.words[DELIVERED_AT // 8] += delivered
        self.words[LOST_AT // 8] += lost
