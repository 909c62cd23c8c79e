"""Opening the files of drives, before anything runs."""

import fcntl
import os
import stat
import tempfile
from pathlib import Path

from mttcg.attached import OVERLAID, WRITTEN, Drive
from mttcg.errors import OptionError
from mttcg.hardware.devices.virtio.block import SECTOR
from mttcg.hardware.devices.virtio.disk import overlay_bytes
from mttcg.processes.attachments import DeviceAttachment

OPTION = "--drive"
READABLE, WRITABLE = "an image file to read", "an image file to write, or none of `write`"


def open_files(attached: DeviceAttachment, into: dict[str, int]) -> None:
    """Open what a drive needs; raises OptionError. into: see `attached_files.open_attached`."""
    drive = attached.drive
    assert drive is not None
    into[attached.file] = open_drive(drive)
    check_drive(drive.path, into[attached.file])
    lock_drive(drive, into[attached.file])
    if drive.access == OVERLAID:
        size = os.lseek(into[attached.file], 0, os.SEEK_END)
        into[attached.overlay] = open_overlay(drive.path, size)


def open_drive(drive: Drive) -> int:
    """A descriptor of a drive's file; raises OptionError."""
    writes = drive.access == WRITTEN
    flags = (os.O_RDWR if writes else os.O_RDONLY) | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(drive.path, flags)
    except OSError as error:
        expected = WRITABLE if writes else READABLE
        raise OptionError(OPTION, f"{drive.path}: {error.strerror}", expected) from error


def check_drive(path: Path, descriptor: int) -> None:
    """Raise OptionError for what is no image of whole sectors."""
    mode = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
        kind = "a directory" if stat.S_ISDIR(mode) else "neither a file nor a block device"
        raise OptionError(OPTION, f"{path} is {kind}", READABLE)
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if not size or size % SECTOR:
        wrong = f"{path} has {size} bytes"
        raise OptionError(OPTION, wrong, f"a multiple of {SECTOR}, and not 0")


def lock_drive(drive: Drive, descriptor: int) -> None:
    """Have nobody else write the file, nor read it if this run writes; raises OptionError."""
    kind = fcntl.LOCK_EX if drive.access == WRITTEN else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError as error:
        what = "is in use" if drive.access == WRITTEN else "is written"
        wrong = f"{drive.path} {what} by another run, or another drive of this one"
        raise OptionError(OPTION, wrong, "a file of its own, or a copy") from error
    except OSError as error:
        wrong = f"{drive.path} can't be locked: {error.strerror}"
        raise OptionError(OPTION, wrong, "a file system with locks (flock(2))") from error


def open_overlay(path: Path, size: int) -> int:
    """A descriptor of a nameless sparse file of so many bytes for what is written.

    Raises OptionError.
    """
    try:
        with tempfile.TemporaryFile(buffering=0) as file:
            os.ftruncate(file.fileno(), overlay_bytes(size))
            return os.dup(file.fileno())
    except OSError as error:
        wrong = f"there is no room for what is written to {path}: {error.strerror}"
        raise OptionError(OPTION, wrong, "a directory for temporary files (TMPDIR)") from error
