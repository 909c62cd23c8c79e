"""The keys of a terminal that is the guest's: which go to it, and which are for the run.

As on QEMU's serial console, what follows Ctrl-A is for the run; Ctrl-A twice is one for the guest.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from mttcg.terminal import tell

ESCAPE = 0x01
"""Ctrl-A."""
HELP = """\
Ctrl-A h       this help
Ctrl-A x       stop the guest
Ctrl-A c       prompt for commands
Ctrl-A Ctrl-A  send Ctrl-A to the guest"""
RAW_TEXT = "the guest has the terminal; Ctrl-A h for help, Ctrl-A x to stop it"


class KeyTaker(Protocol):
    """What takes the keys while it asks for something."""

    @property
    def is_open(self) -> bool:
        """Whether it does."""

    def take(self, key: int) -> None:
        """Take one byte that was typed."""


class Keyboard:
    """A terminal's keys.

    Until the terminal is raw they go to the guest as they are, and Ctrl-C is a signal.

    Args:
        set_raw: makes the terminal give every key as it is; whoever gives that restores it.
        at_once: whether it is raw from the start on, or when the guest asks to be interrupted for
            input.
        is_quiet: whether nothing is said when it becomes raw.

    Attributes:
        is_raw: whether it is.
        prompt: takes the keys while it is open.
    """

    def __init__(self, set_raw: Callable[[], None], at_once: bool, is_quiet: bool) -> None:
        self.set_raw, self.is_quiet = set_raw, is_quiet
        self.is_raw = self.escaped = False
        self.actions: Mapping[int, Callable[[], None]] = {}
        self.prompt: KeyTaker | None = None
        if at_once:
            self.begin_raw()

    def begin_raw(self) -> None:
        """Give the terminal to the guest, if that was not done."""
        if not self.is_raw:
            self.is_raw = True
            self.set_raw()
            if not self.is_quiet:
                tell(RAW_TEXT)

    def connect(self, leave: Callable[[], None], ask: Callable[[], None]) -> None:
        """Say what the keys behind Ctrl-A do: leave, and ask for commands; that sets `prompt`."""
        self.actions = {ord("h"): _help, ord("?"): _help, ord("x"): leave, ord("c"): ask}

    def take(self, data: bytes) -> bytes:
        """Take what was typed; what of it is for the guest."""
        if not self.is_raw:
            return data
        kept = bytearray()
        for key in data:
            if self.prompt is not None and self.prompt.is_open:
                self.prompt.take(key)
            elif self.escaped:
                self.escaped = False
                if key == ESCAPE:
                    kept.append(key)
                elif key in self.actions:
                    self.actions[key]()
            elif key == ESCAPE:
                self.escaped = True
            else:
                kept.append(key)
        return bytes(kept)


def _help() -> None:
    tell(HELP)
