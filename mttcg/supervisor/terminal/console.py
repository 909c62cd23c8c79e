"""The guest's console at the supervisor's end: where output goes to, and where input comes from."""

import codecs
import math
import os
import selectors
import sys
import termios
import time
from collections.abc import Callable
from typing import Any, Protocol

CONSOLE_BYTES = 1 << 16
"""Most that is read at once, in either direction, and the most of a line that is kept."""
LINE_SECONDS, TYPED_SECONDS = 0.5, 0.02
"""How long the beginning of a line is kept after its last character; while somebody types at the
console, no longer than nobody sees."""
STDERR = 2


class ConsoleOutput(Protocol):
    """What takes the guest's output, as it comes; any binary file is one."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""

    def flush(self) -> object:
        """Let what was written be seen now."""


class TextStream(Protocol):
    """The part of a text file that a TextConsole needs."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> object:
        """Let what was written be seen now."""


class TextConsole:
    """A console on a text stream without bytes beneath, as `sys.stdout` is in a notebook.

    The output is taken for UTF-8, of which a character may come in pieces.
    """

    def __init__(self, stream: TextStream) -> None:
        self.stream = stream
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def write(self, data: bytes, /) -> None:
        """Show what `data` completes."""
        self.stream.write(self.decoder.decode(data))

    def flush(self) -> None:
        """Flush the stream."""
        self.stream.flush()


def standard_output() -> ConsoleOutput | None:
    """Standard output, as whoever calls has it now; None if it is closed.

    What was printed there before comes before the guest's output.
    """
    stream: Any = sys.stdout
    if stream is None or getattr(stream, "closed", False):
        return None
    binary: ConsoleOutput | None = getattr(stream, "buffer", None)
    if binary is None:
        return TextConsole(stream)
    stream.flush()
    return binary


class ConsoleLines:
    """The guest's output, as whole lines: what plugins print goes to the same terminal, or file.

    A guest writes character by character. What is no whole line yet is kept for a moment, so that
    a prompt is seen all the same.

    Args:
        seconds: how long the beginning of a line is kept.

    Attributes:
        due: when what is kept has to be shown (time.monotonic).
        written: bytes that the guest has written, in a run that may go back.
        known: those of them that come once more before there is anything new.
    """

    def __init__(self, seconds: float = LINE_SECONDS) -> None:
        self.seconds = seconds
        self.kept = b""
        self.due = math.inf
        self.written = self.known = 0

    def write_again(self, written: int) -> None:
        """The guest has gone back to where it had written so many bytes."""
        self.known += self.written - written
        self.written = written

    def take(self, data: bytes) -> bytes:
        """Take more of it; the whole lines that there are now."""
        self.written += len(data)
        again = min(self.known, len(data))
        self.known -= again
        data = data[again:]
        self.kept += data
        end = self.kept.rfind(b"\n") + 1
        return self._part(end if len(self.kept) - end < CONSOLE_BYTES else len(self.kept))

    def overdue(self) -> bytes:
        """What was kept for long enough."""
        return self.rest() if time.monotonic() >= self.due else b""

    def rest(self) -> bytes:
        """All that is kept."""
        return self._part(len(self.kept))

    def _part(self, size: int) -> bytes:
        shown, self.kept = self.kept[:size], self.kept[size:]
        self.due = time.monotonic() + self.seconds if self.kept else math.inf
        return shown


def is_beside_prints(console: ConsoleOutput | None) -> bool:
    """Whether a console is where plugins print, standard error: one terminal, or one file."""
    try:
        return os.path.sameopenfile(console.fileno(), STDERR)  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):
        return False  # none, closed, or nothing of the system's


def is_terminal(descriptor: int | None) -> bool:
    """Whether somebody may type at a descriptor."""
    return descriptor is not None and os.isatty(descriptor)


class ConsoleInput:
    """Carries what a descriptor gives to the guest's console, without ever waiting.

    What the guest has not taken is kept, and meanwhile nothing more is read: the one who types or
    writes waits, not the supervisor. Enter at a terminal arrives as CR, as a serial line brings it.

    Args:
        selector: tells when there is something to do; its data are functions to call.
        source: a terminal, pipe or socket, or a file, which is always ready.
        pipe: non-blocking write end of the pipe that the guest's UART reads.
        begin: called before anything is written there.
        ended: called when all has been written there.
        came: called after something was.
        sift: gives what is for the guest of what was read.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        source: int,
        pipe: int,
        begin: Callable[[], None],
        ended: Callable[[], None] = lambda: None,
        came: Callable[[], None] = lambda: None,
        sift: Callable[[bytes], bytes] = lambda data: data,
    ) -> None:
        self.selector, self.source, self.pipe = selector, source, pipe
        self.begin, self.ended, self.came, self.sift = begin, ended, came, sift
        self.kept = b""
        self.waits_for: int | None = None
        try:
            self._wait_for(source)
            self.is_file = False
        except PermissionError:  # epoll_ctl(2): what is always ready can't be waited for
            self.is_file = True
            self._wait_for(pipe)

    @property
    def is_open(self) -> bool:
        """Whether there may be more."""
        return self.waits_for is not None

    def _wait_for(self, descriptor: int | None) -> None:
        """Be called when this descriptor is ready, and for no other."""
        if self.waits_for is not None:
            self.selector.unregister(self.waits_for)
            self.waits_for = None
        if descriptor == self.source:
            self.selector.register(descriptor, selectors.EVENT_READ, self._read)
        elif descriptor is not None:
            self.selector.register(descriptor, selectors.EVENT_WRITE, self._write)
        self.waits_for = descriptor

    def _read(self) -> None:
        try:
            data = os.read(self.source, CONSOLE_BYTES)
        except BlockingIOError:
            return  # somebody else read it first
        except OSError:  # the terminal is gone: as good as its end
            data = b""
        self.kept = self.sift(as_typed(self.source, data))
        if data and not self.kept:
            return  # nothing of it was for the guest
        self._wait_for(self.pipe if self.kept else None)
        if not self.kept:
            self.ended()

    def _write(self) -> None:
        if not self.kept:
            self._read()
        if self.kept:
            self.begin()
            self.kept = self.kept[os.write(self.pipe, self.kept) :]
            self.came()
        if not self.kept and not self.is_file:
            self._wait_for(self.source)


def as_typed(source: int, data: bytes) -> bytes:
    """Undo what a terminal's driver makes of Enter (ICRNL, termios(3)): LF becomes CR again.

    What did not come from such a terminal stays as it is.
    """
    try:
        flags: int = termios.tcgetattr(source)[0]
    except termios.error:  # no terminal, or one that is gone
        return data
    return data.replace(b"\n", b"\r") if flags & termios.ICRNL else data
