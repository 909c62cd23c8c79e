"""The files that a guest has open, whichever of its harts opened them."""

import errno
import fcntl
import io
import itertools
import os
from collections.abc import Callable
from typing import NamedTuple

from mttcg.host_folder import HostFolder, LeadsOutError, refused
from mttcg.semihosting.operations import FEATURE_BYTES, FEATURES, SemihostingOperation, flags_of

FIRST_HANDLE = 4
"""Those below are the console's, see `calls`."""
MOST_FILES = 256
"""Open at a time: descriptors are the whole run's."""


class FileAnswer(NamedTuple):
    """What came of an operation: `error` is 0 or an errno, `data` what was read."""

    value: int = 0
    error: int = 0
    data: bytes = b""


class GuestFiles:
    """Does operations on files.

    Args:
        folder: below which they are; None if the guest gets none.
        told_of: told of a file that was asked for where there is none, and of names that lead out.
    """

    def __init__(self, folder: HostFolder | None, told_of: Callable[[str, str], None]) -> None:
        self.folder, self.told_of = folder, told_of
        self.open_files: dict[int, io.FileIO] = {}
        self.handles = itertools.count(FIRST_HANDLE)
        self.operations: dict[int, Callable[[int, int, bytes], FileAnswer]] = {
            SemihostingOperation.OPEN: self._open,
            SemihostingOperation.CLOSE: self._close,
            SemihostingOperation.READ: self._read,
            SemihostingOperation.WRITE: self._write,
            SemihostingOperation.SEEK: self._seek,
            SemihostingOperation.FLEN: self._length,
            SemihostingOperation.ISTTY: self._is_terminal,
            SemihostingOperation.REMOVE: self._remove,
            SemihostingOperation.RENAME: self._rename,
        }

    def do(self, operation: int, handle: int, number: int, data: bytes) -> FileAnswer:
        """Do an operation; what is wrong is in the answer.

        number: a mode, a place or a size. data: bytes to write, or names, each ended by a zero.
        """
        try:
            return self.operations[operation](handle, number, data)
        except LeadsOutError as error:
            self.told_of(str(error.filename), "it leads out of the folder of --semihosting-files")
            return FileAnswer(-1, errno.EACCES)
        except OSError as error:
            return FileAnswer(-1, error.errno or errno.EIO)

    def close(self) -> None:
        """Close all files, and the folder."""
        for file in self.open_files.values():
            file.close()
        self.open_files.clear()
        if self.folder is not None:
            self.folder.close()

    def _file(self, handle: int) -> io.FileIO:
        if handle not in self.open_files:
            raise refused(errno.EBADF, "")
        return self.open_files[handle]

    def _folder_of(self, name: str) -> HostFolder:
        if self.folder is None:
            self.told_of(name, "files need --semihosting-files DIR")
            raise refused(errno.EACCES, name)
        return self.folder

    def _open(self, _handle: int, mode: int, data: bytes) -> FileAnswer:
        (name,) = _names(data)
        flags = flags_of(mode)
        if flags is None:
            raise refused(errno.EINVAL, name)
        if len(self.open_files) >= MOST_FILES:
            raise refused(errno.EMFILE, name)
        is_features = name == FEATURES
        descriptor = _features() if is_features else self._folder_of(name).open(name, flags)
        handle = next(self.handles)
        self.open_files[handle] = io.FileIO(descriptor, "rb+")
        return FileAnswer(handle)

    def _close(self, handle: int, _number: int, _data: bytes) -> FileAnswer:
        self._file(handle).close()
        del self.open_files[handle]
        return FileAnswer()

    def _read(self, handle: int, size: int, _data: bytes) -> FileAnswer:
        data = self._file(handle).read(size)
        return FileAnswer(len(data), 0, data)

    def _write(self, handle: int, _number: int, data: bytes) -> FileAnswer:
        return FileAnswer(self._file(handle).write(data))

    def _seek(self, handle: int, place: int, _data: bytes) -> FileAnswer:
        self._file(handle).seek(place)
        return FileAnswer()

    def _length(self, handle: int, _number: int, _data: bytes) -> FileAnswer:
        return FileAnswer(os.fstat(self._file(handle).fileno()).st_size)

    def _is_terminal(self, handle: int, _number: int, _data: bytes) -> FileAnswer:
        self._file(handle)
        return FileAnswer(0)

    def _remove(self, _handle: int, _number: int, data: bytes) -> FileAnswer:
        (name,) = _names(data)
        self._folder_of(name).remove(name)
        return FileAnswer()

    def _rename(self, _handle: int, _number: int, data: bytes) -> FileAnswer:
        old, new = _names(data)
        self._folder_of(old).rename(old, new)
        return FileAnswer()


def _names(data: bytes) -> list[str]:
    return [os.fsdecode(name) for name in data.split(b"\0")[:-1]]


def _features() -> int:
    """A file, that nobody can write to, of what of the standard there is."""
    descriptor = os.memfd_create("semihosting-features", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(descriptor, FEATURE_BYTES)
    os.lseek(descriptor, 0, os.SEEK_SET)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
    return descriptor
