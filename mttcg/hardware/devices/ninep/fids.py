"""What a client has a number for: a *fid* stands for a file by the names that lead to it."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from mttcg.hardware.devices.ninep.wire import NO_FID, failure

MOST_FIDS = 1 << 16
MOST_OPEN = 512
"""Fids with a descriptor of the host."""
MOST_NAMES = 1 << 10
"""From the folder down to a file."""

Names: TypeAlias = tuple[str, ...]
"""From the folder down; none for the folder itself."""
Entry: TypeAlias = os.DirEntry[str]


def path_of(names: Names) -> str:
    """The path below the folder."""
    return "/".join(names) or "."


def checked_name(name: str) -> str:
    """A name of one file in a folder; raises OSError for what is none."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise failure(errno.EINVAL)
    return name


class OpenFolder:
    """A folder that is listed: its entries, each with the number of the next one.

    Args:
        descriptor: of the folder, which stays open for as long as it is listed.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._begin()

    def _begin(self) -> None:
        self._entries = os.scandir(self.descriptor)
        self._kept: Entry | None = None
        self._next = 0

    def entries(self, first: int) -> Iterator[tuple[int, Entry]]:
        """Those from a number on; one that is not asked for behind it comes again later."""
        if first < self._next:
            self.close()
            self._begin()
        while (entry := self._take()) is not None:
            if self._next < first:
                self._next += 1
                continue
            self._kept = entry
            yield self._next, entry
            self._kept = None
            self._next += 1

    def _take(self) -> Entry | None:
        kept, self._kept = self._kept, None
        return kept if kept is not None else next(self._entries, None)

    def close(self) -> None:
        """Let go of the entries."""
        self._entries.close()


@dataclass
class Fid:
    """One of them.

    Attributes:
        names: that lead to the file.
        descriptor: of the file, once it is open; -1 before.
        listing: of a folder that is open.
    """

    names: Names
    descriptor: int = -1
    listing: OpenFolder | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """Below the folder."""
        return path_of(self.names)

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self.descriptor >= 0

    def below(self, name: str) -> Names:
        """The names of a file in this folder; raises OSError."""
        if len(self.names) >= MOST_NAMES:
            raise failure(errno.ENAMETOOLONG)
        return (*self.names, checked_name(name))

    def close(self) -> None:
        """Close what is open; raises OSError for what could not be written."""
        if self.listing is not None:
            self.listing.close()
        descriptor, self.descriptor, self.listing = self.descriptor, -1, None
        if descriptor >= 0:
            os.close(descriptor)


class FidTable:
    """All fids of a client. Each method raises OSError."""

    def __init__(self) -> None:
        self._fids: dict[int, Fid] = {}

    def find(self, number: int) -> Fid:
        """The fid of a number."""
        fid = self._fids.get(number)
        if fid is None:
            raise failure(errno.EBADF)
        return fid

    def items(self) -> list[tuple[int, Fid]]:
        """All of them, by number."""
        return sorted(self._fids.items())

    def put(self, number: int, names: Names) -> None:
        """Let a number, which stands for nothing, stand for a file."""
        if number == NO_FID or number in self._fids:
            raise failure(errno.EBADF)
        if len(self._fids) >= MOST_FIDS:
            raise failure(errno.ENFILE)
        self._fids[number] = Fid(names)

    def check_room(self) -> None:
        """See that one more may be open."""
        if sum(fid.is_open for fid in self._fids.values()) >= MOST_OPEN:
            raise failure(errno.EMFILE)

    def take(self, number: int) -> Fid:
        """Let a number stand for nothing; the fid, which is to be closed."""
        fid = self.find(number)
        del self._fids[number]
        return fid

    def renamed(self, old: Names, new: Names) -> None:
        """Follow a file, and all that is below it, to other names."""
        for fid in self._fids.values():
            if fid.names[: len(old)] == old:
                fid.names = new + fid.names[len(old) :]

    def clear(self) -> None:
        """Close all; what the host says then nobody is told."""
        while self._fids:
            _, fid = self._fids.popitem()
            try:
                fid.close()
            except OSError:
                continue
