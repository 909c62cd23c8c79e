"""Operations on names: making, linking, renaming, removing.

Each takes the client and the fields of the message, as its row in OPERATIONS names them.
"""

import errno
import os
import stat

from mttcg.hardware.devices.ninep.attributes import PERMISSIONS
from mttcg.hardware.devices.ninep.client import Client, NinepOperation
from mttcg.hardware.devices.ninep.fids import Names, path_of
from mttcg.hardware.devices.ninep.wire import NinepMessage, failure, packed_text

REMOVE_FOLDER = 0x200
"""Flag of UNLINK_AT (P9_DOTL_AT_REMOVEDIR)."""


def make_folder(client: Client, fid: int, name: str, mode: int, _group: int) -> bytes:
    """MAKE_FOLDER."""
    names = client.fids.find(fid).below(name)
    with client.folder.parent(path_of(names)) as (parent, last):
        os.mkdir(last, mode & PERMISSIONS, dir_fd=parent)
    return client.qid_at(names)


def make_link(client: Client, fid: int, name: str, text: str, _group: int) -> bytes:
    """SYMLINK: it may say anything, as nobody here follows it."""
    names = client.fids.find(fid).below(name)
    with client.folder.parent(path_of(names)) as (parent, last):
        os.symlink(text, last, dir_fd=parent)
    return client.qid_at(names)


def make_node(
    client: Client, fid: int, name: str, mode: int, _major: int, _minor: int, _group: int
) -> bytes:
    """MAKE_NODE: a plain file; a device, FIFO or socket would be the host's."""
    names = client.fids.find(fid).below(name)
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise failure(errno.EPERM)
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(client.folder.open(path_of(names), flags, mode & PERMISSIONS))
    return client.qid_at(names)


def read_link(client: Client, fid: int) -> bytes:
    """READ_LINK."""
    with client.folder.found(client.fids.find(fid).path) as descriptor:
        if not stat.S_ISLNK(os.fstat(descriptor).st_mode):
            raise failure(errno.EINVAL)
        return packed_text(os.readlink("", dir_fd=descriptor))


def link(client: Client, folder: int, fid: int, name: str) -> bytes:
    """LINK: another name for a file."""
    names, old = client.fids.find(folder).below(name), client.fids.find(fid).path
    with (
        client.folder.parent(old) as (one, last),
        client.folder.parent(path_of(names)) as (other, new),
    ):
        os.link(last, new, src_dir_fd=one, dst_dir_fd=other, follow_symlinks=False)
    return b""


def rename(client: Client, fid: int, folder: int, name: str) -> bytes:
    """RENAME: give the file of a fid another name."""
    _move(client, client.fids.find(fid).names, client.fids.find(folder).below(name))
    return b""


def rename_at(client: Client, old: int, name: str, new: int, becomes: str) -> bytes:
    """RENAME_AT: give a name in a folder another, in the same or in another one."""
    _move(client, client.fids.find(old).below(name), client.fids.find(new).below(becomes))
    return b""


def _move(client: Client, old: Names, new: Names) -> None:
    client.folder.rename(path_of(old), path_of(new))
    client.fids.renamed(old, new)


def unlink_at(client: Client, fid: int, name: str, flags: int) -> bytes:
    """UNLINK_AT: remove a file, or, with REMOVE_FOLDER, a folder that is empty."""
    names = client.fids.find(fid).below(name)
    with client.folder.parent(path_of(names)) as (parent, last):
        (os.rmdir if flags & REMOVE_FOLDER else os.unlink)(last, dir_fd=parent)
    return b""


OPERATIONS = {
    NinepMessage.MAKE_FOLDER: NinepOperation("IsII", make_folder, changes=True),
    NinepMessage.SYMLINK: NinepOperation("IssI", make_link, changes=True),
    NinepMessage.MAKE_NODE: NinepOperation("IsIIII", make_node, changes=True),
    NinepMessage.READ_LINK: NinepOperation("I", read_link),
    NinepMessage.LINK: NinepOperation("IIs", link, changes=True),
    NinepMessage.RENAME: NinepOperation("IIs", rename, changes=True),
    NinepMessage.RENAME_AT: NinepOperation("IsIs", rename_at, changes=True),
    NinepMessage.UNLINK_AT: NinepOperation("IsI", unlink_at, changes=True),
}
