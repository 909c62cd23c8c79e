"""A subscriber's view of a ring that it borrowed: nothing is copied, nothing can be written."""

import mmap
from typing import Any

import numpy as np

from mttcg_bus.errors import ProtocolError
from mttcg_bus.ring.ring import HEADER_SIZE, Ring
from mttcg_bus.wire.stream import Records


class RingView(Ring):
    """One ring, mapped for reading; its records hold still from a batch to its acknowledgement."""

    def __init__(self, fd: int, dtype: np.dtype[Any]) -> None:
        super().__init__(fd, dtype, mmap.ACCESS_READ)

    def records(self, at: int, count: int) -> Records:
        """Return the `count` records at `at` bytes from the start, in place; they are read-only.

        Raises ProtocolError if the ring has no such records.
        """
        index, rest = divmod(at - HEADER_SIZE, self.slots.dtype.itemsize)
        if index < 0 or rest or index + count > self.capacity:
            raise ProtocolError(f"{count} records at byte {at} of a ring of {self.capacity}")
        return self.slots[index : index + count]
