"""A vCPU's ends of the guest's console."""

import os
from dataclasses import dataclass

from mttcg.vcpu.machine.descriptors import readable


@dataclass(frozen=True)
class ConsoleEnds:
    """A process's ends of the guest's console, by descriptor."""

    output: int
    input: int

    def send(self, data: bytes) -> None:
        """Write; it takes as long as the console takes, and a closed one takes all."""
        try:
            while data:
                data = data[os.write(self.output, data) :]
        except BrokenPipeError:
            return

    def take(self) -> int | None:
        """One character of input if one waits."""
        if not self.waiting():
            return None
        try:
            taken = os.read(self.input, 1)
        except BlockingIOError:
            return None  # another vCPU was quicker
        return taken[0] if taken else None

    def read(self, size: int) -> bytes | None:
        """So much of the input, or what there is; b"" at its end, None if none waits."""
        try:
            return os.read(self.input, size)
        except BlockingIOError:
            return None

    def waiting(self) -> bool:
        """Whether a character waits."""
        return readable(self.input)
