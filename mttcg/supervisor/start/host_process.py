"""The process of the vCPU host: it loads its modules while the supervisor goes on loading."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from mttcg.config import Config
from mttcg.errors import HostLimitError
from mttcg_bus.host.limits import host_refusal
from mttcg_bus.host.threads import single_threaded

PYTHON = (sys.executable, "-P")
"""How our own processes are started: no module of the directory that the user is in is ours."""


class HostProcess:
    """A vCPU host that waits to be told what to do; a context, at whose end it has ended.

    It loads meanwhile what a run with the engine of `config` needs.

    end: of the channel to it. Raises OSError if the system can't have one more process.
    """

    def __init__(self, config: Config) -> None:
        self.end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(
                [
                    *(*PYTHON, "-m", "mttcg.processes.host"),
                    *(str(theirs.fileno()), config.engine_name),
                ],
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


@contextmanager
def started_host(config: Config) -> Iterator[HostProcess]:
    """The vCPU host of a run; raises HostLimitError if the run needs more than the system gives."""
    try:
        with HostProcess(config) as host_process:
            yield host_process
    except Exception as error:
        if wrong := host_refusal(error, "a smaller machine"):
            raise HostLimitError(config.smp, config.memory, wrong) from error
        raise
