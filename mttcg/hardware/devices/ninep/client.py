"""A client of the server, and what an operation is."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mttcg.hardware.devices.ninep.attributes import qid_of
from mttcg.hardware.devices.ninep.fids import Fid, FidTable, Names, path_of
from mttcg.hardware.devices.ninep.wire import MOST_MESSAGE, failure
from mttcg.host_folder import HostFolder


@dataclass
class Client:
    """Who has mounted the folder.

    Attributes:
        folder: that it gets.
        may_write: whether it may change anything.
        fids: what it has numbers for.
        message_bytes: of a message, at the most, as agreed.
    """

    folder: HostFolder
    may_write: bool
    fids: FidTable = field(default_factory=FidTable)
    message_bytes: int = MOST_MESSAGE
    device: int = field(init=False)

    def __post_init__(self) -> None:
        """See on which device the folder is."""
        self.device = os.fstat(self.folder.descriptor).st_dev

    def qid_at(self, names: Names) -> bytes:
        """The qid of the file with these names; raises OSError."""
        with self.folder.found(path_of(names)) as descriptor:
            return qid_of(os.fstat(descriptor), self.device)

    def closed(self, number: int) -> Fid:
        """The fid of a number, if it is not open; raises OSError."""
        fid = self.fids.find(number)
        if fid.is_open:
            raise failure(errno.EBADF)
        return fid

    def opened(self, number: int) -> Fid:
        """The fid of a number, if it is open; raises OSError."""
        fid = self.fids.find(number)
        if not fid.is_open:
            raise failure(errno.EBADF)
        return fid


class NinepOperation(NamedTuple):
    """What is done for a type of message.

    Attributes:
        codes: of its fields, see `Fields.take`.
        do: it; gives the fields of the answer. Raises OSError.
        changes: whether it changes the folder in any case.
    """

    codes: str
    do: Callable[..., bytes]
    changes: bool = False

    def done(self, client: Client, values: list[Any]) -> bytes:
        """Do it with the values of its fields, if the client may; raises OSError."""
        if self.changes and not client.may_write:
            raise failure(errno.EROFS)
        return self.do(client, *values)
