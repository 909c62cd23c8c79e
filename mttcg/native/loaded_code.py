"""Machine code that was kept, mapped into this process by the host's own calls: without LLVM."""

import ctypes
import mmap
import os
from typing import Any

from mttcg.memory.address import HostAddress
from mttcg.memory.page import PAGE

READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
READ_EXECUTE = mmap.PROT_READ | mmap.PROT_EXEC
FAILED = ctypes.c_void_p(-1).value


def map_code(code: bytes, writable_at: int) -> HostAddress:
    """Map code, never to be unmapped; its address.

    Args:
        code: with its constants and data, to be placed anywhere.
        writable_at: where its data begins, at the start of a page; 0 if it has none. What comes
            before can be executed, and not written.

    Raises OSError where the host does not let it.
    """
    library = mapping_library()
    size = -(-len(code) // PAGE) * PAGE
    start = library.mmap(None, size, READ_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    if start == FAILED:
        raise _error("mmap")
    ctypes.memmove(start, code, len(code))
    if library.mprotect(start, writable_at or size, READ_EXECUTE):
        raise _error("mprotect")
    return HostAddress(start)


def mapping_library() -> Any:
    """The C library, with mmap(2) and mprotect(2) as they are called here."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [
        ctypes.c_void_p,
        ctypes.c_size_t,
        *[ctypes.c_int] * 3,
        ctypes.c_long,
    ]
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return library


def _error(call: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{call}(2) of compiled code: {os.strerror(number)}")
