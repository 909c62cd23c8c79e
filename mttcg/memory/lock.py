"""A lock in shared memory, for Python and native code of any process that maps it."""

import ctypes
import errno
import os
from types import TracebackType

from mttcg.memory.address import HostAddress
from mttcg.memory.host import address_of_buffer

LOCK_BYTES = 64
"""What a lock takes: a line of the cache, and more than pthread_mutex_t has on any Linux."""
ATTRIBUTE_BYTES = 64
PROCESS_SHARED, ROBUST = 1, 1
"""PTHREAD_PROCESS_SHARED and PTHREAD_MUTEX_ROBUST, pthread.h."""


class LockError(OSError):
    """The host refuses a lock."""


class SharedLock:
    """Mutual exclusion between processes (pthread_mutex_lock(3), shared and robust).

    Whoever dies as its holder passes it on, and what it guards as it was then: a machine that has
    lost a process ends, and until then nobody waits for ever.

    Args:
        memory: LOCK_BYTES of it, at a multiple of 8; one process calls `prepare` before any other
            uses it.
    """

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory  # kept alive
        self.place = address_of_buffer(memory)
        self.mutex = ctypes.c_void_p(self.place)
        self.threads = ctypes.CDLL(None)

    @property
    def address(self) -> HostAddress:
        """Where it lies, for native code."""
        return self.place

    def prepare(self) -> None:
        """Make it a lock, which nobody holds."""
        attributes = ctypes.create_string_buffer(ATTRIBUTE_BYTES)
        for name, *arguments in (
            ("pthread_mutexattr_init", attributes),
            ("pthread_mutexattr_setpshared", attributes, PROCESS_SHARED),
            ("pthread_mutexattr_setrobust", attributes, ROBUST),
            ("pthread_mutex_init", self.mutex, attributes),
        ):
            _check(getattr(self.threads, name)(*arguments), name)

    def __enter__(self) -> None:
        """Wait for the lock and take it."""
        answer = self.threads.pthread_mutex_lock(self.mutex)
        if answer == errno.EOWNERDEAD:
            answer = self.threads.pthread_mutex_consistent(self.mutex)
        _check(answer, "pthread_mutex_lock")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock."""
        self.threads.pthread_mutex_unlock(self.mutex)


def _check(answer: int, what: str) -> None:
    if answer:
        raise LockError(answer, os.strerror(answer), what)
