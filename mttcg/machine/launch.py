"""Starting the vCPU host, and the handshake that loads the plugins before anything runs."""

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from mttcg.config import Config
from mttcg.errors import MttcgError, UserError
from mttcg.machine.image import GuestImage
from mttcg.vcpu.channel import Channel

SINGLE_THREADED = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The host forks, so no library may have started threads in it."""


class HostLostError(MttcgError):
    """The vCPU host ended before it should have."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the vCPU host ended unexpectedly (exit status {status})")
        self.status = status


class RefusedByHostError(UserError):
    """A plugin could not be loaded or refused to start; said by the host, in its words."""


@dataclass
class Host:
    """The running vCPU host.

    `needs` is what the plugins declared: streams, boards, tables, and the plugins themselves.
    """

    process: "subprocess.Popen[bytes]"
    channel: Channel
    needs: dict[str, Any]

    def end(self) -> None:
        """Kill the host if it runs, and with it every vCPU; reap it."""
        self.channel.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def start_host(config: Config, image: GuestImage) -> Host:
    """Start the host and load the plugins there.

    Raises RefusedByHostError with the host's words, HostLostError.
    """
    ours, theirs = Channel.pair()
    command = [sys.executable, "-m", "mttcg.machine.host", str(theirs.fileno())]
    process = subprocess.Popen(
        command,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=2,  # what a plugin prints is not the guest's console
        env=os.environ | SINGLE_THREADED,
        start_new_session=True,
    )
    theirs.close()
    symbols = {symbol.name: symbol.address for symbol in image.symbols}
    host = Host(process, ours, {})
    try:
        ours.send({"plugins": list(config.plugins), "symbols": symbols})
        received = ours.receive()
        if received is None:
            raise HostLostError(process.wait())
        message, _ = received
        if "error" in message:
            raise RefusedByHostError(message["error"])
        host.needs = message["ready"]
    except BaseException:
        host.end()
        raise
    return host
