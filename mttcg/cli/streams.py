"""The guest's console on the host's standard streams: output, and the terminal's keyboard."""

import errno
import io
import os
import stat
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO

from mttcg.cli.terminal_guard import guarded

INPUTS = (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFREG)
"""Kinds of file that may be the guest's input, besides a terminal."""
STANDARD_DESCRIPTORS = (0, 1, 2)
LINE_END_CHANGES = termios.ICRNL | termios.INLCR | termios.IGNCR
"""Input flags with which a terminal's driver makes CR, or LF, another character (termios(3))."""


INPUT_CHANGES = LINE_END_CHANGES | termios.IXON | termios.ISTRIP | termios.BRKINT | termios.PARMRK
"""And all others by which keys change, or stop the output."""
KEYS_WITH_MEANING = termios.ISIG | termios.IEXTEN
"""Local flags with which keys are signals, or quote the next."""


class LenientFile(io.FileIO):
    """A file that takes everything, also what the kernel does not."""

    def write(self, data: Any) -> int:
        """Write, and say that it was."""
        with suppress(OSError):
            return super().write(data)
        return len(data)


def ensure_stderr() -> None:
    """Have a stderr that takes everything: that it can't be written changes no exit status.

    What goes to a closed standard stream goes to /dev/null: print() would take stdout in place of a
    closed stderr, and files opened later would get the free descriptors, which the processes that
    we start take for their standard streams.
    """
    for descriptor in STANDARD_DESCRIPTORS:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
            os.set_inheritable(descriptor, True)
    if sys.stderr is None or sys.stderr is sys.__stderr__:
        buffer = io.BufferedWriter(LenientFile(2, "w", closefd=False))
        errors = "backslashreplace"
        sys.stderr = io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=True)


class GuestOutput:
    """The guest's output on stdout, at once and unchanged.

    `before` is called with each piece before it is written. When the reader of a pipe goes away the
    guest goes on: the rest of its output is dropped and `closed` says so. It is dropped after any
    other error as well, or a Ctrl-C while a full pipe makes it wait, which are raised.
    """

    def __init__(self, stream: BinaryIO, before: Callable[[bytes], None] | None = None) -> None:
        self.stream = stream
        self.before = before
        self.lost = self.closed = False

    def write(self, data: bytes) -> int:
        """Write and flush; returns the number of bytes taken, which is all of them."""
        if self.lost:
            return len(data)
        if self.before is not None:
            self.before(data)
        try:
            self.stream.write(data)
            self.stream.flush()
        except BaseException as error:
            self.lost = True
            discard_stream(self.stream)
            if not isinstance(error, BrokenPipeError):
                raise
            self.closed = True
        return len(data)

    def flush(self) -> None:
        """Nothing to do: every write is flushed."""

    def fileno(self) -> int:
        """The descriptor that it writes to."""
        return self.stream.fileno()


def discard_stream(stream: BinaryIO | TextIO) -> None:
    """Let a stream end in /dev/null, so that what it still buffers fails no flush at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


def stdin_descriptor(stdin: TextIO | None) -> int | None:
    """Give the descriptor that the guest's input comes from: a terminal, pipe, socket or file.

    None if stdin is closed, or is something that gives no input (/dev/null) or never ends
    (/dev/zero), or is a terminal that another job has in the foreground.
    """
    try:
        descriptor = stdin.fileno() if stdin is not None else -1
        mode = os.fstat(descriptor).st_mode
    except (OSError, ValueError):
        return None
    if os.isatty(descriptor):
        return descriptor if is_foreground(descriptor) else None
    return descriptor if stat.S_IFMT(mode) in INPUTS else None


def is_foreground(terminal: int) -> bool:
    """Tell whether this process may read the terminal and set its mode without being stopped."""
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:  # not our controlling terminal: no job control there
        return True


@contextmanager
def unless_gone() -> Iterator[None]:
    """Set a terminal's mode, unless it is gone, as when its window was closed."""
    try:
        yield
    except termios.error as error:
        if error.args[0] != errno.EIO:
            raise


@contextmanager
def guest_input() -> Iterator[tuple[int | None, Callable[[], None] | None]]:
    """Give the descriptor of the guest's input for a run, None if there is none.

    A terminal gives each key at once and without echo (the guest echoes what it wants to), CR for
    Enter and LF for Ctrl-J as on a serial line, signals as usual, until the end of the run restores
    it. With it comes what makes it raw till then: no key is a signal, or stops output.
    """
    descriptor = stdin_descriptor(sys.stdin)
    if descriptor is None or not os.isatty(descriptor):
        yield descriptor, None
        return

    def set_raw() -> None:
        with unless_gone():
            mode = termios.tcgetattr(descriptor)
            mode[0] &= ~INPUT_CHANGES
            mode[3] &= ~KEYS_WITH_MEANING
            termios.tcsetattr(descriptor, termios.TCSANOW, mode)

    before = termios.tcgetattr(descriptor)
    with guarded(descriptor):
        try:
            tty.setcbreak(descriptor)
            mode = termios.tcgetattr(descriptor)
            mode[0] &= ~LINE_END_CHANGES
            termios.tcsetattr(descriptor, termios.TCSANOW, mode)
            yield descriptor, set_raw
        finally:
            with unless_gone():
                termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
