"""Operations on fids, and on the attributes of what they stand for.

Each takes the client and the fields of the message, as its row in OPERATIONS names them.
"""

import errno
import os
import stat

from mttcg.hardware.devices.ninep.attributes import (
    attributes_of,
    change,
    file_system_of,
    looked_at,
    stat_of,
)
from mttcg.hardware.devices.ninep.client import Client, NinepOperation
from mttcg.hardware.devices.ninep.fids import Names, checked_name, path_of
from mttcg.hardware.devices.ninep.wire import (
    COUNT,
    LEAST_MESSAGE,
    MOST_MESSAGE,
    NUMBERS,
    VERSION,
    NinepMessage,
    failure,
    packed_text,
)

ROOT_NAMES = ("", "/")
"""Of the tree to attach; there is one."""


def agree(client: Client, message_bytes: int, version: str) -> bytes:
    """VERSION: a client begins anew."""
    client.fids.clear()
    if message_bytes < LEAST_MESSAGE:
        raise failure(errno.EMSGSIZE)
    client.message_bytes = min(message_bytes, MOST_MESSAGE)
    agreed = VERSION if version == VERSION else "unknown"
    return COUNT.pack(client.message_bytes) + packed_text(agreed)


def authenticate(_client: Client, *_fields: object) -> bytes:
    """AUTHENTICATE: nobody has to."""
    raise failure(errno.ENOENT)


def attach(client: Client, fid: int, _auth: int, _user: str, tree: str, _number: int) -> bytes:
    """ATTACH: let a fid stand for the folder."""
    if tree not in ROOT_NAMES:
        raise failure(errno.ENOENT)
    qid = client.qid_at(())
    client.fids.put(fid, ())
    return qid


def walk(client: Client, fid: int, new: int, names: list[str]) -> bytes:
    """WALK: let a fid stand for what names lead to, as far as they do.

    A symbolic link leads nowhere, but to itself.
    """
    place, qids = client.fids.find(fid).names, list[bytes]()
    for name in names:
        try:
            place, qid = _step(client, place, name)
        except OSError:
            if not qids:
                raise
            break
        qids.append(qid)
    if len(qids) == len(names):
        if fid == new:
            client.closed(fid).names = place
        else:
            client.fids.put(new, place)
    return NUMBERS["H"].pack(len(qids)) + b"".join(qids)


def _step(client: Client, place: Names, name: str) -> tuple[Names, bytes]:
    """Where one name leads, and its qid; nothing is above the folder."""
    if name == "..":
        return place[:-1], client.qid_at(place[:-1])
    place = (*place, checked_name(name))
    return place, client.qid_at(place)


def clunk(client: Client, fid: int) -> bytes:
    """CLUNK: let a fid stand for nothing."""
    client.fids.take(fid).close()
    return b""


def remove(client: Client, fid: int) -> bytes:
    """REMOVE: clunk, and remove the file, if it is the one that the fid stands for."""
    taken = client.fids.take(fid)
    try:
        if not client.may_write:
            raise failure(errno.EROFS)
        found = stat_of(client.folder, taken)
        with client.folder.parent(path_of(taken.names)) as (parent, name):
            now = os.stat(name, dir_fd=parent, follow_symlinks=False)
            if (now.st_dev, now.st_ino) != (found.st_dev, found.st_ino):
                raise failure(errno.ESTALE)
            (os.rmdir if stat.S_ISDIR(now.st_mode) else os.unlink)(name, dir_fd=parent)
    finally:
        taken.close()
    return b""


def flush(_client: Client, _tag: int) -> bytes:
    """FLUSH: requests are answered one by one, so there is none to be given up."""
    return b""


def get_attributes(client: Client, fid: int, _wanted: int) -> bytes:
    """GET_ATTRIBUTES."""
    return attributes_of(stat_of(client.folder, client.fids.find(fid)), client.device)


def set_attributes(client: Client, fid: int, *values: int) -> bytes:
    """SET_ATTRIBUTES."""
    change(client.folder, client.fids.find(fid), list(values))
    return b""


def file_system(client: Client, fid: int) -> bytes:
    """STATFS."""
    with looked_at(client.folder, client.fids.find(fid)) as descriptor:
        return file_system_of(descriptor)


def no_extended(_client: Client, *_fields: object) -> bytes:
    """WALK_EXTENDED, CREATE_EXTENDED: no extended attributes are given to guests."""
    raise failure(errno.EOPNOTSUPP)


OPERATIONS = {
    NinepMessage.VERSION: NinepOperation("Is", agree),
    NinepMessage.AUTHENTICATE: NinepOperation("IssI", authenticate),
    NinepMessage.ATTACH: NinepOperation("IIssI", attach),
    NinepMessage.WALK: NinepOperation("IIt", walk),
    NinepMessage.CLUNK: NinepOperation("I", clunk),
    NinepMessage.REMOVE: NinepOperation("I", remove),
    NinepMessage.FLUSH: NinepOperation("H", flush),
    NinepMessage.GET_ATTRIBUTES: NinepOperation("IQ", get_attributes),
    NinepMessage.SET_ATTRIBUTES: NinepOperation("IIIIIQQQQQ", set_attributes, changes=True),
    NinepMessage.STATFS: NinepOperation("I", file_system),
    NinepMessage.WALK_EXTENDED: NinepOperation("IIs", no_extended),
    NinepMessage.CREATE_EXTENDED: NinepOperation("IsQI", no_extended),
}
