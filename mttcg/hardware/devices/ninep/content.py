"""Operations on what files hold: opening, making, reading, writing, listing.

Each takes the client and the fields of the message, as its row in OPERATIONS names them.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from enum import IntEnum

from mttcg.hardware.devices.ninep.attributes import (
    PERMISSIONS,
    QidType,
    file_number,
    qid_of,
    stat_of,
)
from mttcg.hardware.devices.ninep.client import Client, NinepOperation
from mttcg.hardware.devices.ninep.fids import Entry, Fid, OpenFolder, path_of
from mttcg.hardware.devices.ninep.wire import (
    COUNT,
    HEADER,
    NUMBERS,
    QID,
    NinepMessage,
    failure,
    packed_text,
)

ACCESS = 0o3
"""Bits of open's flags: O_RDONLY, O_WRONLY, O_RDWR, the same in the protocol and on Linux."""
FLAGS = os.O_TRUNC | os.O_APPEND | os.O_EXCL | os.O_DSYNC | os.O_SYNC
"""Further ones that are the host's; others are the client's affair. (The protocol's numbers are
those of Linux on x86: p9.h, P9_DOTL_*.)"""
MOST_VECTORS = 1024
"""Of preadv(2) and pwritev(2), IOV_MAX of Linux."""
LOCKED, UNLOCKED = 0, 2
"""P9_LOCK_SUCCESS; F_UNLCK."""


class DirectoryType(IntEnum):
    """What readdir(3) says of an entry (d_type)."""

    UNKNOWN = 0
    FOLDER = 4
    FILE = 8
    LINK = 10


QID_TYPES = {DirectoryType.FOLDER: QidType.FOLDER, DirectoryType.LINK: QidType.LINK}


def open_file(client: Client, fid: int, flags: int) -> bytes:
    """OPEN: a file or a folder."""
    found = client.closed(fid)
    wanted = flags & (ACCESS | FLAGS) & ~os.O_EXCL
    writes = wanted & (ACCESS | os.O_TRUNC) != os.O_RDONLY
    if writes and not client.may_write:
        raise failure(errno.EROFS)
    client.fids.check_room()
    kind = stat_of(client.folder, found).st_mode
    if stat.S_ISDIR(kind):
        if writes:
            raise failure(errno.EISDIR)
        found.descriptor = client.folder.open_folder(found.path)
        found.listing = OpenFolder(found.descriptor)
    elif stat.S_ISREG(kind):
        found.descriptor = client.folder.open(found.path, wanted)
    else:
        raise failure(errno.ELOOP if stat.S_ISLNK(kind) else errno.EACCES)
    return _opened(client, found)


def create(client: Client, fid: int, name: str, flags: int, mode: int, _group: int) -> bytes:
    """CREATE: a file in a folder; the fid stands for it then, and is open."""
    found = client.closed(fid)
    names = found.below(name)
    client.fids.check_room()
    wanted = flags & (ACCESS | FLAGS) | os.O_CREAT | os.O_NOFOLLOW
    found.descriptor = client.folder.open(path_of(names), wanted, mode & PERMISSIONS)
    found.names = names
    return _opened(client, found)


def _opened(client: Client, fid: Fid) -> bytes:
    return qid_of(os.fstat(fid.descriptor), client.device) + COUNT.pack(0)  # any size will do


def read_into(client: Client, fid: int, offset: int, views: Sequence[memoryview]) -> int:
    """READ: as much as there is, into these; how many bytes."""
    found = client.opened(fid)
    if found.listing is not None:
        raise failure(errno.EISDIR)
    return os.preadv(found.descriptor, list(views[:MOST_VECTORS]), offset) if views else 0


def write_from(client: Client, fid: int, offset: int, views: Sequence[memoryview]) -> int:
    """WRITE: what these hold, or a part of it; how many bytes."""
    found = client.opened(fid)
    if not client.may_write:
        raise failure(errno.EROFS)
    return os.pwritev(found.descriptor, list(views[:MOST_VECTORS]), offset) if views else 0


def read_folder(client: Client, fid: int, offset: int, count: int) -> bytes:
    """READ_FOLDER: entries from one on, as many as there is room for.

    An entry's offset is the number of the next; the folder itself and the one above come first.
    """
    found = client.opened(fid)
    if found.listing is None:
        raise failure(errno.ENOTDIR)
    room = min(count, client.message_bytes - HEADER.size - COUNT.size)
    parts, used = list[bytes](), 0
    for part in _entries(client, found, found.listing, offset):
        if used + len(part) > room:
            break
        parts.append(part)
        used += len(part)
    return COUNT.pack(used) + b"".join(parts)


def _entries(client: Client, fid: Fid, listing: OpenFolder, first: int) -> Iterator[bytes]:
    found = os.fstat(fid.descriptor)
    here = qid_of(found, client.device)
    for number, name in enumerate((".", "..")):
        if first <= number:
            yield _entry(here, number + 1, DirectoryType.FOLDER, name)
    for number, entry in listing.entries(max(first - 2, 0)):
        kind = _type_of(entry)
        path = file_number(entry.inode(), found.st_dev, client.device)
        yield _entry(
            QID.pack(QID_TYPES.get(kind, QidType.FILE), 0, path), number + 3, kind, entry.name
        )


def _type_of(entry: Entry) -> DirectoryType:
    """What readdir(3) said of an entry."""
    if entry.is_symlink():
        return DirectoryType.LINK
    if entry.is_dir(follow_symlinks=False):
        return DirectoryType.FOLDER
    is_plain = entry.is_file(follow_symlinks=False)
    return DirectoryType.FILE if is_plain else DirectoryType.UNKNOWN


def _entry(qid: bytes, following: int, kind: int, name: str) -> bytes:
    return qid + NUMBERS["Q"].pack(following) + NUMBERS["B"].pack(kind) + packed_text(name)


def sync(client: Client, fid: int, data_only: int) -> bytes:
    """SYNC: what was written outlasts the host."""
    found = client.opened(fid)
    (os.fdatasync if data_only else os.fsync)(found.descriptor)
    return b""


def lock(client: Client, fid: int, *_fields: object) -> bytes:
    """LOCK: the client has locks among its own processes; others of the host have no part in it."""
    client.opened(fid)
    return NUMBERS["B"].pack(LOCKED)


def get_lock(
    client: Client, fid: int, _kind: int, start: int, length: int, process: int, name: str
) -> bytes:
    """GET_LOCK: nobody else has locked it."""
    client.opened(fid)
    numbers = NUMBERS["B"].pack(UNLOCKED) + NUMBERS["Q"].pack(start) + NUMBERS["Q"].pack(length)
    return numbers + NUMBERS["I"].pack(process) + packed_text(name)


OPERATIONS = {
    NinepMessage.OPEN: NinepOperation("II", open_file),
    NinepMessage.CREATE: NinepOperation("IsIII", create, changes=True),
    NinepMessage.READ_FOLDER: NinepOperation("IQI", read_folder),
    NinepMessage.SYNC: NinepOperation("II", sync),
    NinepMessage.LOCK: NinepOperation("IBIQQIs", lock),
    NinepMessage.GET_LOCK: NinepOperation("IBQQIs", get_lock),
}
