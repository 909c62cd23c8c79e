"""What the first process of the guest is told to do (programs/init/task.h).

What is the same for all programs is in the guest from its start; the rest the host gives it when it
asks, so that a guest that goes on from a snapshot can get another program each time.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mttcg.attached import WRITTEN
from mttcg.errors import UserError
from mttcg.programs.folders import GuestFolders

MOUNT_OPTIONS = "trans=virtio,version=9p2000.L,msize=262144,cache=readahead"
"""linux: Documentation/filesystems/9p.rst; reads are ahead of the program, writes at once."""
MOST_BYTES, MOST_WORDS = (1 << 20) - 1024, 4096
"""Of all that is said, less what the device says itself, and arguments, or variables."""
NO_PROGRAM = b"q\0"
"""The machine ends."""


class TooLongError(UserError):
    """The arguments and the environment of a program are more than there is room for."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the program's {what} are too many; expected at most {most}")


@dataclass(frozen=True)
class ProgramTask:
    """A program, and what is done before it.

    Attributes:
        folders: the guest's file system.
        folder: the working directory.
        program: its path.
        arguments: the first is its name.
        environment: its variables.
        joins_errors: whether its errors go where its output goes.
        is_seen: whether it stands still until the host has seen that it starts.
    """

    folders: GuestFolders
    folder: str
    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    joins_errors: bool
    is_seen: bool

    def content(self) -> bytes:
        """Return the file. Raises TooLongError."""
        for what, words in (("arguments", self.arguments), ("variables", self.environment)):
            if len(words) > MOST_WORDS:
                raise TooLongError(what, MOST_WORDS)
        found = packed(self._records())
        if len(found) > MOST_BYTES:
            raise TooLongError("arguments and variables, with its folders,", MOST_BYTES)
        return found

    def _records(self) -> Iterator[tuple[str, str]]:
        yield from (("f", str(path)) for path in self.folders.folders)
        for path, target in self.folders.links.items():
            yield "l", target
            yield "n", str(path)
        yield "o", MOUNT_OPTIONS
        for mount in self.folders.mounts:
            yield "t", mount.share.tag
            yield ("w" if mount.share.access == WRITTEN else "r"), str(mount.place)
        yield "d", self.folder
        yield "p", self.program
        yield from (("a", argument) for argument in self.arguments)
        yield from (("e", f"{name}={value}") for name, value in self.environment.items())
        if self.is_seen:
            yield "x", ""
        if self.joins_errors:
            yield "2", ""


def kernel_task(modules: Sequence[str]) -> bytes:
    """Return what is done for all programs; modules: paths of the kernel's, in order."""
    return packed(("m", f"/{module}") for module in modules)


def packed(records: Iterable[tuple[str, str]]) -> bytes:
    """Return records as the first process reads them."""
    return b"".join(letter.encode() + os.fsencode(text) + b"\0" for letter, text in records)
