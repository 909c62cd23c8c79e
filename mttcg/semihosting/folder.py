"""Files below one folder: no name leads out of it, by `..`, a symbolic link or an absolute path."""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPENAT2 = 437
"""Number of openat2(2), the same on all architectures."""
RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH = 0x02, 0x08
ABSENT = (errno.ENOSYS, errno.EPERM)
"""What a kernel without openat2 says, and one that does not let a container use it."""
TRIES = 100
"""While another process moves folders, the kernel can't say that a name stays below."""
NEW_FILE = 0o666
FOLDER_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class OpenHow(ctypes.Structure):
    """The argument `how` of openat2(2)."""

    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class LeadsOutError(OSError):
    """A name that would lead out of the folder."""

    def __init__(self, name: str) -> None:
        super().__init__(errno.EACCES, os.strerror(errno.EACCES), name)


def refused(number: int, name: str) -> OSError:
    """The error of an operation on a name."""
    return OSError(number, os.strerror(number), name)


class Folder:
    """Opens, removes and renames files below a folder.

    Args:
        path: of the folder.
        resolves: whether the kernel is asked to stay below it; it is walked part by part without,
            and then no symbolic link is followed at all.

    All methods raise OSError.
    """

    def __init__(self, path: Path, resolves: bool = True) -> None:
        self.descriptor = os.open(path, FOLDER_FLAGS)
        self.resolves = resolves

    def close(self) -> None:
        """Close the folder."""
        os.close(self.descriptor)

    def open(self, name: str, flags: int) -> int:
        """Open a plain file; its descriptor. What is none, such as a FIFO, is refused."""
        # O_NONBLOCK: opening a FIFO would wait for its other end
        descriptor = self._open(name, flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISREG(kind):
            return descriptor
        os.close(descriptor)
        raise refused(errno.EISDIR if stat.S_ISDIR(kind) else errno.EACCES, name)

    def remove(self, name: str) -> None:
        """Remove a file; of a symbolic link, the link."""
        with self._parent(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def rename(self, old: str, new: str) -> None:
        """Rename a file; another of the new name is gone then."""
        with self._parent(old) as (one, last), self._parent(new) as (other, name):
            os.replace(last, name, src_dir_fd=one, dst_dir_fd=other)

    @contextmanager
    def _parent(self, name: str) -> Iterator[tuple[int, str]]:
        """The folder in which a name is, and its last part."""
        above, _, last = name.rpartition("/")
        if name.startswith("/") or last == "..":
            raise LeadsOutError(name)
        if last in ("", "."):
            raise refused(errno.EISDIR, name)
        folder = self._open(above or ".", FOLDER_FLAGS)
        try:
            yield folder, last
        finally:
            os.close(folder)

    def _open(self, name: str, flags: int) -> int:
        if "\0" in name or not name:
            raise refused(errno.ENOENT, name)
        if self.resolves:
            try:
                return self._open_beneath(name, flags)
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
        return self._walk(name, flags)

    def _open_beneath(self, name: str, flags: int) -> int:
        mode = NEW_FILE if flags & os.O_CREAT else 0
        how = OpenHow(flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
        libc = ctypes.CDLL(None, use_errno=True)
        for _ in range(TRIES):
            descriptor = libc.syscall(
                ctypes.c_long(OPENAT2),
                ctypes.c_int(self.descriptor),
                ctypes.c_char_p(os.fsencode(name)),
                ctypes.byref(how),
                ctypes.c_size_t(ctypes.sizeof(how)),
            )
            if descriptor >= 0:
                return int(descriptor)
            if ctypes.get_errno() != errno.EAGAIN:
                break
        if ctypes.get_errno() == errno.EXDEV:
            raise LeadsOutError(name)
        raise refused(ctypes.get_errno(), name)

    def _walk(self, name: str, flags: int) -> int:
        parts = [part for part in name.split("/") if part not in ("", ".")] or ["."]
        if name.startswith("/") or ".." in parts:
            raise LeadsOutError(name)
        at = os.dup(self.descriptor)
        try:
            for part in parts[:-1]:
                below = os.open(part, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = below
            return os.open(parts[-1], flags | os.O_NOFOLLOW, NEW_FILE, dir_fd=at)
        finally:
            os.close(at)
