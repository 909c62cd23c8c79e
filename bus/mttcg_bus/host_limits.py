"""Limits of the host, and what reaches them: for one line that says which it was."""

import errno
import resource

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the kernel says when a file can't get longer."""


LIMITS = {
    errno.EMFILE: ("open files", "ulimit -n", resource.RLIMIT_NOFILE),
    errno.ENFILE: ("open files of the whole host", "fs.file-max", None),
    errno.ENOMEM: ("memory", "ulimit -v", resource.RLIMIT_AS),
    errno.EAGAIN: ("processes and threads", "ulimit -u", resource.RLIMIT_NPROC),
    errno.EFBIG: ("file size, shared memory included", "ulimit -f", resource.RLIMIT_FSIZE),
}
"""By error: what there is not enough of, where that is set, and the resource, if it is one."""
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
    return f"{what} ({where})" if now == resource.RLIM_INFINITY else f"{what} ({where}, now {now})"
