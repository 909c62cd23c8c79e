"""A full fence of the host, for Python that shares memory with another process."""

import threading

_LOCK = threading.Lock()


def full_fence() -> None:
    """Have all stores before it seen before any load behind it is made.

    Taking a free lock is a locked compare-and-swap, whichever of its locks CPython uses (a
    semaphore's sem_trywait(3), or its own mutex), and that is a full fence (Intel SDM volume 3,
    "Memory Ordering"). The lock is this process's own, and is held for no time.
    """
    with _LOCK:
        pass
