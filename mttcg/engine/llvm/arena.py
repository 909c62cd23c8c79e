"""The code arena: machine code that every vCPU process executes, and the index to it.

One segment, mapped read + write where code is put in and read + execute where it is run; no mapping
is both. Written under the lock, code before the index row that makes it known.
"""

import ctypes
import mmap
from typing import Any

import numpy as np

from mttcg.errors import MttcgError
from mttcg.tbcache.lock import SegmentLock

ROWS = 1 << 16
ROW = np.dtype([("key", "<u8"), ("offset", "<u8")])
HEADER = np.dtype([("used", "<u8"), ("rows", "<u8")])
INDEX_AT = 4096
CODE_AT = INDEX_AT + ROWS * ROW.itemsize
ALIGNMENT = 64


class ArenaMappingError(MttcgError):
    """The host does not let memory be executed."""

    def __init__(self, number: int) -> None:
        super().__init__(
            f"the code arena can't be mapped executable (errno {number}): a policy of the host "
            "(SELinux, seccomp) forbids it; allow it, or run with --engine unicorn"
        )


class ArenaFullError(MttcgError):
    """No room left for code."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the code arena of {size} bytes is full")


class Arena:
    """A process's view of the arena.

    Args:
        descriptor: the segment.
        size: its bytes.
    """

    def __init__(self, descriptor: int, size: int) -> None:
        self.size = size
        self.lock = SegmentLock(descriptor)
        self.memory = memoryview(mmap.mmap(descriptor, size))
        self.header = np.frombuffer(self.memory, HEADER, 1)
        self.rows = np.frombuffer(self.memory, ROW, ROWS, INDEX_AT)
        self.code = self._map_executable(descriptor, size)

    @staticmethod
    def _map_executable(descriptor: int, size: int) -> int:
        library = ctypes.CDLL(None, use_errno=True)
        library.mmap.restype = ctypes.c_void_p
        library.mmap.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            *[ctypes.c_int] * 3,
            ctypes.c_long,
        ]
        protection = mmap.PROT_READ | mmap.PROT_EXEC
        address = library.mmap(None, size, protection, mmap.MAP_SHARED, descriptor, 0)
        if address in (None, ctypes.c_void_p(-1).value):
            raise ArenaMappingError(ctypes.get_errno())
        return int(address)

    def find(self, key: int) -> int | None:
        """Executable address of the code under a key."""
        place = key % ROWS
        while int(self.rows["key"][place]):
            if int(self.rows["key"][place]) == key:
                return self.code + int(self.rows["offset"][place])
            place = (place + 1) % ROWS
        return None

    def put(self, code: bytes) -> int:
        """Put code in; its executable address. Under the lock; raises ArenaFullError."""
        start = max(int(self.header["used"][0]), CODE_AT)
        end = start + -(-len(code) // ALIGNMENT) * ALIGNMENT
        if end > self.size:
            raise ArenaFullError(self.size)
        self.memory[start : start + len(code)] = code
        self.header["used"] = end
        return self.code + start

    def publish(self, key: int, address: int) -> None:
        """Make code known under a key (not 0). Under the lock; raises ArenaFullError."""
        if int(self.header["rows"][0]) >= ROWS - 1:
            raise ArenaFullError(self.size)
        place = key % ROWS
        while int(self.rows["key"][place]):
            place = (place + 1) % ROWS
        self.rows["offset"][place] = address - self.code
        self.rows["key"][place] = key
        self.header["rows"] = int(self.header["rows"][0]) + 1


def address_of(memory: Any) -> int:
    """Host address of a writable buffer."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))
