"""What plugins print: line by line, beside the guest's output on the same terminal."""

import io
import sys
from typing import Any

from mttcg.vcpu.machine.shared import MachineState

STDOUT = 1


class PrintedLines(io.FileIO):
    """Standard output of a vCPU process, where a line of the guest's may have begun.

    Args:
        machine: knows whether one has; the next begins below it then.
    """

    def __init__(self, machine: MachineState) -> None:
        super().__init__(STDOUT, "w", closefd=False)
        self.machine = machine

    def write(self, data: Any) -> int:
        """Write whole lines at once."""
        if not self.machine.in_line:
            return super().write(data)
        self.machine.in_line = False
        return max(0, super().write(b"\n" + bytes(data)) - 1)


def print_by_line() -> None:
    """Let what plugins print be seen line by line, also if their process is killed.

    A line is one write, PYTHONUNBUFFERED or not: those of several machines do not mix.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, write_through=False)


def print_beside(machine: MachineState) -> None:
    """Let what plugins print in this process begin on lines of its own, see `PrintedLines`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        buffer = io.BufferedWriter(PrintedLines(machine))
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = io.TextIOWrapper(buffer, encoding, errors, line_buffering=True)
