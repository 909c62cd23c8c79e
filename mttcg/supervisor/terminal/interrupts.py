"""Ctrl-C while a guest runs: noted, and taken up between two other things that happen."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_SECONDS = 0.3
"""Two within this time are one, which came twice: from the terminal, and from the program that
started us (make, uv run, an IDE), which passes on what it got from the terminal as well."""


class Interrupts:
    """Notes the signals whose handlers raise KeyboardInterrupt, in place of that exception.

    An exception could strike in the middle of a message between processes, which would be lost.
    `fileno` is readable while one waits to be taken up. When a second one comes before that, its
    exception goes through: so whoever is stuck, in a console that takes nothing for one, comes
    free. Only the main thread gets signals; in another thread nothing is noted.
    """

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.wanted = self.waiting = False
        self.last = float("-inf")
        self.before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def fileno(self) -> int:
        """Descriptor, for a poll loop."""
        return self.descriptor

    def _note(self, number: int, frame: FrameType | None) -> None:
        try:
            self.before[number](number, frame)
        except KeyboardInterrupt:
            last, self.last = self.last, time.monotonic()
            if self.last - last < SAME_SECONDS:
                return
            if self.waiting:
                raise
            self.waiting = True
            os.eventfd_write(self.descriptor, 1)

    def interrupt(self) -> None:
        """Have one wait, as if it had come; from any thread, also before the guest starts."""
        self.wanted = self.waiting = True
        with contextlib.suppress(OSError):  # it has ended, and is closed
            os.eventfd_write(self.descriptor, 1)

    def take(self) -> bool:
        """Take up the one that waits; whether there was one."""
        if not self.waiting:
            return False
        os.eventfd_read(self.descriptor)
        self.waiting = False
        return True

    def let_through(self) -> None:
        """Note no more: the next one raises."""
        self.waiting = True

    def __enter__(self) -> Self:
        """Put itself before the handlers that are there; may be done again after the end."""
        self.waiting = self.wanted
        if threading.current_thread() is threading.main_thread():
            for number in NUMBERS:
                handler = signal.getsignal(number)
                if callable(handler):  # not what is ignored, nor what ends the process
                    self.before[number] = handler
                    signal.signal(number, self._note)
        return self

    def __exit__(self, *_error: object) -> None:
        """Put the handlers back."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before.clear()

    def close(self) -> None:
        """Close the descriptor."""
        os.close(self.descriptor)
