"""A piece of a file mapped twice, one copy after the other, so that what wraps around is in one."""

import ctypes
import mmap
import os

from mttcg.memory.address import HostAddress

MAP_FIXED = 0x10
"""mmap(2), on every Linux architecture but Alpha."""
FAILED = ctypes.c_void_p(-1).value


class MappedTwice:
    """Two mappings, shared and writable, that live until they are unmapped.

    Args:
        descriptor: of the file.
        start: of the piece in the file, in bytes: whole pages.
        size: of the piece, in bytes: whole pages.

    Raises OSError.
    """

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._map = library.mmap
        self._map.restype = ctypes.c_void_p
        self._map.argtypes = [
            ctypes.c_void_p,
            ctypes.c_size_t,
            *[ctypes.c_int] * 3,
            ctypes.c_long,
        ]
        anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        # room for both first, so that nothing else comes to lie where the second goes
        self.address = self._place(None, 2 * size, 0, anonymous, -1, 0)
        access = mmap.PROT_READ | mmap.PROT_WRITE
        for address in (self.address, self.address + size):
            self._place(address, size, access, mmap.MAP_SHARED | MAP_FIXED, descriptor, start)

        self._size = 2 * size

    def unmap(self) -> None:
        """Let both go; nobody may have their address any more."""
        library = ctypes.CDLL(None, use_errno=True)
        library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        if library.munmap(self.address, self._size):
            number = ctypes.get_errno()
            raise OSError(number, f"munmap: {os.strerror(number)}")

    def _place(self, *arguments: int | None) -> HostAddress:
        address = self._map(*arguments)
        if address in (None, FAILED):
            number = ctypes.get_errno()
            raise OSError(number, f"mmap: {os.strerror(number)}")
        return HostAddress(address)
