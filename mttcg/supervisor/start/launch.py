"""The vCPU host, and the handshake that loads the plugins before anything runs."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from mttcg.config import Config
from mttcg.errors import EXIT_REFUSED, MttcgError, UserError
from mttcg.guest.image import GuestImage
from mttcg.instrument.program.reach import Reach
from mttcg.instrument.program.symbol_names import readable_name
from mttcg.memory.address import Virtual
from mttcg.supervisor.start.host_process import HostProcess
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import HostRefused, Prepare, Ready
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.needs import Needs
from mttcg_bus.run_info import RunInfo

END_SECONDS = 5.0
"""How long a host that closed its channel may take to exit."""


def end_text(status: int | None) -> str:
    """How a process ended, by its Popen.returncode; None if it has not."""
    if status is None:
        return "still there"
    if status == EXIT_REFUSED:
        return "a limit of the host, see ulimit -a"
    return f"signal {-status}" if status < 0 else f"exit status {status}"


class HostLostError(MttcgError):
    """The vCPU host ended before it should have."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the vCPU host ended unexpectedly ({end_text(status)})")
        self.status = status


class RefusedByHostError(UserError):
    """A plugin could not be loaded or refused to start; said by the host, in its words."""


@dataclass
class WaitingHost:
    """The vCPU host, which waits to be told what to do, and the channel to it."""

    process: "subprocess.Popen[bytes]"
    channel: Channel

    def send(self, message: ProcessMessage, descriptors: list[int] | None = None) -> None:
        """Send it a message and descriptors; raises HostLostError."""
        try:
            self.channel.send(message, descriptors or [])
        except OSError as error:
            raise self.lost() from error

    def lost(self) -> HostLostError:
        """The error for a host that closed its channel, with the exit status that it ends with."""
        try:
            return HostLostError(self.process.wait(END_SECONDS))
        except subprocess.TimeoutExpired:
            return HostLostError(None)

    def end(self) -> None:
        """Kill the host if it runs, and with it every process that it forked; see all gone.

        They have its end of the channel as well, and the kernel kills them with it.
        """
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.channel.wait_end(time.monotonic() + END_SECONDS)
        self.channel.close()


@dataclass
class Host(WaitingHost):
    """The running vCPU host, with the plugins that it has loaded.

    `needs` is what the plugins that there are now declared, and these themselves.
    `ticks_per_second` is the rate of the clock of records, 0 if none can have times. `warnings`: of
    what the plugins attached.
    """

    needs: Needs
    ticks_per_second: int
    warnings: tuple[str, ...]

    def plugin_specs(self) -> list[str]:
        """The plugins that there are now, as users gave them."""
        return [plugin.spec for plugin in self.needs.plugins]

    def add(self, needs: Needs) -> None:
        """Count a plugin, and what it declared, among those that there are."""
        self.needs = self.needs.plus(needs)

    def take_out(self, plugin: str) -> None:
        """Count a plugin among those that there are no more."""
        self.needs = self.needs.without(plugin)


def prepare_host(
    started: HostProcess, config: Config, image: GuestImage, run: Callable[[], RunInfo]
) -> Host:
    """Load the plugins in the host, which refuse what can't be; `run` gives what is for them.

    Raises RefusedByHostError with the host's words, HostLostError.
    """
    symbols: dict[str, Virtual] = {}
    has_plugins = bool(config.plugins or config.control)  # one may come later
    if has_plugins:
        symbols = {readable_name(name): symbol.address for name, symbol in image.by_name.items()}
        symbols |= {name: symbol.address for name, symbol in image.by_name.items()}
    # a kernel runs its code where it maps that
    boots = config.kernel is not None or config.bios is not None
    reach = None if boots else Reach(image.ram, image.placements).to_plain()
    prepare = Prepare(
        config=config,
        symbols=symbols,
        reach=reach,
        run=run().to_plain() if config.aggregate and has_plugins else None,
        supervisor=os.getpid(),
        isa=image.isa.name,
    )
    waiting = WaitingHost(started.process, Channel(started.end))
    try:
        ready = ask_ready(waiting, prepare)
    except BaseException:
        waiting.end()
        raise
    return Host(
        waiting.process, waiting.channel, ready.needs, ready.ticks_per_second, ready.warnings
    )


def ask_ready(waiting: WaitingHost, prepare: Prepare) -> Ready:
    """Have the host load the plugins; raises RefusedByHostError, HostLostError."""
    waiting.send(prepare)
    received = waiting.channel.receive()
    if received is None:
        raise waiting.lost()
    message = received[0]
    if isinstance(message, HostRefused):
        raise RefusedByHostError(message.reason)
    return expect(message, Ready)
