"""What a client has mounted and open, kept in a snapshot and opened again in another run.

A fid is kept as the names that lead to its file; of an open one, how it was opened, and its number
on the host (inode), by which another file of the same name is told from it.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Mapping
from typing import Any

from mttcg.hardware.devices.ninep.client import Client
from mttcg.hardware.devices.ninep.fids import Fid, OpenFolder
from mttcg.hardware.devices.virtio.backend import NotKeptError

FLAGS = os.O_ACCMODE | os.O_APPEND | os.O_DSYNC | os.O_SYNC
"""Of open(2), that say how a file is used once it is open."""
FIDS, SIZE = "fids", "message_bytes"


def kept_of(client: Client) -> dict[str, Any]:
    """What is kept of a client; NotKeptError for a file that is open, and has no name any more."""
    fids = {str(number): _kept_fid(client, fid) for number, fid in client.fids.items()}
    return {SIZE: client.message_bytes, FIDS: fids}


def _kept_fid(client: Client, fid: Fid) -> dict[str, Any]:
    kept: dict[str, Any] = {"names": list(fid.names)}
    if not fid.is_open:
        return kept
    there = os.fstat(fid.descriptor)
    try:
        with client.folder.found(fid.path) as named:
            found = os.fstat(named)
    except OSError as error:
        raise NotKeptError(f"{fid.path} is open: {error.strerror}", "a file with a name") from error
    if (found.st_dev, found.st_ino) != (there.st_dev, there.st_ino):
        raise NotKeptError(f"{fid.path} is open, and has another name now", "the one it had")
    flags = fcntl.fcntl(fid.descriptor, fcntl.F_GETFL) & FLAGS
    return kept | {"flags": flags, "inode": there.st_ino}


def is_mounted(kept: Mapping[str, Any] | None) -> bool:
    """Whether a guest has mounted the share that this was kept of."""
    return bool(kept and kept.get(FIDS))


def restore_into(
    client: Client, kept: Mapping[str, Any], failed: Callable[[NotKeptError], None]
) -> None:
    """Give a new client what another had; failed: is told of each file that is not what it was."""
    client.message_bytes = kept[SIZE]
    for number, each in kept[FIDS].items():
        client.fids.put(int(number), tuple(each["names"]))
        if "flags" in each:
            try:
                _open_again(client, client.fids.find(int(number)), each)
            except NotKeptError as error:
                failed(error)


def _open_again(client: Client, fid: Fid, kept: Mapping[str, Any]) -> None:
    expected = "the file that was open"
    try:
        with client.folder.found(fid.path) as named:
            found = os.fstat(named)
        if found.st_ino != kept["inode"]:
            raise NotKeptError(f"{fid.path} is another file now", expected)
        if stat.S_ISDIR(found.st_mode):
            fid.descriptor = client.folder.open_folder(fid.path)
            fid.listing = OpenFolder(fid.descriptor)
        else:
            fid.descriptor = client.folder.open(fid.path, kept["flags"])
    except OSError as error:
        raise NotKeptError(f"{fid.path}: {error.strerror}", expected) from error
