"""The live status line on stderr, beside the guest's console on stdout.

Both may be the same terminal. So the line is taken away before the guest writes, and is drawn only
while the guest's output stands at the start of a line: a prompt of the guest's stays whole. (rich's
Live redraws whatever line the cursor is in, so the line is drawn here with rich's control codes.)
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

from mttcg.cli.render import make_console
from mttcg.supervisor.results.live_status import status_text
from mttcg.supervisor.results.result import Status
from mttcg.terminal import shown

SECONDS_BETWEEN_DRAWINGS = 0.1
ERASE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


class StatusLine:
    """One line that is drawn over and over; call it with a Status to draw it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.drawn_at = float("-inf")
        self.visible = False
        self.guest_at_line_start = True
        self.retired = False

    def __call__(self, status: Status) -> None:
        """Draw the line, unless it was drawn a moment ago or the guest is inside a line."""
        now = time.monotonic()
        if (
            self.retired
            or not self.guest_at_line_start
            or now - self.drawn_at < SECONDS_BETWEEN_DRAWINGS
        ):
            return
        self.drawn_at = now
        self.erase()
        line = Text(shown(status_text(status)), style="dim", no_wrap=True)
        # one column less than there are: a full line would make some terminals scroll
        line.truncate(self.console.width - 1, overflow="ellipsis")
        self.console.print(line, end="")
        self.visible = True

    def retire(self) -> None:
        """Draw it no more: somebody works with the guest at this terminal."""
        self.erase()
        self.retired = True

    def erase(self) -> None:
        """Take the line away if it is there; the cursor is at the start of its place then."""
        if self.visible:
            self.console.control(ERASE)
            self.visible = False

    def before_guest_output(self, data: bytes) -> None:
        """Make room for `data`, which the guest is about to write to the same terminal."""
        self.erase()
        self.guest_at_line_start = data.endswith(b"\n")


@contextmanager
def status_line(enabled: bool, console: Console | None = None) -> Iterator[StatusLine | None]:
    """Give the status line for a run, to be called with each Status; None if not `enabled`.

    `console` is that of stderr unless another is given. At the end the line is gone.
    """
    if not enabled:
        yield None
        return
    line = StatusLine(console or make_console(sys.stderr))
    try:
        yield line
    finally:
        line.erase()
        if not line.guest_at_line_start:
            line.console.line()
