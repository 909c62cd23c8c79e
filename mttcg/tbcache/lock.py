"""A lock between processes that survives the death of its holder."""

import fcntl
from types import TracebackType


class SegmentLock:
    """Mutual exclusion between processes that have the same file open.

    A POSIX record lock: the kernel releases it when its holder ends, however it ends. It belongs
    to the process, so each process makes its own object, uses it from one thread, and never
    closes another descriptor of the same file.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __enter__(self) -> None:
        """Wait for the lock and take it."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_EX)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release the lock."""
        fcntl.lockf(self.descriptor, fcntl.LOCK_UN)
