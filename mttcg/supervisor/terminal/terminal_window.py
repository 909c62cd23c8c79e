"""The size of the window that the guest's console is shown in."""

import os

from mttcg.supervisor.run_state import RunState


class TerminalWindow:
    """Tells the device process of it, if there is a virtio console on a terminal.

    Args:
        run: the run.
        terminal: descriptor of the terminal, None if there is none.
    """

    def __init__(self, run: RunState, terminal: int | None) -> None:
        self.run = run
        self.terminal = terminal if run.config.has_virtio_console else None

    def look(self) -> None:
        """See whether the size is another."""
        if self.terminal is None:
            return
        try:
            columns, rows = os.get_terminal_size(self.terminal)
        except OSError:  # it is no terminal, or one that is gone
            return
        machine = self.run.machine
        if (columns, rows) != machine.window_size and columns and rows:
            machine.window_size = columns, rows
            os.eventfd_write(self.run.device_fds["devices"], 1)
