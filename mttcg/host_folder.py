"""Files below one folder of the host that a guest may use.

No name leads out of it, by `..`, a symbolic link or an absolute path, nor while somebody moves
folders. All that a guest's names open goes through here.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

OPENAT2 = 437
"""Number of openat2(2), the same on all architectures."""
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH = 0x02, 0x04, 0x08
ABSENT = (errno.ENOSYS, errno.EPERM)
"""What a kernel without openat2 says, and one that does not let a container use it."""
TRIES = 100
"""While another process moves folders, the kernel can't say that a name stays below."""
NEW_FILE = 0o666
FOLDER_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
PLAIN_FLAGS = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""O_NONBLOCK: opening a FIFO would wait for its other end."""


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


class HostFolder:
    """Opens, removes and renames files below a folder.

    Args:
        descriptor: of the folder, which is closed with this.
        follows: whether a symbolic link in a name is followed if it stays below the folder; without
            it is an error, as whoever asks follows links itself.
        resolves: whether the kernel is asked to stay below it; it is walked part by part without,
            and then no symbolic link is followed at all.

    All methods raise OSError.
    """

    def __init__(self, descriptor: int, *, follows: bool = True, resolves: bool = True) -> None:
        self.descriptor, self.follows, self.resolves = descriptor, follows, resolves

    @classmethod
    def at(cls, path: Path, *, follows: bool = True, resolves: bool = True) -> Self:
        """Open the folder at a path."""
        return cls(os.open(path, FOLDER_FLAGS), follows=follows, resolves=resolves)

    def close(self) -> None:
        """Close the folder."""
        os.close(self.descriptor)

    def open(self, name: str, flags: int, mode: int = NEW_FILE) -> int:
        """Open a plain file; its descriptor. What is none, such as a FIFO, is refused.

        mode: of a file that is made, less what the umask says.
        """
        descriptor = self._open(name, flags | PLAIN_FLAGS, mode)
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISREG(kind):
            return descriptor
        os.close(descriptor)
        raise refused(errno.EISDIR if stat.S_ISDIR(kind) else errno.EACCES, name)

    def open_folder(self, name: str) -> int:
        """Open a folder to list it; its descriptor."""
        return self._open(name, os.O_RDONLY | os.O_DIRECTORY | PLAIN_FLAGS, 0)

    @contextmanager
    def found(self, name: str) -> Iterator[int]:
        """A descriptor that stands for what has a name, whatever it is, and reads nothing of it."""
        descriptor = self._open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, 0)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def remove(self, name: str) -> None:
        """Remove a file; of a symbolic link, the link."""
        with self.parent(name) as (folder, last):
            os.unlink(last, dir_fd=folder)

    def rename(self, old: str, new: str) -> None:
        """Rename a file; another of the new name is gone then."""
        with self.parent(old) as (one, last), self.parent(new) as (other, name):
            os.replace(last, name, src_dir_fd=one, dst_dir_fd=other)

    @contextmanager
    def parent(self, name: str) -> Iterator[tuple[int, str]]:
        """The folder in which a name is, and its last part."""
        above, _, last = name.rpartition("/")
        if name.startswith("/") or last == "..":
            raise LeadsOutError(name)
        if last in ("", "."):
            raise refused(errno.EISDIR, name)
        folder = self._open(above or ".", FOLDER_FLAGS, 0)
        try:
            yield folder, last
        finally:
            os.close(folder)

    def _open(self, name: str, flags: int, mode: int) -> int:
        if "\0" in name or not name:
            raise refused(errno.ENOENT, name)
        if self.resolves:
            try:
                return self._open_beneath(name, flags, mode)
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
        return self._walk(name, flags, mode)

    def _open_beneath(self, name: str, flags: int, mode: int) -> int:
        links = RESOLVE_NO_MAGICLINKS if self.follows else RESOLVE_NO_SYMLINKS
        how = OpenHow(flags, mode if flags & os.O_CREAT else 0, RESOLVE_BENEATH | links)
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

    def _walk(self, name: str, flags: int, mode: int) -> int:
        parts = [part for part in name.split("/") if part not in ("", ".")] or ["."]
        if name.startswith("/") or ".." in parts:
            raise LeadsOutError(name)
        at = os.dup(self.descriptor)
        try:
            for part in parts[:-1]:
                below = os.open(part, FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = below
            return os.open(parts[-1], flags | os.O_NOFOLLOW, mode, dir_fd=at)
        finally:
            os.close(at)
