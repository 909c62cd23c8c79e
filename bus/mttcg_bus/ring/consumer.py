"""The consumer's end of a ring, which the publisher holds."""

import os
from typing import Any

import numpy as np

from mttcg_bus.errors import RingError
from mttcg_bus.ring.ring import (
    DELIVERED_WORD,
    HEADER_SIZE,
    LOST_WORD,
    TAIL_WORD,
    WAITING_WORD,
    Ring,
    full_fence,
)
from mttcg_bus.wire.stream import Records


class RingConsumer(Ring):
    """The consumer's end; space_fd: eventfd of the vCPU, written when its producer waits.

    next: number of the record that is taken next. Records from `tail` to there were taken, and
    somebody still reads them in place.
    """

    def __init__(self, fd: int, dtype: np.dtype[Any], space_fd: int) -> None:
        super().__init__(fd, dtype)
        self._space_fd = space_fd
        self.next = self.tail

    @property
    def available(self) -> int:
        """Records that wait to be taken."""
        return self.head - self.next

    def peek(self, most: int | None = None) -> Records:
        """Return the next records in place, up to `most`, up to where the ring wraps.

        The array is read-only; its contents hold until `release`.
        """
        at = self.next & (self.capacity - 1)
        count = min(self.available, self.capacity - at)
        span = self.slots[at : at + (count if most is None else min(count, most))]
        span.flags.writeable = False
        return span

    @property
    def next_at(self) -> int:
        """Offset in bytes, in the segment, of the record that is taken next."""
        return HEADER_SIZE + (self.next & (self.capacity - 1)) * self.slots.dtype.itemsize

    def take(self, count: int) -> None:
        """Go past the next `count` records; their space stays theirs until `release`."""
        self.next += count

    def release(self, count: int) -> None:
        """Give back the space of the oldest `count` records; wake a producer that waits for it.

        Records that were not taken count as taken then.
        """
        tail = self.tail
        if not 0 <= count <= self.head - tail:
            raise RingError(f"release of {count} records; expected at most {self.head - tail}")
        # SAFETY: only the consumer stores tail, done with the bytes; tail, fence, waiting: see ring
        self.words[TAIL_WORD] = tail + count
        self.next = max(self.next, tail + count)
        full_fence()
        wanted = self.words[WAITING_WORD]
        if wanted and self.capacity - (self.head - self.tail) >= wanted:
            os.eventfd_write(self._space_fd, 1)

    def settle(self, delivered: int = 0, lost: int = 0) -> None:
        """Count records as acknowledged by all they were sent to, or as read and not delivered."""
        # SAFETY: only the consumer stores these words
        self.words[DELIVERED_WORD] += delivered
        self.words[LOST_WORD] += lost
