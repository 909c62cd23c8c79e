"""Benchmark: a debugger with breakpoints in code that does not run, by GDB's protocol alone."""

import contextlib
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import option

FIRST = 0x8010_0000
"""Where no code of the guest is."""
PATIENCE = 60.0
"""Seconds until the run waits for a debugger."""


@dataclass(frozen=True)
class Options:
    """Where the run waits, and how many there are."""

    place: Path = option(help="the socket of --gdb")
    number: int = option(100, help="of breakpoints")


def plugin_init(given: Options) -> None:
    """Start the debugger; this process goes on to be that of the vCPUs."""
    subprocess.Popen([sys.executable, __file__, str(given.place), str(given.number)])


def packet(content: str) -> bytes:
    """A packet of the protocol."""
    return f"${content}#{sum(content.encode()) % 256:02x}".encode()


def connected(place: Path) -> socket.socket:
    """The run, as soon as it waits."""
    until = time.monotonic() + PATIENCE
    while True:
        found = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            found.connect(str(place))
            return found
        found.close()
        if time.monotonic() > until:
            raise TimeoutError(place)
        time.sleep(0.01)


def debug(place: Path, number: int) -> None:
    """Set breakpoints, let the guest go on, and wait for its end."""
    points = [packet(f"Z0,{FIRST + 4 * each:x},4") for each in range(number)]
    with connected(place) as run:
        run.sendall(b"".join(points) + packet("vCont;c"))
        while run.recv(4096):
            pass


if __name__ == "__main__":
    debug(Path(sys.argv[1]), int(sys.argv[2]))
