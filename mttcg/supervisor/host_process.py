"""The process of the vCPU host: it loads its modules while the supervisor goes on loading."""

import socket
import subprocess
import sys
from typing import Self

from mttcg_bus.host.threads import single_threaded

PYTHON = (sys.executable, "-P")
"""How our own processes are started: no module of the directory that the user is in is ours."""


class HostProcess:
    """A vCPU host that waits to be told what to do; a context, at whose end it has ended.

    end: of the channel to it. Raises OSError if the system can't have one more process.
    """

    def __init__(self) -> None:
        self.end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [*PYTHON, "-m", "mttcg.processes.host", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a plugin prints is not the guest's console
                env=single_threaded(always=True),
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.end.close()
