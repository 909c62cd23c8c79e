"""The guest's console on the host's standard streams: output, and the terminal's keyboard."""

import os
import stat
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TextIO


def ensure_stderr() -> None:
    """Send stderr to /dev/null if it is closed; print() would take stdout in its place."""
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


class GuestOutput:
    """The guest's output on stdout, at once and unchanged.

    `before` is called with each piece before it is written. When the reader of a pipe goes away the
    guest goes on: the rest of its output is dropped and `lost` says so.
    """

    def __init__(self, stream: BinaryIO, before: Callable[[bytes], None] | None = None) -> None:
        self.stream = stream
        self.before = before
        self.lost = False

    def write(self, data: bytes) -> int:
        """Write and flush; returns the number of bytes taken, which is all of them."""
        if self.lost:
            return len(data)
        if self.before is not None:
            self.before(data)
        try:
            self.stream.write(data)
            self.stream.flush()
        except BrokenPipeError:
            self.lost = True
            discard_stream(self.stream)
        return len(data)

    def flush(self) -> None:
        """Nothing to do: every write is flushed."""


def discard_stream(stream: BinaryIO) -> None:
    """Let a stream end in /dev/null, so that what it still buffers fails no flush at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def stdin_descriptor(stdin: TextIO | None) -> int | None:
    """Give the descriptor that the guest's input comes from: a terminal, a pipe or a socket.

    None if stdin is closed, or is something that cannot be waited for, like a regular file, or is
    a terminal that another job has in the foreground.
    """
    try:
        descriptor = stdin.fileno() if stdin is not None else -1
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):
        return None
    if os.isatty(descriptor):
        return descriptor if is_foreground(descriptor) else None
    return descriptor if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def is_regular_file(stdin: TextIO | None) -> bool:
    """Tell whether stdin is a file on a disk, whose input the user would miss."""
    try:
        return stdin is not None and stat.S_ISREG(os.fstat(stdin.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def is_foreground(terminal: int) -> bool:
    """Tell whether this process may read the terminal and set its mode without being stopped."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # not our controlling terminal: no job control there
        return True


@contextmanager
def guest_input() -> Iterator[int | None]:
    """Give the descriptor of the guest's input for a run, None if there is none.

    A terminal gives each key at once and without echo (the guest echoes what it wants to), signals
    as usual, until the end of the run restores it.
    """
    descriptor = stdin_descriptor(sys.stdin)
    if descriptor is None and is_regular_file(sys.stdin):
        wrong = "stdin is a file, which the guest does not get; give it through a pipe"
        print(f"mttcg: {wrong}", file=sys.stderr)
    if descriptor is None or not os.isatty(descriptor):
        yield descriptor
        return
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
