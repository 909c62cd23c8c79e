"""What is said of a file: its qid, its attributes, and how these are changed."""

import errno
import hashlib
import os
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, IntFlag
from pathlib import Path

from mttcg.hardware.devices.ninep.fids import Fid
from mttcg.hardware.devices.ninep.wire import QID
from mttcg.host_folder import HostFolder

ATTRIBUTES = struct.Struct("<Q13sIII15Q")
"""valid, qid, mode, uid, gid; nlink, rdev, size, blksize, blocks; seconds and nanoseconds of atime,
mtime, ctime and btime; gen, data_version."""
BASIC = 0x7FF
"""All of them but the last four, of which the host says nothing."""
STATFS = struct.Struct("<II6QI")
"""type, bsize, blocks, bfree, bavail, files, ffree, fsid, namelen."""
MAGIC = 0x0102_1997
"""Type of the file system (linux: V9FS_MAGIC)."""
PERMISSIONS = 0o777
"""Bits of a mode that a guest can set: a file that runs as its owner would be the host's user's."""
NANOSECONDS = 1_000_000_000
HERE = Path("/proc/self/fd")
"""Where descriptors have names: what O_PATH gave can't be changed otherwise (open(2))."""


class QidType(IntEnum):
    """What a file is."""

    FOLDER = 0x80
    LINK = 0x02
    FILE = 0x00


class Changed(IntFlag):
    """What a client wants changed."""

    MODE = 0x1
    OWNER = 0x2
    GROUP = 0x4
    SIZE = 0x8
    ACCESSED = 0x10
    MODIFIED = 0x20
    ACCESSED_AT = 0x80
    MODIFIED_AT = 0x100


def qid_type(mode: int) -> QidType:
    """What a file of a mode is."""
    if stat.S_ISDIR(mode):
        return QidType.FOLDER
    return QidType.LINK if stat.S_ISLNK(mode) else QidType.FILE


def file_number(inode: int, device: int, root_device: int) -> int:
    """A number that no two files have: the inode's, but on another device than the folder."""
    if device == root_device:
        return inode
    text = f"{device} {inode}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def qid_of(found: os.stat_result, root_device: int) -> bytes:
    """The qid of a file; its version is another when the file was written."""
    version = (found.st_mtime_ns ^ found.st_size << 8) & 0xFFFF_FFFF
    number = file_number(found.st_ino, found.st_dev, root_device)
    return QID.pack(qid_type(found.st_mode), version, number)


def attributes_of(found: os.stat_result, root_device: int) -> bytes:
    """The answer to GET_ATTRIBUTES."""
    times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    return ATTRIBUTES.pack(
        *(BASIC, qid_of(found, root_device), found.st_mode, found.st_uid, found.st_gid),
        *(found.st_nlink, found.st_rdev, found.st_size, found.st_blksize, found.st_blocks),
        *(part & (1 << 64) - 1 for time in times for part in divmod(time, NANOSECONDS)),
        *(0, 0, 0, 0),
    )


def file_system_of(descriptor: int) -> bytes:
    """The answer to STATFS."""
    found = os.fstatvfs(descriptor)
    return STATFS.pack(
        *(MAGIC, found.f_frsize, found.f_blocks, found.f_bfree, found.f_bavail),
        *(found.f_files, found.f_ffree, found.f_fsid, found.f_namemax),
    )


@contextmanager
def looked_at(folder: HostFolder, fid: Fid) -> Iterator[int]:
    """A descriptor to look at a file by: that of the fid if it is open, as it may have no name."""
    if fid.is_open:
        yield fid.descriptor
    else:
        with folder.found(fid.path) as descriptor:
            yield descriptor


def stat_of(folder: HostFolder, fid: Fid) -> os.stat_result:
    """What the host says of a file; raises OSError."""
    with looked_at(folder, fid) as descriptor:
        return os.fstat(descriptor)


def change(folder: HostFolder, fid: Fid, values: list[int]) -> None:
    """Change attributes, in the order of SET_ATTRIBUTES: the size first; raises OSError."""
    wanted, mode, owner, group, size, *times = values
    if wanted & Changed.SIZE:
        _resize(folder, fid, size)
    with looked_at(folder, fid) as descriptor:
        place = HERE / str(descriptor)
        found = os.fstat(descriptor)
        if wanted & (Changed.OWNER | Changed.GROUP):
            _give_to(place, found, (owner, wanted & Changed.OWNER), (group, wanted & Changed.GROUP))
        if wanted & Changed.MODE:
            place.chmod(mode & PERMISSIONS)
        if wanted & (Changed.ACCESSED | Changed.MODIFIED):
            _set_times(place, found, wanted, times)


def _give_to(
    place: Path, found: os.stat_result, owner: tuple[int, int], group: tuple[int, int]
) -> None:
    """Change owner or group, each with whether it is wanted, where they differ."""
    user = owner[0] if owner[1] and owner[0] != found.st_uid else -1
    other = group[0] if group[1] and group[0] != found.st_gid else -1
    if (user, other) != (-1, -1):
        os.chown(place, user, other)


def _resize(folder: HostFolder, fid: Fid, size: int) -> None:
    if fid.is_open:
        try:
            os.ftruncate(fid.descriptor, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EBADF):  # it is open to be read
                raise
        else:
            return
    descriptor = folder.open(fid.path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


def _set_times(place: Path, found: os.stat_result, wanted: int, times: list[int]) -> None:
    """Set times, to now where it is not said to which; the other stays."""
    now = time.time_ns()
    seconds = ((times[0], times[1]), (times[2], times[3]))
    kept = (found.st_atime_ns, found.st_mtime_ns)
    bits = (
        (Changed.ACCESSED, Changed.ACCESSED_AT),
        (Changed.MODIFIED, Changed.MODIFIED_AT),
    )
    chosen = []
    for (changed, given), (second, nanosecond), before in zip(bits, seconds, kept, strict=True):
        at = second * NANOSECONDS + nanosecond if wanted & given else now
        chosen.append(at if wanted & changed else before)
    os.utime(place, ns=(chosen[0], chosen[1]))
