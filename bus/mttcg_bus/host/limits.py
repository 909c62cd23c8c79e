"""Limits of the host, and what reaches them: for one line that says which it was."""

import errno
import mmap
import os
import resource
import threading
import time
from pathlib import Path

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the kernel says when a file can't get longer."""
LIMITS = {
    errno.EMFILE: ("open files", "ulimit -n", resource.RLIMIT_NOFILE),
    errno.ENFILE: ("open files of the whole host", "fs.file-max", None),
    errno.ENOMEM: ("memory", "ulimit -v", resource.RLIMIT_AS),
    errno.EAGAIN: ("processes and threads", "ulimit -u", resource.RLIMIT_NPROC),
    errno.EFBIG: ("file size, shared memory included", "ulimit -f", resource.RLIMIT_FSIZE),
}
"""For each error number: what is short, where its limit is set, and the resource if it is one."""
IN_KIB = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)
"""Resources that the shell's ulimit has in KiB."""
SOCKET_DESCRIPTORS, SOCKET_THREADS = 16, 2
"""What libzmq takes for a socket in a context of its own, with some to spare."""
GONE_SECONDS = 1.0
"""How long the kernel may go on counting a thread that has ended."""
_THREADS = "can't start new thread"
_MAPPING = "failed to map segment"
"""What Python says of a thread, and ld.so of a library, without an error number."""


def limit_of(error: BaseException) -> str:
    """Return which limit of the host an error comes from, and where it is set; "" if from none."""
    number, text = getattr(error, "errno", None), str(error)
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and _MAPPING in text):
        number = errno.ENOMEM
    elif isinstance(error, RuntimeError) and _THREADS in text:
        number = errno.EAGAIN
    if number not in LIMITS:
        return ""
    what, where, kind = LIMITS[number]
    now = resource.RLIM_INFINITY if kind is None else resource.getrlimit(kind)[0]
    if now == resource.RLIM_INFINITY:
        return f"{what} ({where})"
    return f"{what} ({where}, now {now >> 10 if kind in IN_KIB else now})"


def host_refusal(error: BaseException, instead: str = "") -> str:
    """Return what the host refused, and which limit is too low; "" if the error is of none.

    instead: what else would help.
    """
    limit = limit_of(error)
    if not limit:
        return ""
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    wanted = getattr(error, "filename", None)
    refused = f"the host refuses {wanted} ({why})" if wanted else f"the host refuses ({why})"
    return f"{refused}; expected {f'{instead}, or ' if instead else ''}a higher limit of {limit}"


def descriptors_left() -> int:
    """Return how many descriptors this process may open."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _entries("/proc/self/fd")


def check_socket_room(descriptors: int = SOCKET_DESCRIPTORS, threads: int = SOCKET_THREADS) -> None:
    """Raise OSError or RuntimeError where libzmq would end the process, for want of the same."""
    held: list[int] = []
    try:
        for _ in range(descriptors):
            held.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        _start_threads(threads)
    except OSError as error:
        wanted = f"{descriptors} descriptors for connections"
        raise OSError(error.errno, error.strerror, wanted) from error
    finally:
        for descriptor in held:
            os.close(descriptor)


def _start_threads(count: int) -> None:
    """Start so many at once, and see them gone: the kernel counts one for a moment longer."""
    over, before = threading.Event(), _entries("/proc/self/task")
    threads = [threading.Thread(target=over.wait) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
    finally:
        over.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        until = time.monotonic() + GONE_SECONDS
        while _entries("/proc/self/task") > before and time.monotonic() < until:
            os.sched_yield()


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def check_memory_room(size: int, what: str) -> None:
    """Raise OSError, which names `what`, unless `size` bytes more can be mapped."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY:
        return
    try:
        mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError as error:
        wanted = f"{size >> 20} MiB {what}"
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), wanted) from error
