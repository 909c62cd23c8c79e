"""How a program ended, by what its guest's first process says (programs/init/task.h)."""

import errno
import os
from enum import IntEnum

from mttcg.errors import EXIT_FAULT
from mttcg.programs.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND

SHIFT, MASK = 8, 0xFF
KEPT_BYTES = 1 << 14
"""Of what the kernel says at its console, which is shown if it fails."""


class Stage(IntEnum):
    """Where something failed, or that nothing did."""

    EXECUTE = 1
    FOLDER = 2
    MODULE = 3
    MOUNT = 4
    SYSTEM = 5
    ENDED = 256


WRONG = {
    Stage.EXECUTE: "it can't be executed",
    Stage.FOLDER: "the working directory can't be used",
    Stage.MODULE: "the kernel does not load one of its modules",
    Stage.MOUNT: "the kernel does not mount a folder of the host",
    Stage.SYSTEM: "the guest's first process failed",
}


class KernelLog:
    """A console that keeps the last of what the kernel says."""

    def __init__(self) -> None:
        self.kept = b""

    def write(self, data: bytes, /) -> None:
        """Take more."""
        self.kept = (self.kept + data)[-KEPT_BYTES:]

    def flush(self) -> None:
        """Nothing to do."""

    @property
    def text(self) -> str:
        """What is kept."""
        return self.kept.decode(errors="replace").replace("\r\n", "\n").strip()


def ending_of(program: str, status: int) -> tuple[int, str]:
    """Give the exit status, and what is to be said, "" if it is the program's own.

    status: of the run, whose guest ended it.
    """
    stage, number = status >> SHIFT, status & MASK
    if stage == Stage.ENDED:
        return number, ""
    if stage not in list(Stage):
        return EXIT_FAULT, f"{program}: Linux ended before it did"
    text = f"{program}: {WRONG[Stage(stage)]}: {os.strerror(number)}"
    if stage != Stage.EXECUTE:
        return EXIT_FAULT, text
    return (EXIT_NOT_FOUND if number == errno.ENOENT else EXIT_NOT_EXECUTABLE), text
