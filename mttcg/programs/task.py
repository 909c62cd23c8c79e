"""What the first process of the guest is told to do (programs/init/task.h)."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mttcg.attached import WRITTEN
from mttcg.errors import UserError
from mttcg.programs.folders import Mount

MOUNT_OPTIONS = "trans=virtio,version=9p2000.L,msize=262144,cache=readahead"
"""linux: Documentation/filesystems/9p.rst; reads are ahead of the program, writes at once."""
MOST_BYTES, MOST_WORDS = (1 << 20) - 1, 4096
"""Of all that is said, and arguments, or variables."""


class TooLongError(UserError):
    """The arguments and the environment of a program are more than there is room for."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the program's {what} are too many; expected at most {most}")


@dataclass(frozen=True)
class ProgramTask:
    """A program, and what is done before it.

    Attributes:
        modules: paths of the kernel's modules, in order.
        mounts: the host's folders, in order.
        folder: the working directory.
        program: its path.
        arguments: the first is its name.
        environment: its variables.
        joins_errors: whether its errors go where its output goes.
        is_seen: whether it stands still until the host has seen that it starts.
    """

    modules: Sequence[str]
    mounts: Sequence[Mount]
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
        found = b"".join(
            letter.encode() + os.fsencode(text) + b"\0" for letter, text in self._records()
        )
        if len(found) > MOST_BYTES:
            raise TooLongError("arguments and variables", MOST_BYTES)
        return found

    def _records(self) -> Iterator[tuple[str, str]]:
        yield from (("m", f"/{module}") for module in self.modules)
        yield "o", MOUNT_OPTIONS
        for mount in self.mounts:
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
