"""How a run goes, below the cell of a notebook that runs it."""

import html
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mttcg.supervisor.results.live_status import status_text
from mttcg.supervisor.results.result import Status

SECONDS_BETWEEN_DRAWINGS = 0.5
"""Each is a message to the browser; what is over sooner is not shown at all."""


class NotebookStatus:
    """A bar, with the status as text; call it with a Status to show it.

    How far a guest has come nobody knows, so the bar only moves.

    Args:
        show: shows HTML below the cell, and gives what changes that later.
    """

    def __init__(self, show: Callable[[str], Callable[[str], None]]) -> None:
        self.show = show
        self.change: Callable[[str], None] | None = None
        self.drawn_at = time.monotonic()

    def __call__(self, status: Status) -> None:
        """Show it, unless that was done a moment ago."""
        now = time.monotonic()
        if now - self.drawn_at < SECONDS_BETWEEN_DRAWINGS:
            return
        self.drawn_at = now
        text = f"<progress></progress> <code>{html.escape(status_text(status))}</code>"
        if self.change is None:
            self.change = self.show(text)
        else:
            self.change(text)

    def erase(self) -> None:
        """Take it away."""
        if self.change is not None:
            self.change("")


@contextmanager
def notebook_status() -> Iterator[NotebookStatus | None]:
    """Give what shows a run in the notebook that this process is of; None elsewhere.

    At the end there is nothing of it left.
    """
    if not in_notebook():
        yield None
        return
    status = NotebookStatus(show_below_cell)
    try:
        yield status
    finally:
        status.erase()


def in_notebook() -> bool:
    """Whether a kernel of Jupyter's runs this process; a terminal of IPython's has none."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None


def show_below_cell(text: str) -> Callable[[str], None]:
    """Show HTML below the cell that runs; what changes it."""
    display: Any = sys.modules["IPython"].display
    handle = display.display(display.HTML(text), display_id=True)
    return lambda later: handle.update(display.HTML(later))
